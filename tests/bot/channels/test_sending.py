"""Messages that a platform refuses, loses, or must not get any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from bot import gateway, sending
from bot.channels.meta import classify, end_of, trouble_of
from bot.parts import CHANNELS, STORE, TOKENS, VOICE
from bot.sending import Sender
from preferences.store.tables import ConversationRow, DispatchRow, SuppressionRow
from tests.bot.channels.bodies import PHONE, message, page, said, whatsapp
from tests.bot.channels.conftest import Dial, Line, until
from tests.bot.channels.platform import refusal
from tests.bot.channels.test_twilio import SETTINGS as TWILIO

NOW = datetime.now(UTC)
SOON, LATER = timedelta(minutes=2), timedelta(hours=25)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose pauses before it tries again are a twentieth of what they are."""
    wait = sending._wait
    monkeypatch.setattr(sending, "_wait", lambda tries, base: wait(tries, base) / 20)
    monkeypatch.setattr(gateway, "_AGAIN_SECONDS", gateway._AGAIN_SECONDS / 20)
    monkeypatch.setattr(gateway, "_GRACE", gateway._GRACE / 20)


async def waits(line: Line, answer: tuple[int, dict[str, Any]] = (503, {})) -> Sender:
    """Have one message wait, and give who is to send it."""
    line.platform.answers = [answer] * 9
    await line.platform.writes("hello")
    await until(lambda: len(line.platform.answers) < 9)
    await line.ends_as("waiting")
    await _bring_near(line, timedelta(hours=20))  # out of the gateway's own reach
    line.platform.answers = []
    app = line.gateway.app
    return Sender(app[STORE], app[CHANNELS], line.gateway.http, app[TOKENS], app[VOICE])


async def send(line: Line, sender: Sender, after: timedelta = SOON) -> DispatchRow:
    """Let time go by, and give what became of the message."""
    shopper = (await line.conversation()).shopper_id
    await _bring_near(line, after)
    await sender.send_due(shopper, datetime.now(UTC) + after)
    (row,) = await line.dispatches()
    return row


async def _bring_near(line: Line, after: timedelta) -> None:
    async with line.store.begin() as session:
        for row in (await session.exec(select(DispatchRow))).all():
            row.next_attempt_at = datetime.now(UTC) + after


@pytest.mark.usefixtures("hasty")
async def test_what_a_platform_could_not_take_is_sent_again_by_itself(line: Line) -> None:
    line.platform.answers = [refusal(131000), refusal(130429)]
    await line.platform.writes("hello")
    (row,) = await line.ends_as("sent")

    assert (row.attempts, len(line.platform.delivered)) == (3, 1)


async def test_what_keeps_failing_is_given_up(line: Line) -> None:
    sender = await waits(line)
    line.platform.answers = [(503, {})] * 9
    states = [(await send(line, sender)).state for _ in range(8)]

    assert states[-1] == "failed"
    assert line.platform.delivered == []


async def test_an_answer_that_is_lost_is_made_up_for_by_the_status(line: Line) -> None:
    line.platform.lost = 1
    await line.platform.writes("hello")
    (row,) = await line.ends_as("unknown")
    sent = line.platform.delivered[0]
    await line.platform.reports("delivered", sent, biz_opaque_callback_data=row.id)

    (row,) = await line.ends_as("delivered")
    assert row.provider_id == sent["wamid"]
    assert len(line.platform.delivered) == 1


async def test_on_messenger_a_lost_answer_is_made_up_for_by_the_echo_which_is_no_person(
    line: Line,
) -> None:
    line.platform.lost = 1
    assert await line.platform.post("messenger", page(said("hello"))) == 200
    (row,) = await line.ends_as("unknown")
    (sent,) = line.platform.delivered
    echo = said("…", mid=sent["wamid"], is_echo=True, metadata=sent["message"]["metadata"])
    echo |= {"sender": echo["recipient"], "recipient": sent["recipient"]}
    assert await line.platform.post("messenger", page(echo)) == 200

    (row,) = await line.ends_as("sent")
    assert row.provider_id == sent["wamid"]
    assert (await line.conversation()).handed_off_at is None
    assert len(line.platform.delivered) == 1


