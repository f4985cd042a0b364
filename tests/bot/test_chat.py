import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import col, select

from bot.parts import STORE
from preferences.store.keys import issue_key
from preferences.store.tables import MessageRow, SurroundingsRow
from preferences.understanding import Guess
from tests.bot.conftest import FakeRasa, Gateway, Start


async def test_what_is_said_is_kept_answered_and_streamed(gateway: Gateway) -> None:
    page = await gateway.page(locale="de-AT")
    status, answer = await page.say(event="opened")
    hello, offer = await page.log(2)

    assert (status, answer["seq"]) == (202, 1)
    assert hello["text"].startswith("Hallo, ich bin der automatische Assistent")
    assert (hello["seq"], hello["from"], hello["lang"]) == (2, "assistant", "de")
    assert offer["seq"] == 3


async def test_a_message_sent_again_is_the_same_message(gateway: Gateway) -> None:
    page = await gateway.page()
    name = str(uuid4())
    answers = [await page.say(text="hello", client_message_id=name) for _ in range(3)]
    await page.log(3)

    assert [answer["seq"] for _, answer in answers] == [1, 1, 1]
    assert len(await page.log(3)) == 3


async def test_while_rasa_is_away_messages_wait_and_are_answered_in_order(
    gateway: Gateway, rasa: FakeRasa
) -> None:
    rasa.awake = False
    page = await gateway.page()
    async with gateway.http.get(f"{gateway.url}/readyz") as response:
        assert response.status == 503
        assert (await response.json())["parts"] == {
            "store": "ready",
            "assistant": "the Rasa server is not answering yet",
        }
    for text in ("one", "two", "three"):
        assert (await page.say(text=text))[0] == 202
    rasa.awake = True
    lines = await page.log(7)

    assert [line["text"] for line in lines[:3]] == ["one", "two", "three"]
    answered = [turn for turn in rasa.texts if turn]
    assert list(dict.fromkeys(answered)) == ["one", "two", "three"]


async def test_what_one_gateway_left_unanswered_the_next_one_answers(
    start: Start, rasa: FakeRasa
) -> None:
    rasa.awake = False
    async with start() as first:
        page = await first.page()
        await page.say(text="are you there?")
    rasa.awake = True
    async with start() as second:
        page.url, page.http = second.url, second.http
        lines = await page.log(3)

    assert lines[0]["text"] == "are you there?"
    assert lines[1]["from"] == "assistant"


async def test_a_message_that_rasa_refuses_ends_with_an_apology(
    gateway: Gateway, rasa: FakeRasa
) -> None:
    rasa.status = 422
    page = await gateway.page()
    await page.say(text="poison")
    _, hello, apology = await page.log(3)
    rasa.status = 200
    await page.say(text="and now?")
    lines = await page.log(2, after=apology["seq"])

    assert "automated assistant" in hello["text"]
    assert "something went wrong on my side" in apology["text"]
    assert lines[1]["from"] == "assistant"


async def test_a_button_of_this_conversation_is_understood_and_of_another_refused(
    gateway: Gateway,
) -> None:
    for days in range(10, 70, 10):
        await gateway.has_bought("7", "shirt", days_ago=days)
    await gateway.has_bought("7", "dress")
    page, other = await gateway.page("7"), await gateway.page("8")
    await page.say(event="opened")
    consent = (await page.log(2))[1]
    agree = consent["choices"][0]

    assert (await other.say(press=agree["press"]))[0] == 401
    assert (await page.say(press=agree["press"] + "0"))[0] == 401
    assert (await page.say(press=agree["press"]))[0] == 202
    pressed, _, question = await page.log(3, after=consent["seq"])
    assert pressed["text"] == agree["label"] == "Yes, you may"
    assert "Linen dress" in question["text"]


async def test_an_order_in_a_warm_conversation_is_told_there(gateway: Gateway) -> None:
    for days in range(10, 70, 10):
        await gateway.has_bought("7", "shirt", days_ago=days)
    page = await gateway.page("7")
    await page.say(event="opened")
    offer = (await page.log(2))[1]
    await gateway.has_bought("7", "dress")
    [consent] = await page.log(1, after=offer["seq"])

    assert consent["kind"] == "consent"


async def test_the_stream_goes_on_where_it_was_left(gateway: Gateway) -> None:
    page = await gateway.page()
    await page.say(text="hello")
    lines = await page.log(3)

    assert await page.log(1, after=2) == lines[2:]
    headers = page.headers | {"Last-Event-ID": "1"}
    async with gateway.http.get(f"{gateway.url}/v1/chat/stream", headers=headers) as response:
        first = await anext(aiter(response.content))
    assert first == b"id: 2\r\n"


