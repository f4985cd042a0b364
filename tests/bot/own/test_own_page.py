"""The page where shoppers see what is kept of them, over HTTP as a browser would."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape

import pytest
from aiohttp import ClientSession, CookieJar
from sqlmodel import select

from bot.parts import CATALOGUE, STORE, TOKENS
from bot.tokens import TokenError
from preferences.profile import Profile, as_json
from preferences.store.erasure import erase_shopper
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.profiles import read_profile
from preferences.store.sources import SOURCES
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    ConversationRow,
    OutboxRow,
    SuppressionRow,
)
from preferences.store.wishes import Reported, Shown, report_decision
from preferences.understanding import Guess
from sync.fields import values_of
from sync.mapping import load_mapping
from sync.marketing import permissions
from tests.bot.api.conftest import Api
from tests.bot.conftest import Gateway, Page
from tests.preferences.scenes import VOICE
from tests.preferences.store.shop import Shop

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ANSWER = re.compile(r'name="answer" value="(\w+)"')
OFFER = re.compile(
    r'name="purpose" value="(\w+)"><input type="hidden" name="shown" value="([^"]+)"'
)
FITTED = "tailor_suggestions"


def proofs(shown: str) -> dict[str, str]:
    """Give what a page offers to permit, each with the proof of its words."""
    return dict(OFFER.findall(shown))


@dataclass
class OwnPage:
    """A browser that holds the page's cookie."""

    http: ClientSession
    url: str

    async def shows(self) -> tuple[int, str]:
        async with self.http.get(f"{self.url}/my-data") as response:
            return response.status, unescape(await response.text())

    async def does(self, act: str, **form: str) -> tuple[int, str]:
        form = {"act": act, **form}
        async with self.http.post(f"{self.url}/my-data", data=form) as response:
            return response.status, unescape(await response.text())


@asynccontextmanager
async def opened(gateway: Gateway, page: Page) -> AsyncIterator[OwnPage]:
    async with gateway.http.post(
        f"{gateway.url}/v1/chat/my-data", headers=page.headers
    ) as response:
        assert response.status == 201
        url = (await response.json())["url"]
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        async with http.get(gateway.url + url) as first:
            assert first.status == 200
            assert "ticket" not in str(first.url)
            assert first.headers["Cache-Control"] == "no-store"
        yield OwnPage(http, gateway.url)


async def has_answered(gateway: Gateway, customer: str | None = "7") -> Page:
    """Somebody who bought a dress, said yes to being remembered, and that it was a gift."""
    for days in range(10, 70, 10):
        await gateway.has_bought("7", "shirt", days_ago=days)
    await gateway.has_bought("7", "dress")
    page = await gateway.page(customer)
    await page.say(event="opened")
    lines = await page.log(2)
    await page.say(press=lines[-1]["choices"][0]["press"])
    lines = await page.log(5)
    [gift] = [one for one in lines[-1]["choices"] if one["label"] == "A gift"]
    await page.say(press=gift["press"])
    await page.log(7)
    return page


async def answer_to(page: Page, text: str) -> str:
    """Say something, and give the first line that is said to it."""
    await page.say(text=text)
    was_said = False
    async with asyncio.timeout(10), page.stream() as events:
        async for name, line in events:
            if was_said and name == "message":
                return str(line["text"])
            was_said = was_said or (name == "message" and line["text"] == text)
    raise AssertionError(text)


async def profile_of(gateway: Gateway) -> Profile:
    store = gateway.app[STORE]
    [row, *_] = await Shop(store).rows(OutboxRow)
    return await read_profile(store, row.shopper_id)


async def test_a_shopper_sees_corrects_and_mutes(gateway: Gateway) -> None:
    page = await has_answered(gateway)
    async with opened(gateway, page) as own:
        status, shown = await own.shows()
        [answer] = ANSWER.findall(shown)
        corrected = await own.does("correct", answer=answer, value="self")
        muted = await own.does("mute", scope="topic", target="gift_or_self")

    assert status == 200
    assert "“A gift”" in shown
    assert "7 purchases that Corner Shop reported to me" in shown
    assert "Where from: shopify." in shown
    assert "Questions that you were asked: 1" in shown
    assert "is “Linen dress” a gift, or for you?" in shown
    assert "“For me”" in corrected[1]
    assert "“A gift”" not in corrected[1]
    assert "Silent about “To get our suggestions right" in muted[1]
    profile = await profile_of(gateway)
    [kept] = profile.answers
    assert (kept.value, kept.kind, kept.channel, kept.confidence) == ("self", "declared", "page", 1)
    assert kept.consent in {event.id for event in profile.consents.values()}
    [wish] = profile.suppressions
    assert (wish.scope, wish.target, wish.source) == ("topic", "gift_or_self", "shopper")


