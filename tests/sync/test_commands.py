"""The verbs of `python -m sync`, against a HubSpot that remembers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile

import pytest

from preferences.store import backfilling
from preferences.store.destinations import Pause, pause
from preferences.store.engine import Store, open_store
from preferences.store.outbox import mark
from preferences.store.tables import OutboxRow
from sync.__main__ import main
from sync.commands import once, opening
from tests.preferences.store.seeds import add_consent, add_shopper_who_answered
from tests.sync.fakes.hubspot import HubSpot
from tests.sync.pages import CATALOGUE
from tests.vaults import KEYS, VAULT

REFUSAL = "VALIDATION_ERROR: INVALID_OPTION (ask_last_purchase_for)"


@dataclass
class Desk:
    """An operator's terminal, with the store and the CRM beside it."""

    store: Store
    crm: HubSpot
    capsys: pytest.CaptureFixture[str]

    async def types(self, words: str) -> tuple[int, str]:
        try:
            code = await asyncio.to_thread(main, words.split())
        except SystemExit as end:
            code = int(str(end.code))
        said = self.capsys.readouterr()
        return code, said.out + said.err

    async def answers(self, *shoppers: str) -> None:
        async with self.store.begin() as session:
            for shopper in shoppers:
                await add_shopper_who_answered(session, shopper)
                await mark(session, shopper, ["hubspot"], datetime.now(UTC), urgent=False)

    async def withdraws(self, shopper: str) -> None:
        async with self.store.begin() as session:
            await add_consent(session, shopper, 2, "withdrawn")
            await mark(session, shopper, ["hubspot"], datetime.now(UTC), urgent=True)

    async def is_interrupted(self) -> None:
        """Have a backfill end after its first step."""
        await backfilling.begin_backfill(self.store, "hubspot", again=True)
        await backfilling.mark_some(self.store, "hubspot", datetime.now(UTC), whole=False)

    async def row(self, shopper: str) -> OutboxRow:
        async with self.store.begin(readonly=True) as session:
            return await session.get_one(OutboxRow, (shopper, "hubspot"))


@pytest.fixture
async def desk(
    sqlite_template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Desk]:
    crm = HubSpot()
    for module in (opening, once):  # to read it takes most of a command's time
        monkeypatch.setattr(module, "load_catalogue", lambda: CATALOGUE)
    store_url = f"sqlite:///{copyfile(sqlite_template, tmp_path / 'askfirst.db')}"
    async with open_store(store_url, VAULT) as store, crm.listening():
        for name, value in {
            "DATABASE_URL": store_url,
            "DATA_DIR": str(tmp_path),
            "KEYS_FILE": str(KEYS),
            "DESTINATIONS": "hubspot",
            "HUBSPOT_TOKEN": crm.secret,
            "HUBSPOT_URL": crm.url,
            "WEBHOOK_ALLOW": "127.0.0.0/8",
            "REDIS_URL": "",
        }.items():
            monkeypatch.setenv(f"ASKFIRST_{name}", value)
        yield Desk(store, crm, capsys)


async def test_from_an_empty_crm_to_one_that_is_told_kept_right_and_emptied(desk: Desk) -> None:
    await desk.answers("ann", "ben")

    code, said = await desk.types("preflight")
    assert code == 1
    assert "missing: shopper_id" in said
    assert "missing: ask_last_purchase_for (text)" in said
    assert "fields to create: `python -m sync preflight hubspot --create` does." in said
    code, said = await desk.types("preflight --create")
    assert (code, "Created: shopper_id" in said) == (0, True)
    assert (await desk.types("preflight"))[0] == 0

    code, said = await desk.types("plan")
    assert code == 0
    assert "2 shoppers would be told of, 0 need no telling. Nothing was sent." in said
    assert ["ask_last_purchase_for", "2", "0", "0"] in [line.split() for line in said.splitlines()]
    assert desk.crm.contacts == {}
    _, said = await desk.types("plan --each")
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["shopper"] for line in lines] == ["ann", "ben"]
    assert lines[0]["fields"]["ask_last_purchase_for"] == "gift"

    assert (await desk.types("once"))[0] == 0
    held = desk.crm.held("ann")
    assert held
    assert held["ask_last_purchase_for"] == "gift"

    code, said = await desk.types("reconcile")
    assert (code, said) == (0, "2 records read, 0 drifted.\n")
    held["ask_last_purchase_for"] = "self"
    code, said = await desk.types("reconcile")
    assert (code, said) == (
        1,
        "ask_last_purchase_for: 1 differ\n2 records read, 1 drifted.\n",
    )
    await desk.types("reconcile --repair")
    await desk.types("once")
    assert (desk.crm.held("ann") or {})["ask_last_purchase_for"] == "gift"
    desk.crm.contacts.clear()
    desk.crm._by.clear()
    _, said = await desk.types("reconcile --repair")
    assert said.startswith("(no record): 2 differ\n2 records read, 2 drifted.\n")
    await desk.types("once")
    assert (desk.crm.held("ann") or {})["ask_last_purchase_for"] == "gift"

    await desk.withdraws("ann")
    _, said = await desk.types("plan")
    assert ["ask_last_purchase_for", "0", "1", "0"] in [line.split() for line in said.splitlines()]
    await desk.types("once")
    assert not (desk.crm.held("ann") or {}).get("ask_last_purchase_for")
    assert (await desk.types("reconcile"))[0] == 0