async def test_an_open_stream_is_told_that_the_assistant_wakes_and_thinks(
    gateway: Gateway, rasa: FakeRasa
) -> None:
    rasa.awake = False
    await gateway.http.get(f"{gateway.url}/readyz")
    page = await gateway.page()
    states = []
    async with asyncio.timeout(10), page.stream() as events:
        async for name, data in events:
            states += [data["state"]] if name == "status" else []
            if states == ["waking"]:
                rasa.awake = True
            if states[-1:] == ["ready"] and "thinking" not in states:
                await page.say(text="hello")
            if "thinking" in states and states[-1] == "ready":
                break

    assert states[0] == "waking"


async def test_too_much_at_once_is_told_when_to_come_back_but_stop_always_passes(
    gateway: Gateway,
) -> None:
    page = await gateway.page()
    statuses = [(await page.say(text=f"message {number}"))[0] for number in range(5)]
    status, problem = await page.say(text="one more")

    assert statuses == [202] * 5
    assert status == 429
    assert int(problem["headers"]["Retry-After"]) > 0
    assert (await page.say(text="STOP"))[0] == 202


async def test_messages_of_one_address_are_limited_whatever_session_they_are_of(
    start: Start,
) -> None:
    async with start(messages_per_minute_per_address=1) as gateway:
        pages = [await gateway.page() for _ in range(5)]
        statuses = [(await page.say(text=f"{n}"))[0] for page in pages for n in range(4)]
        status, problem = await pages[0].say(text="one more")

    assert statuses == [202] * 20
    assert (status, problem["headers"]["Retry-After"].isdigit()) == (429, True)


async def test_sessions_of_one_address_are_limited(start: Start) -> None:
    async with start(sessions_per_minute_per_address=1) as gateway:
        statuses = []
        for _ in range(12):
            async with gateway.http.post(f"{gateway.url}/v1/chat/sessions", json={}) as response:
                statuses.append(response.status)

    assert statuses == [201] * 10 + [429] * 2


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil"])
async def test_a_page_of_another_origin_is_refused(start: Start, origin: str) -> None:
    async with start(origins="https://shop.example") as gateway:
        url, headers = f"{gateway.url}/v1/chat/sessions", {"Origin": origin}
        async with gateway.http.post(url, json={}, headers=headers) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_page_on_the_list_is_let_in_errors_included(start: Start) -> None:
    origin = "https://shop.example"
    async with start(origins=origin) as gateway:
        url, headers = f"{gateway.url}/v1/chat/messages", {"Origin": origin}
        async with gateway.http.options(url, headers=headers) as preflight:
            assert preflight.status == 204
            assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        async with gateway.http.post(url, json={}, headers=headers) as response:
            assert response.status == 401
            assert response.headers["Access-Control-Allow-Origin"] == origin


async def test_a_session_that_this_gateway_did_not_give_is_over(gateway: Gateway) -> None:
    page = await gateway.page()
    for session in ("", "x", page.session[:-2], page.session.rpartition(".")[0] + "."):
        page.session = session

        assert (await page.say(text="hello"))[0] == 401


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"exp": 1}, {"iat": 0}, {"exp": 99999999999}, {"sub": ""}]
)
async def test_an_identity_that_does_not_hold_is_refused(
    gateway: Gateway, claims: dict[str, object]
) -> None:
    body = {"identity": gateway.identity("7", **claims)}
    async with gateway.http.post(f"{gateway.url}/v1/chat/sessions", json=body) as response:
        assert response.status == 401
        assert (await response.json())["type"] == "/problems/identity"


async def test_the_answer_can_be_read_with_a_key_that_may(gateway: Gateway, rasa: FakeRasa) -> None:
    rasa.taught["a present for my dad"] = (Guess("answer", 0.9, "gift_or_self", "gift"),)
    for days in range(10, 70, 10):
        await gateway.has_bought("7", "shirt", days_ago=days)
    await gateway.has_bought("7", "dress")
    page = await gateway.page("7")
    await page.say(event="opened")
    await page.log(2)
    await page.say(text="yes")
    await page.log(5)
    await page.say(text="a present for my dad")
    await page.log(7)
    status, profile = await read(gateway, "customer:7", {"read", "lookup"})

    assert status == 200
    [answer] = profile["preferences"]
    assert (answer["value"], answer["own_words"]) == ("gift", "a present for my dad")
    assert (await read(gateway, profile["shopper"], {"read"}))[1] == profile
    assert (await read(gateway, "customer:7", {"read"}))[0] == 403
    assert (await read(gateway, "customer:8", {"read", "lookup"}))[0] == 404