async def test_what_was_permitted_is_taken_back_and_what_was_said_is_not_used(
    gateway: Gateway,
) -> None:
    page = await has_answered(gateway)
    async with opened(gateway, page) as own:
        _, shown = await own.does("withdraw", purpose="tailor_suggestions")

    assert "Nothing is kept" in shown  # of permissions
    assert "You do not permit it any more" in shown
    assert not ANSWER.findall(shown)
    profile = await profile_of(gateway)
    assert profile.consents["tailor_suggestions"].state == "withdrawn"
    assert profile.answers == ()


@pytest.mark.parametrize(("act", "form"), [("withdraw", {"purpose": "an_older_one"}), ("stop", {})])
async def test_what_the_shop_asks_for_no_more_can_be_taken_back_still(
    gateway: Gateway, act: str, form: dict[str, str]
) -> None:
    page = await has_answered(gateway)
    app, profile = gateway.app, await profile_of(gateway)
    [given] = profile.consents.values()
    shown = Shown(str(given.notice_sha256), given.occurred_at)
    told = Reported("an_older_one", "given", "yes", "en", "shop", "key:1", "e", shown)
    purpose = app[CATALOGUE].purposes["tailor_suggestions"]
    await report_decision(app[STORE], profile.shopper, told, purpose, (), datetime.now(UTC))
    async with opened(gateway, page) as own:
        status, _ = await own.does(act, **form)

    assert status == 200
    assert (await profile_of(gateway)).consents["an_older_one"].state == "withdrawn"


async def test_fitted_suggestions_are_switched_off_apart_from_advertising_everywhere_at_once(
    gateway: Gateway,
) -> None:
    page = await has_answered(gateway)
    app, profile = gateway.app, await profile_of(gateway)
    [given] = profile.consents.values()
    shown = Shown(str(given.notice_sha256), given.occurred_at)
    told = Reported("contact_wishes", "given", "yes", "en", "shop", "key:1", "e", shown)
    purpose = app[CATALOGUE].purposes["contact_wishes"]
    await report_decision(app[STORE], profile.shopper, told, purpose, (), datetime.now(UTC))
    api, crm = Api(gateway, gateway.http), load_mapping("hubspot", app[CATALOGUE])
    assert crm is not None
    address = f"/v1/shoppers/{profile.shopper}/preferences"
    before = [await api.get(address), values_of(crm, as_json(await profile_of(gateway)))]

    async with opened(gateway, page) as own:
        await own.does("withdraw", purpose="tailor_suggestions")

    after = await profile_of(gateway)
    told_now = values_of(crm, as_json(after))
    assert [len(before[0].json["preferences"]), before[1]["ask_last_purchase_for"]] == [1, "gift"]
    assert (await api.get(address)).json["preferences"] == []
    assert "ask_last_purchase_for" not in told_now
    assert told_now["ask_may_tailor_suggestions"] == "withdrawn"
    assert told_now["ask_may_contact_wishes"] == "given"
    assert permissions(as_json(after), "contact_wishes")["email"].word == "subscribe"