async def test_a_part_is_read_back_where_a_part_is_asked_for(desk: Desk) -> None:
    await desk.types("preflight --create")
    await desk.answers(*(f"shopper-{number}" for number in range(40)))
    await desk.types("once")

    _, said = await desk.types("reconcile --share 0.2")
    assert 0 < int(said.split()[0]) < 40
    assert all(["no part" in (await desk.types(f"reconcile --share {it}"))[1] for it in "2x"])


async def test_what_waited_for_a_field_goes_on_once_it_is_made(desk: Desk) -> None:
    await desk.answers("ann")
    code, said = await desk.types("plan")
    assert (code, "preflight hubspot --create" in said) == (2, True)
    code, said = await desk.types("once")
    assert (code, "preflight hubspot --create" in said) == (1, True)
    assert "Paused until" in (await desk.types("once"))[1]

    await desk.types("preflight --create")

    assert (await desk.types("once"))[0] == 0
    assert desk.crm.held("ann")


async def test_what_is_refused_is_seen_listed_and_replayed(desk: Desk) -> None:
    await desk.types("preflight --create")
    desk.crm.define("ask_last_purchase_for", "self")
    await desk.answers("ann", "ben")
    code, said = await desk.types("preflight")
    assert code == 1
    assert "wrong: ask_last_purchase_for takes only self and is to be given any text:" in said
    code, said = await desk.types("once")
    assert code == 1
    assert "hubspot: 2 dead letters more; `python -m sync replay hubspot --list` lists" in said

    code, said = await desk.types("status")
    assert code == 1
    assert f"dead letters  2\n    2 x {REFUSAL}\n" in said
    code, said = await desk.types("status --json")
    [page] = json.loads(said)["destinations"]
    assert (page["dead"], page["paused"], page["errors"]["failing"]) == (2, None, {})
    assert page["errors"]["dead"] == {REFUSAL: 2}
    assert page["waiting"] == {"wish": 0, "news": 0, "backfill": 0}
    _, said = await desk.types("replay --list")
    assert len(said.splitlines()) == 2
    assert "ann" in said
    assert "gift" not in said
    assert "0 dead" in (await desk.types("replay --reason nothing-like-it"))[1]
    assert "0 dead" in (await desk.types("replay --until 2020-01-01"))[1]
    assert "no time" in (await desk.types("replay --since soon"))[1]

    desk.crm.define("ask_last_purchase_for", "self", "gift")
    assert "2 dead letters are told again" in (await desk.types("replay --since 2020-01-01"))[1]
    await desk.types("once")
    code, said = await desk.types("status")
    assert (code, "nobody" in said, "never" in said) == (0, True, False)


async def test_a_backfill_tells_everybody_once_and_goes_on_where_it_was(desk: Desk) -> None:
    await desk.types("preflight --create")
    await desk.answers("ann", "ben", "cem")
    await desk.types("once")
    writes = desk.crm.writes

    code, said = await desk.types("backfill")
    assert (code, "3/3" in said) == (0, True)
    assert desk.crm.writes == writes

    desk.crm.contacts.clear()
    desk.crm._by.clear()
    assert (await desk.types("backfill --whole --mark"))[0] == 0
    assert (await desk.row("ann")).backfill
    code, _ = await desk.types("backfill")
    assert code == 0
    assert {one["shopper_id"] for one in desk.crm.contacts.values()} == {"ann", "ben", "cem"}