async def test_what_nobody_ever_hears_of_again_is_sent_once_more_and_then_given_up(
    line: Line,
) -> None:
    sender = await waits(line)
    line.platform.lost = 2
    assert (await send(line, sender)).state == "unknown"
    assert (await send(line, sender)).state == "failed"
    assert (await send(line, sender)).state == "failed"
    assert len(line.platform.delivered) == 2


async def test_a_lost_message_is_not_repeated_behind_a_newer_one(line: Line) -> None:
    line.platform.lost = 1
    await line.platform.writes("hello")
    await line.ends_as("unknown")
    await line.platform.writes("are you there?")
    await line.ends_as("unknown", "sent")
    app = line.gateway.app
    sender = Sender(app[STORE], app[CHANNELS], line.gateway.http, app[TOKENS], app[VOICE])
    await _bring_near(line, SOON)
    await sender.send_due((await line.conversation()).shopper_id, datetime.now(UTC) + SOON)

    assert sorted(row.state for row in await line.dispatches()) == ["failed", "sent"]
    assert len(line.platform.delivered) == 2


async def test_an_account_that_must_be_mended_stops_its_channel_alone(line: Line) -> None:
    line.platform.answers = [refusal(190)]
    await line.platform.writes("hello")
    await until(lambda: not line.platform.answers)
    (row,) = await line.ends_as("waiting")
    await line.platform.writes("hello again", phone="34600999888")
    await until(lambda: len(line.rasa.turns) == 2)
    assert line.platform.delivered == []
    assert row.why == "190"
    assert await line.platform.post("messenger", page(said("hello"))) == 200
    await line.receives(1)

    assert line.platform.delivered[0]["recipient"]["id"]


async def test_what_can_never_be_delivered_keeps_nothing_back(line: Line) -> None:
    line.platform.answers = [refusal(131026)]
    await line.platform.writes("hello")
    await line.ends_as("failed")
    await line.platform.writes("hello again")
    await line.ends_as("failed", "sent")


async def test_what_has_to_wait_keeps_back_what_was_said_after_it(line: Line) -> None:
    line.platform.answers = [refusal(131056, error_subcode=1)]
    await line.platform.writes("one")
    await line.ends_as("waiting")
    await _bring_near(line, timedelta(hours=20))
    await line.platform.writes("two")
    await line.ends_as("waiting", "waiting")
    await _bring_near(line, timedelta(0))
    await line.looks_again()
    await line.ends_as("sent", "sent")

    assert line.platform.texts[0].startswith("Hello, I am")
    assert not line.platform.texts[1].startswith("Hello, I am")


async def test_after_a_day_nothing_is_sent_any_more(line: Line) -> None:
    sender = await waits(line)
    row = await send(line, sender, LATER)

    assert (row.state, row.why, row.sealed_to) == ("withheld", "window", None)


async def test_who_wished_to_be_left_alone_meanwhile_gets_nothing(line: Line) -> None:
    sender = await waits(line)
    shopper = (await line.conversation()).shopper_id
    wish = SuppressionRow(
        id="wish", shopper_id=shopper, scope="channel", target="whatsapp", source="shopper",
        reason="shopper_left_channel", created_at=datetime.now(UTC),
    )  # fmt: skip
    async with line.store.begin() as session:
        session.add(wish)
    row = await send(line, sender)

    assert (row.state, row.why) == ("withheld", "opted_out")


async def test_where_a_person_took_over_meanwhile_nothing_is_said(line: Line) -> None:
    sender = await waits(line)
    await line.platform.staff_writes()
    row = await send(line, sender)

    assert (row.state, row.why) == ("withheld", "person_is_talking")


async def test_what_was_on_its_way_when_a_gateway_died_is_taken_up(line: Line) -> None:
    sender = await waits(line)
    async with line.store.begin() as session:
        (row,) = (await session.exec(select(DispatchRow))).all()
        row.state = "sending"
    assert (await send(line, sender)).state == "sent"