async def test_fitted_suggestions_are_switched_on_again_and_count_at_once_everywhere(
    gateway: Gateway,
) -> None:
    page, app = await has_answered(gateway), gateway.app
    shopper, purpose = (await profile_of(gateway)).shopper, app[CATALOGUE].purposes[FITTED]
    words = VOICE.fill(purpose.wording["en"])
    for said in ("a present", "a present for my dad"):
        gateway.rasa.taught[said] = (Guess("answer", 0.95, "gift_or_self", "gift"),)
    api, crm = Api(gateway, gateway.http), load_mapping("hubspot", app[CATALOGUE])
    assert crm is not None
    async with opened(gateway, page) as own:
        _, before = await own.shows()
        _, off = await own.does("withdraw", purpose=FITTED)
        asked = await answer_to(page, "a present")
        told = [values_of(crm, as_json(await profile_of(gateway)))["ask_may_tailor_suggestions"]]
        first, on = await own.does("permit", purpose=FITTED, shown=proofs(off)[FITTED])
        again, _ = await own.does("permit", purpose=FITTED, shown=proofs(off)[FITTED])
        read_back = await answer_to(page, "a present for my dad")
        told += [values_of(crm, as_json(await profile_of(gateway)))["ask_may_tailor_suggestions"]]

    assert FITTED not in proofs(before)
    assert proofs(off).keys() == app[CATALOGUE].purposes.keys()
    assert off.count(words) == 1
    assert (first, again) == (200, 200)
    assert FITTED not in proofs(on)
    assert "You said yes to this on" in on
    assert asked == words
    assert read_back != words
    assert told == ["withdrawn", "given"]
    consents = (await api.get(f"/v1/shoppers/{shopper}/preferences")).json["consents"]
    events = [one for one in await Shop(app[STORE]).rows(ConsentEventRow) if one.channel == "page"]
    withdrawn, given = sorted(events, key=lambda one: one.seq)
    assert consents[FITTED]["event"] == given.id
    assert (withdrawn.state, withdrawn.method, given.state, given.method) == (
        *("withdrawn", "button"),
        *("given", "button"),
    )
    assert (given.notice_version, given.notice_sha256) == (
        purpose.version,
        sha256(words.encode()).hexdigest(),
    )
    assert given.evidence_sha256 == sha256(purpose.agree["en"].encode()).hexdigest()
    assert (given.assurance, given.actor, given.locale) == ("verified", "shopper", "en")
    assert given.conversation_id == withdrawn.conversation_id != ""
    assert given.shown_at is not None
    assert withdrawn.occurred_at < given.shown_at < given.occurred_at
    assert given.valid_until == given.occurred_at + timedelta(days=purpose.valid_days)
    rows = await Shop(app[STORE]).rows(OutboxRow)
    assert {row.desired_version > row.synced_version for row in rows} == {True}


async def test_a_yes_is_no_yes_without_these_very_words_or_after_a_no(gateway: Gateway) -> None:
    page, app = await has_answered(gateway), gateway.app
    shopper = (await profile_of(gateway)).shopper
    async with opened(gateway, page) as own:
        _, shown = await own.shows()
        proof = proofs(shown)["contact_wishes"]
        no_proof, _ = await own.does("permit", purpose="contact_wishes")
        of_another, _ = await own.does("permit", purpose="service_feedback", shown=proof)
        of_none, _ = await own.does("permit", purpose="everything", shown=proof)
        [talk] = await Shop(app[STORE]).rows(ConversationRow)
        words = VOICE.fill(app[CATALOGUE].purposes["contact_wishes"].wording["en"])
        elsewhere = app[TOKENS].shown("another talk", words, datetime.now(UTC))
        of_elsewhere, _ = await own.does("permit", purpose="contact_wishes", shown=elsewhere)
        old = app[TOKENS].shown(talk.id, words, datetime.now(UTC) - timedelta(minutes=16))
        of_long_ago, _ = await own.does("permit", purpose="contact_wishes", shown=old)
        no = Reported("contact_wishes", "refused", "no", "en", "phone", "key:1", "no")
        purpose = app[CATALOGUE].purposes["contact_wishes"]
        await report_decision(app[STORE], shopper, no, purpose, (), datetime.now(UTC))
        overtaken = await own.does("permit", purpose="contact_wishes", shown=proof)

    assert (no_proof, of_another, of_none, of_elsewhere, of_long_ago) == (401,) * 5
    assert overtaken[0] == 200
    assert "Done." not in overtaken[1]
    assert "contact_wishes" in proofs(overtaken[1])
    assert (await profile_of(gateway)).consents["contact_wishes"].state == "refused"
    assert "service_feedback" not in (await profile_of(gateway)).consents


async def test_whoever_may_be_another_permits_nothing_and_nobody_does_after_all_was_deleted(
    gateway: Gateway,
) -> None:
    page = await has_answered(gateway)
    store, shopper = gateway.app[STORE], (await profile_of(gateway)).shopper
    async with opened(gateway, page) as own:
        _, shown = await own.shows()
        for assurance in ("claimed", "verified"):
            async with store.begin() as session:
                [talk] = (await session.exec(select(ConversationRow))).all()
                talk.assurance = assurance
            if assurance == "claimed":
                _, unsure = await own.shows()
                refused, _ = await own.does(
                    "permit", purpose="contact_wishes", shown=proofs(shown)["contact_wishes"]
                )
        await erase_shopper(store, shopper, (), datetime.now(UTC))
        _, gone = await own.shows()
        late, _ = await own.does(
            "permit", purpose="contact_wishes", shown=proofs(shown)["contact_wishes"]
        )

    assert proofs(unsure) == proofs(gone) == {}
    assert (refused, late) == (401, 401)
    assert await Shop(store).rows(ConsentEventRow) == []