async def test_a_backfill_that_was_interrupted_goes_on_unless_it_is_to_begin_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "_CHUNK", 1)
    await desk.answers("ann", "ben")

    await desk.is_interrupted()
    await desk.types("backfill --mark")
    assert [(await desk.row(one)).desired_version for one in ("ann", "ben")] == [2, 2]

    await desk.is_interrupted()
    await desk.types("backfill --mark --anew")
    assert [(await desk.row(one)).desired_version for one in ("ann", "ben")] == [4, 3]


async def test_a_wrong_token_is_one_sentence_and_a_pause_that_status_tells(desk: Desk) -> None:
    await desk.answers("ann")
    desk.crm.secret = "another"

    code, said = await desk.types("once")
    assert (code, said.count("\n")) == (1, 1)
    code, said = await desk.types("status")
    assert (code, "paused until" in said) == (1, True)
    code, said = await desk.types("once")
    assert (code, "Paused until" in said) == (1, True)
    code, said = await desk.types("backfill")
    assert (code, "still to be told" in said) == (1, True)


async def test_a_wish_that_is_refused_is_seen_with_the_reason_and_since_when(desk: Desk) -> None:
    await desk.types("preflight --create")
    await desk.answers("ann")
    await desk.types("once")
    await desk.withdraws("ann")
    told = {"category": "VALIDATION_ERROR", "message": "It is locked."}
    desk.crm.ills.append({"data": told, "status": 400})
    await desk.types("once")

    code, said = await desk.types("status")
    assert code == 1
    assert "waiting       1 wish (the longest for " in said
    assert "failing       1 (wishes: 1)\n    1 x VALIDATION_ERROR: It is locked.\n" in said
    _, said = await desk.types("status --json")
    [page] = json.loads(said)["destinations"]
    assert page["errors"] == {"failing": {"VALIDATION_ERROR: It is locked.": 1}, "dead": {}}
    assert (page["waiting"]["wish"], page["failing"], page["failing_wishes"]) == (1, 1, 1)
    assert page["lag_seconds"] > 0
    assert datetime.fromisoformat(page["last_success_at"]) <= datetime.now(UTC)


async def test_while_the_days_calls_are_used_up_the_wishes_alone_are_told(desk: Desk) -> None:
    await desk.types("preflight --create")
    await desk.answers("ann")
    await desk.types("once")
    await desk.withdraws("ann")
    await desk.answers("ben")
    now = datetime.now(UTC)
    await pause(desk.store, "hubspot", Pause(now + timedelta(hours=3), "quota", "Used up."), now)

    code, said = await desk.types("once")

    assert (code, said.startswith("hubspot: Used up. Paused until")) == (1, True)
    assert not (desk.crm.held("ann") or {}).get("ask_last_purchase_for")
    assert not desk.crm.held("ben")


async def test_a_destination_that_is_not_named_is_told_with_those_that_are(desk: Desk) -> None:
    code, said = await desk.types("plan klaviyo")

    assert (code, said) == (2, "Name a destination of ASKFIRST_DESTINATIONS: hubspot.\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("plan", 2, "log has no mapping"),
        ("preflight", 0, "cannot tell its fields"),
        ("reconcile", 0, "cannot be read back"),
    ],
)
async def test_a_destination_that_cannot_do_it_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: str, code: int, told: str
) -> None:
    monkeypatch.setenv("ASKFIRST_DESTINATIONS", "log")

    ended, said = await desk.types(words)

    assert ended == code
    assert told in said


@pytest.mark.parametrize("words", ["preflight", "plan", "once"])
async def test_a_page_that_asks_what_the_destination_cannot_do_is_refused_by_every_verb(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str
) -> None:
    monkeypatch.setenv("ASKFIRST_DESTINATIONS", "log")
    monkeypatch.setenv("ASKFIRST_MAPPINGS_DIR", str(tmp_path))
    page = "{ key: id, fields: [{ from: identities.email, to: email, when_null: fill_empty }] }"
    (tmp_path / "log.yml").write_text(page)

    code, said = await desk.types(words)

    assert (code, said.count("\n")) == (2, 1)
    assert "The mapping of log: email would be written over" in said