async def test_a_channel_that_was_switched_off_withholds(line: Line) -> None:
    sender = await waits(line)
    sender.channels = {}

    assert (await send(line, sender)).why == "channel_off"


async def test_nobody_is_written_to_whose_words_are_gone(line: Line) -> None:
    sender = await waits(line)
    async with line.store.begin() as session:
        talk = (await session.exec(select(ConversationRow))).one()
        row = (await session.exec(select(DispatchRow).where(col(DispatchRow.id) != ""))).one()
        row.reply_to = talk.last_seq + 7

    assert (await send(line, sender)).why == "erased"


async def test_who_has_no_address_is_not_written_to(line: Line) -> None:
    body = whatsapp(message(**{"from": "TEST", "id": "wamid.odd"}))
    assert await line.platform.post("whatsapp", body) == 200
    await line.receives(1)

    assert line.platform.delivered[0]["recipient"] == "TEST"
    assert PHONE not in str(line.platform.delivered)


@pytest.mark.parametrize(
    ("base", "pauses"), [(0, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]), (4, [4, 16, 64, 256, 300])]
)
def test_each_pause_is_longer_than_the_one_before_up_to_five_minutes(
    base: float, pauses: list[float]
) -> None:
    for tries, pause in enumerate(pauses):
        told = {sending._wait(tries, base) for _ in range(20)}

        assert 0.8 * pause <= min(told) < max(told) <= 1.2 * pause


# As Meta documents them.
_RETRY = (1, 2, 4, 613, 80007, 130429, 131000, 131016, 131052, 131053, 131056, 131057, 133004)
_STOP = (0, 3, 10, 190, 200, 230, 299, 368, 130497, 131031, 131042, 131048)
_FINAL = (100, 551, 130472, 131008, 131009, 131021, 131026, 131030, 131047, 131049, 131050, 131051)
_FINAL += (132000, 132001, 132012, 132015)
_FINAL_BY_DETAIL = (
    *((10, 2018278), (10, 1893063), (551, 1545041), (100, 2018001), (10, 2018300), (200, 2018300)),
)


@pytest.mark.parametrize(
    ("status", "code", "detail", "trouble"),
    [
        *((400, code, None, "retry") for code in _RETRY),
        *((400, code, None, "stop") for code in _STOP),
        *((400, code, None, "final") for code in _FINAL),
        *((400, code, detail, "final") for code, detail in _FINAL_BY_DETAIL),
        (429, None, None, "retry"),
        (502, None, None, "retry"),
        (401, 190, None, "stop"),
        (400, 4711, None, "final"),
    ],
)
def test_an_error_of_metas_says_what_to_do_next(
    status: int, code: int | None, detail: int | None, trouble: str
) -> None:
    assert classify(status, code, detail) == trouble
    assert classify(status, code, transient=True) == "retry"
    error = trouble_of(status, {"error": {"code": code, "error_subcode": detail}})
    assert error is not None
    assert (error.trouble, error.wait) == (trouble, 4 if code == 131056 else 0)


def test_a_version_that_ends_soon_is_warned_of() -> None:
    def told(version: str, year: int, month: int, day: int) -> str:
        return end_of(version, datetime(year, month, day, tzinfo=UTC).date())

    assert told("v25.0", 2026, 11, 22) == told("v99.0", 2026, 11, 22) == ""
    assert told("v21.0", 2026, 11, 22) == (
        "Meta's Graph API v21.0 ends on 2027-01-21; set ASKFIRST_META_VERSION to v25.0."
    )
    assert "has ended" in told("v20.0", 2026, 11, 22)
    assert "has ended" in told("v12.0", 2026, 11, 22)


async def test_a_gateway_that_starts_with_a_version_that_ended_says_so(
    dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    async with dial(meta_version="v20.0"):
        assert "Meta's Graph API v20.0 has ended on 2026-09-24" in caplog.text
    caplog.clear()
    for quiet in (
        {"meta_version": "v25.0"},
        {"meta_version": "v20.0", "channels": ""},
        {**TWILIO, "meta_version": "v20.0"},
    ):
        async with dial(**quiet):
            assert "Graph API" not in caplog.text