async def test_a_pause_and_its_end_and_a_stop(gateway: Gateway) -> None:
    page = await has_answered(gateway)
    async with opened(gateway, page) as own:
        _, paused = await own.does("pause")
        _, lifted = await own.does("lift", scope="all", target="")
        _, stopped = await own.does("stop")

    assert re.search(r"No questions at all \(until \d", paused)
    assert "Ask me nothing more" not in paused
    assert "No questions at all" not in lifted
    assert "not more than 1 in 7 days and 4 in 30 days" in lifted
    assert "No questions at all" in stopped
    profile = await profile_of(gateway)
    assert [wish.reason for wish in profile.suppressions] == ["shopper_said_stop"]
    assert {event.state for event in profile.consents.values()} == {"withdrawn"}
    rows = await Shop(gateway.app[STORE]).rows(SuppressionRow)
    assert {row.lifted_by for row in rows} == {"shopper", None}


async def test_everything_is_taken_along_and_then_deleted(gateway: Gateway) -> None:
    page = await has_answered(gateway)
    async with opened(gateway, page) as own:
        async with own.http.get(f"{own.url}/my-data/file") as response:
            file = await response.json(content_type="application/json")
            named = response.headers["Content-Disposition"]
        _, asked = await own.does("delete")
        kept = await profile_of(gateway)
        _, gone = await own.does("delete", sure="yes")
        after, _ = await own.shows()

    assert named == 'attachment; filename="my-data.json"'
    assert len(file["held"]["answer"]) == 1
    assert "cannot be undone" in asked
    assert kept.answers
    assert "is deleted" in gone
    assert after == 401
    assert (await profile_of(gateway)).erased


async def test_what_the_shop_brought_along_is_told_apart_and_is_not_corrected_here(
    gateway: Gateway,
) -> None:
    page = await has_answered(gateway)
    store, shopper = gateway.app[STORE], (await profile_of(gateway)).shopper
    now = datetime.now(UTC)
    told = Telling(shopper, [Fact("imported", "channel_preference", "email", "crm", now)], "e-1")
    await add_facts(store, told, gateway.app[CATALOGUE], (), now)
    pets = Fact("imported", "motivation_pets", "good_food", "crm", now)
    more = [
        pets,
        replace(pets, kind="observed", value="treat", source="till", at=now - timedelta(days=1)),
        replace(pets, question="motivation_books", value="escape", source="old crm", at=LONG_AGO),
    ]
    await add_facts(store, Telling(shopper, more, "e-2"), gateway.app[CATALOGUE], (), now)
    async with opened(gateway, page) as own:
        _, shown = await own.shows()
        rows = await Shop(store).rows(AnswerRow)
        [imported] = [one for one in rows if one.question_id == "channel_preference"]
        refused, _ = await own.does("correct", answer=imported.id, value="sms")
        unknown, _ = await own.does("mute", target="no such question")
        no_act, _ = await own.does("conjure")

    assert (refused, unknown, no_act) == (401, 401, 422)
    for source, why in (
        ("till", "What you said, or something newer, says otherwise"),
        ("old crm", "This is too old to be relied on"),
        ("crm", "You do not permit it any more"),
    ):
        assert re.search(rf"Where from: {source}\.</p>\s*<p>{why}", shown)
    assert all(VOICE.say(f"page_looks_{name}", "en") in shown for name in SOURCES)


async def test_without_a_ticket_or_with_a_forged_one_nothing_is_shown(gateway: Gateway) -> None:
    await has_answered(gateway)
    for path in ("/my-data", "/my-data?ticket=forged", "/my-data/file"):
        async with gateway.http.get(gateway.url + path) as response:
            assert response.status == 401
            assert "open this page again" in await response.text()
    async with gateway.http.post(gateway.url + "/my-data", data={"act": "stop"}) as response:
        assert response.status == 401
    async with gateway.http.post(gateway.url + "/v1/chat/my-data") as response:
        assert response.status == 401


async def test_a_ticket_is_no_session_and_lasts_a_quarter_of_an_hour(gateway: Gateway) -> None:
    tokens, now = gateway.app[TOKENS], datetime.now(UTC)
    ticket = tokens.own_page("c-1", now)
    assert tokens.owner(ticket) == "c-1"
    with pytest.raises(TokenError):
        tokens.conversation(ticket)
    with pytest.raises(TokenError):
        tokens.owner(tokens.session("c-1", now)[0])
    with pytest.raises(TokenError, match="again from the chat"):
        tokens.owner(tokens.own_page("c-1", now - timedelta(minutes=16)))
