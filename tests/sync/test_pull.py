import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from preferences.dialogue.respond import Assistant
from preferences.store.destinations import read_cursor
from preferences.store.engine import Store
from preferences.store.outbox import claim
from preferences.store.profiles import read_profile
from preferences.store.tables import AnswerRow, CandidateRow, DecisionRow, SuppressionRow
from sync.bell import Bell
from sync.capabilities import Page, Remote
from sync.errors import BatchRefusedError
from sync.preparing import prepare
from sync.pull import keep_pulling, pull
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.scenes import DAY, POLICY, VOICE
from tests.preferences.store.seeds import add_shopper_who_answered, add_suppression
from tests.preferences.store.shop import Shop
from tests.sync.memory import MemoryCrm, TellingCrm
from tests.sync.pages import CATALOGUE, mapping

FOR_WHOM = {"from": "answers.gift_or_self.value", "to": "for_whom", "direction": "both"}
CHANNEL = {
    "from": "answers.channel_preference.value",
    "to": "channel",
    "direction": "pull",
    "values": {"email": "MAIL"},
}

ABOUT = {"purchase": "order-1", "sku": "hat", "product": "Hat"}


def teller(store: Store, crm: MemoryCrm, folder: Path, *lines: dict[str, object]) -> Teller:
    return Teller("crm", store, crm, mapping(folder, *(lines or (FOR_WHOM, CHANNEL))))


async def people(store: Store, *shoppers: str) -> None:
    async with store.begin() as session:
        for shopper in shoppers:
            await add_shopper_who_answered(session, shopper)


async def wishes(store: Store, shopper: str) -> list[tuple[str, str, str]]:
    profile = await read_profile(store, shopper)
    return [(one.scope, one.target, one.source) for one in profile.suppressions]


async def test_who_opted_out_there_is_left_alone_here(store: Store, tmp_path: Path) -> None:
    await people(store, "a", "b")
    crm = TellingCrm(
        Remote("a", opted_out=("email",)),
        Remote("b", opted_out=("all",)),
        Remote("nobody", opted_out=("all",)),
        Remote(identities={"email": "stranger@crm.example", "phone": "none"}, opted_out=("all",)),
    )
    one = teller(store, crm, tmp_path)

    assert await pull(one, CATALOGUE, ["crm"]) == 2
    assert await pull(one, CATALOGUE, ["crm"]) == 0

    assert await wishes(store, "a") == [("channel", "email", "crm")]
    assert await wishes(store, "b") == [("all", "", "crm")]
    assert crm.asked[:4] == ["", "1", "2", "3"]
    assert await read_cursor(store, "crm") == "5"


async def test_what_the_shopper_forbade_is_neither_doubled_nor_lifted(
    store: Store, tmp_path: Path
) -> None:
    await people(store, "a")
    async with store.begin() as session:
        await add_suppression(session, "a")
    crm = TellingCrm(Remote("a", opted_out=("email",)), Remote("a"))

    assert await pull(teller(store, crm, tmp_path), CATALOGUE, ["crm"]) == 0

    async with store.begin(readonly=True) as session:
        [row] = (await session.exec(select(SuppressionRow))).all()
    assert (row.source, row.lifted_at) == ("shopper", None)


async def test_of_an_erased_shopper_nothing_is_taken_in(store: Store, tmp_path: Path) -> None:
    await people(store, "a")
    async with store.begin() as session:
        await add_suppression(session, "a", "shopper_erased")
    crm = TellingCrm(Remote("a", opted_out=("email",), fields={"channel": "MAIL"}))

    assert await pull(teller(store, crm, tmp_path), CATALOGUE, ["crm"]) == 0


async def test_a_known_attribute_becomes_a_fact_once_and_is_not_sent_back(
    store: Store, tmp_path: Path
) -> None:
    await people(store, "a")
    at = datetime(2026, 11, 20, tzinfo=UTC)
    crm = TellingCrm(Remote("a", fields={"channel": "mail", "for_whom": "self"}, at=at))
    one = teller(store, crm, tmp_path, FOR_WHOM, CHANNEL | {"direction": "both"})

    assert await pull(one, CATALOGUE, ["crm"]) == 1  # what the shopper said stays as it is

    async with store.begin(readonly=True) as session:
        query = select(AnswerRow).where(AnswerRow.kind == "imported")
        [row] = (await session.exec(query)).all()
    assert (row.question_id, row.value, row.source) == ("channel_preference", "email", "crm/crm")
    assert row.answered_at == at
    await Worker(one, Bell()).tell()
    assert crm.records["a"] == {"for_whom": "gift"}


async def test_what_the_crm_knows_is_not_asked(store: Store, tmp_path: Path) -> None:
    shop = Shop(store, assistant=Assistant(CATALOGUE, VOICE, POLICY))
    talk = await shop.meets("1001")
    candidate = CandidateRow(
        id="candidate", shopper_id=talk.shopper, question_id="channel_preference", about=ABOUT,
        reason="purchase", created_at=shop.now, expires_at=shop.now + DAY,
    )  # fmt: skip
    async with store.begin() as session:
        session.add(candidate)
    crm = TellingCrm(Remote(talk.shopper, fields={"channel": "MAIL"}, at=shop.now))

    assert await pull(teller(store, crm, tmp_path), CATALOGUE, ["crm"]) == 1
    replies = await shop.sees(talk, "opened")

    assert {reply["kind"] for reply in replies} == {"say"}
    [decision] = await shop.rows(DecisionRow)
    assert [reason["code"] for reason in decision.reasons] == ["known_already"]


async def test_where_the_crm_wins_its_word_is_kept_beside_the_shoppers(
    store: Store, tmp_path: Path
) -> None:
    await people(store, "a")
    crm = TellingCrm(Remote("a", fields={"for_whom": "self"}))
    one = teller(store, crm, tmp_path, FOR_WHOM | {"conflict": "crm"})

    assert await pull(one, CATALOGUE, ["crm"]) == 1

    profile = await read_profile(store, "a")
    assert {(one.kind, one.value) for one in profile.answers} == {
        ("declared", "gift"),
        ("imported", "self"),
    }
    another = teller(store, MemoryCrm(), tmp_path, FOR_WHOM)
    [due] = await claim(store, "crm", 9, datetime.now(UTC))
    told = prepare(profile, due, replace(another.mapping, destination="other"))
    assert told.fields == {"for_whom": "gift"}


async def test_a_value_that_is_none_of_ours_is_told_and_left_out(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await people(store, "a")
    crm = TellingCrm(Remote("a", fields={"channel": "carrier pigeon"}))

    assert await pull(teller(store, crm, tmp_path), CATALOGUE, ["crm"]) == 0

    assert "channel_preference is not taken in" in caplog.text
    assert "pigeon" not in caplog.text


async def test_a_crm_that_tells_nothing_is_not_asked(store: Store, tmp_path: Path) -> None:
    assert await pull(teller(store, MemoryCrm(), tmp_path), CATALOGUE, ["crm"]) == 0


@pytest.mark.parametrize(
    "trouble", [BatchRefusedError("Refused."), KeyError("a@example.com")], ids=["refused", "odd"]
)
async def test_what_cannot_be_read_is_told_and_asked_for_again_later(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    stop = asyncio.Event()

    class OddCrm(TellingCrm):
        async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
            del cursor, fields
            stop.set()
            raise trouble

    await keep_pulling(teller(store, OddCrm(), tmp_path), CATALOGUE, ["crm"], stop)

    assert "its changes cannot be read" in caplog.text
    assert "example.com" not in caplog.text
