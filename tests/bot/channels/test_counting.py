"""What the channels report is counted; what it says beside messages has its effect."""

import re

from aiohttp import ClientSession, CookieJar

from preferences.store.dead import give_up
from preferences.store.tables import MessageRow, SuppressionRow
from preferences.understanding import Guess
from tests.bot.api.test_conversations import asks
from tests.bot.channels.bodies import PHONE, changed, message, status, whatsapp
from tests.bot.channels.conftest import Dial, Line
from tests.preferences.scenes import NOW


async def test_what_is_reported_is_counted_unknown_things_and_dead_letters_too(line: Line) -> None:
    line.rasa.awake = False
    for body in (whatsapp(message()), changed("teleports", {}), changed("teleports", {})):
        assert await line.platform.post("whatsapp", body) == 200
    talk = await line.conversation()
    await give_up(line.store, talk.id, "wamid.text", "I am sorry.", NOW, "failed")
    code, told = await asks(line.gateway, "/v1/channels", "read")

    assert code == 200
    channels = told["channels"]
    assert isinstance(channels, list)
    found = {one["name"]: one for one in channels}
    assert found["whatsapp"]["seen"] == {"user_message text": 1, "ignored_field": 2}
    assert {name: one["dead_letters"] for name, one in found.items()} == {
        "web": 0, "whatsapp": 1, "messenger": 0, "instagram": 0,
    }  # fmt: skip


async def test_who_stops_advertising_at_the_platform_is_answered_and_not_advertised_to(
    line: Line,
) -> None:
    stop = {"wa_id": PHONE, "value": "stop", "category": "marketing_messages"}
    body = whatsapp(message())
    body["entry"][0]["changes"] += changed("user_preferences", {"user_preferences": [stop]})[
        "entry"
    ][0]["changes"]
    assert await line.platform.post("whatsapp", body) == 200
    await line.receives(1)

    assert [row.target for row in await line.rows(SuppressionRow)] == ["whatsapp_marketing"]
    resume = changed("user_preferences", {"user_preferences": [stop | {"value": "resume"}]})
    assert await line.platform.post("whatsapp", resume) == 200
    failed = status("failed", "wamid.campaign", errors=[{"code": 131050}])
    assert await line.platform.post("whatsapp", failed) == 200
    rows = await line.rows(SuppressionRow)
    assert sorted(row.lifted_at is None for row in rows) == [False, True]


async def test_a_stop_of_somebody_whose_number_is_none_is_acknowledged_all_the_same(
    line: Line,
) -> None:
    stop = {"wa_id": "TEST", "value": "stop", "category": "marketing_messages"}
    body = changed("user_preferences", {"user_preferences": [stop]})
    assert await line.platform.post("whatsapp", body) == 200

    assert [row.target for row in await line.rows(SuppressionRow)] == ["whatsapp_marketing"]


async def test_the_way_to_one_s_own_page_is_sent_and_opened_by_a_person_alone(dial: Dial) -> None:
    async with dial(public_url="https://ask.shop.example") as line:
        line.rasa.taught["what do you know of me?"] = (Guess("ask_data", 0.99),)
        await line.platform.writes("what do you know of me?")
        (told,) = await line.receives(1)
        found = re.search(r"https://ask\.shop\.example(/my-data\?link=\S+)$", told)
        assert found
        assert len(told) < 1000
        for row in await line.rows(MessageRow):
            place = f"{row.conversation_id}/{row.seq}"
            assert "my-data" not in line.store.vault.open(row.sealed_text, "message.text", place)

        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
            async with http.get(line.gateway.url + found[1]) as door:
                page = await door.text()
                assert "Open my page" in page
                assert not door.cookies
            async with http.get(f"{line.gateway.url}/my-data") as closed:
                assert closed.status == 401
            link = found[1].partition("link=")[2]
            for given, status_ in ((f"{link}x", 401), (link, 200)):
                form = {"act": "open", "link": given}
                async with http.post(f"{line.gateway.url}/my-data", data=form) as opened:
                    assert opened.status == status_
        async with line.gateway.http.get(f"{line.gateway.url}/my-data?ticket={link}") as wrong:
            assert wrong.status == 401