async def read(gateway: Gateway, name: str, scopes: set[str]) -> tuple[int, dict[str, object]]:
    lasts, now = timedelta(hours=1), datetime.now(UTC)
    key = await issue_key(gateway.app[STORE], "test", frozenset(scopes), lasts, now)
    url = f"{gateway.url}/v1/shoppers/{name}/preferences"
    headers = {"Authorization": f"Bearer {key}"}
    async with gateway.http.get(url, headers=headers) as response:
        return response.status, await response.json()


async def test_who_signs_in_is_asked_whether_to_keep_what_was_said_before(
    gateway: Gateway, rasa: FakeRasa
) -> None:
    rasa.taught["a present"] = (Guess("answer", 0.95, "gift_or_self", "gift"),)
    stranger = await gateway.page()
    await stranger.say(text="a present")
    permission = (await stranger.log(3))[-1]
    await stranger.say(press=permission["choices"][0]["press"])
    read_back = (await stranger.log(6))[-1]
    await stranger.say(press=read_back["choices"][0]["press"])
    await stranger.log(8)

    page = await gateway.page("4711", session=stranger.session)
    await page.say(event="opened")
    _, asked = await page.log(2)
    await page.say(press=asked["choices"][0]["press"])
    *_, kept = await page.log(4)

    assert [choice["label"] for choice in asked["choices"]] == ["Yes, keep it", "No, delete it"]
    assert "belongs to your account" in kept["text"]


@pytest.mark.parametrize("session", ["forged", 7, None, {"a": 1}])
async def test_a_session_that_is_none_of_ours_claims_nothing(
    gateway: Gateway, session: object
) -> None:
    page = await gateway.page("4711", session=session)
    await page.say(event="opened")
    _, offer = await page.log(2)

    assert offer["choices"] == []


async def test_a_page_tells_what_brought_the_shopper_and_no_other_name_is_kept(
    gateway: Gateway,
) -> None:
    store = gateway.app[STORE]
    for entry, kept in (("regalos", {"entry": "regalos"}), ("ann@example.org", {})):
        page = await gateway.page()
        await page.say(event="opened", entry=entry)
        async with store.begin(readonly=True) as session:
            query = select(MessageRow).where(MessageRow.kind == "event")
            newest = (await session.exec(query.order_by(col(MessageRow.at).desc()))).first()
        assert newest is not None
        assert newest.body == kept


async def test_a_question_that_was_looked_at_for_longer_is_no_dismissal(gateway: Gateway) -> None:
    page = await gateway.page()
    await page.say(event="opened")
    hello, _ = await page.log(2)

    for seconds, kept in ((1.9, True), (2, False), (-1, False)):
        status, answer = await page.say(event="dismissed", seq=hello["seq"], seconds=seconds)
        assert (status, answer["seq"] > 0) == (202, kept)


async def test_how_long_a_question_was_seen_is_a_number(gateway: Gateway) -> None:
    page = await gateway.page()

    for wrong in ({}, {"seconds": "1"}, {"seconds": True}):
        status, problem = await page.say(event="dismissed", seq=1, **wrong)
        assert (status, problem["field"]) == (422, "seconds")
    status, problem = await page.say(event="dismissed", seconds=1)
    assert (status, problem["field"]) == (422, "text")


async def test_where_a_shopper_is_leaves_no_trace_before_they_permit_it(gateway: Gateway) -> None:
    page = await gateway.page()
    await page.say(event="opened")
    await page.log(2)
    status, _ = await page.say(event="surroundings", place="DE-BE", weather="rain")
    *_, asked = await page.log(3)
    store = gateway.app[STORE]

    assert status == 202
    assert asked["text"].startswith("May I note for a few hours where you are")
    async with store.begin(readonly=True) as session:
        told = [str(row) for row in (await session.exec(select(MessageRow))).all()]
        assert (await session.exec(select(SurroundingsRow))).all() == []
    assert "DE-BE" not in "".join(told)
    await page.say(press=asked["choices"][0]["press"])
    await page.log(5)
    await page.say(event="surroundings", place="DE-BE")
    async with store.begin(readonly=True) as session:
        [row] = (await session.exec(select(SurroundingsRow))).all()
    assert (row.place, row.weather) == ("DE-BE", "")


async def test_a_place_is_a_short_word(gateway: Gateway) -> None:
    page = await gateway.page()

    for wrong in ("52.52001,13.40495", "x" * 65, 7, "Ann\n"):
        status, problem = await page.say(event="surroundings", place=wrong)
        assert (status, problem["field"]) == (422, "place")


async def test_a_session_that_is_over_takes_no_place(gateway: Gateway) -> None:
    page = await gateway.page()
    url = f"{gateway.url}/v1/chat/session"
    async with gateway.http.delete(url, headers=page.headers) as response:
        assert response.status == 204

    assert (await page.say(event="surroundings", place="DE-BE"))[0] == 401
