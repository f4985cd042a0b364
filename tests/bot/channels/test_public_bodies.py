"""Webhooks of public projects through a gateway that runs: skipped where their folder is not beside us.

Their accounts are the shop's own here, their moments are now, and people and messages have names of
their own in every file, so that all of them can be somebody's in one store.
"""

import json
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from bot.inspecting import PARSERS
from bot.messages import Inbound
from bot.parts import SEEN
from preferences.store.tables import ConversationRow, MessageRow, SuppressionRow
from tests.bot.channels.bodies import NUMBER, PAGE, raw, stamp
from tests.bot.channels.conftest import Line
from tests.bot.channels.platform import signed
from tests.bot.channels.test_conformance import _ONES, FIXTURES

pytestmark = pytest.mark.skipif(not _ONES, reason=f"the folder {FIXTURES} is missing")

_PEOPLE = frozenset({"from", "to", "wa_id", "recipient_id"})
_IDS = frozenset({"mid", "from_user_id", "to_user_id", "recipient_user_id", "user_id", "user_ref"})
_MOMENTS = frozenset({"timestamp", "time", "watermark"})


@dataclass(frozen=True)
class Told:
    """A body as it is sent here, and what should become of it."""

    file: str
    channel: str
    body: Any
    expect: dict[str, Any]

    @property
    def found(self) -> list[Inbound]:
        return PARSERS[self.channel](raw(self.body))


def told() -> list[Told]:
    return [
        Told(one["file"], channel, _moved(_read(one["file"]), channel, f"{number:03d}"), expect)
        for number, one in enumerate(_ONES)
        if (channel := one["file"].partition("/")[0]) != "orders"
        and (expect := one["expect"])["action"] != "bad_signature"
    ]


def _read(file: str) -> Any:
    return json.loads((FIXTURES / file).read_bytes())


def _moved(body: Any, channel: str, number: str) -> Any:
    """Make it the shop's own, of now, and of people whom no other body knows."""
    moved = _renamed(body, number)
    for entry in moved.get("entry", []):
        if channel == "messenger":
            entry["id"] = PAGE
        for change in entry.get("changes", []):
            if "phone_number_id" in change.get("value", {}).get("metadata", {}):
                change["value"]["metadata"]["phone_number_id"] = NUMBER
    return moved


def _renamed(value: Any, number: str, key: str = "", inside: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _renamed(one, number, name, key) for name, one in value.items()}
    if isinstance(value, list):
        return [_renamed(one, number, key, inside) for one in value]
    if key in _MOMENTS and str(value).isdigit():
        return type(value)(int(stamp()) * (1000 if int(value) > 10**11 else 1))
    if key in _PEOPLE and str(value).isdigit():
        return f"{value[:9]}{number}"
    named = key == "id" and (inside in ("sender", "recipient") or str(value).startswith("wamid"))
    return type(value)(f"{value}{number}") if value and (key in _IDS or named) else value


async def test_all_of_them_twice_and_shuffled_do_what_they_should_and_each_once(line: Line) -> None:
    bodies = told()
    reports = [*bodies, *bodies]
    Random(7).shuffle(reports)
    for one in reports:
        assert await line.platform.post(one.channel, one.body) == 200, one.file

    concluded = Counter((one.channel, found.action) for one in reports for found in one.found)
    assert _actions(line) == concluded
    for one in bodies:
        assert concluded[one.channel, one.expect["action"]] >= 2, one.file
    turns = [(one, found) for one in bodies for found in one.found if found.reply and found.names]
    rows = {row.message_id: row for row in await _said(line)}
    assert Counter(row.message_id for row in await _said(line)) == {
        found.key: 1 for _, found in turns
    }
    for one, found in turns:
        assert _words(line, rows[found.key]) == _expected(one, found), one.file
    await line.receives(len(turns))
    answered = Counter(_whom(sent) for sent in line.platform.delivered)
    assert answered == Counter(_address(found) for _, found in turns)
    heard = [name for name, row in rows.items() if row.kind != "unheard"]
    assert Counter(turn["message_id"] for turn in line.rasa.turns) == dict.fromkeys(heard, 1)
    await _is_beside(line)


async def _is_beside(line: Line) -> None:
    """See to what stands beside turns: who advertises no more, and where somebody else talks."""
    wishes = await line.rows(SuppressionRow)
    assert [(wish.scope, wish.target) for wish in wishes] == [("channel", "whatsapp_marketing")]
    paused = [row.channel for row in await line.rows(ConversationRow) if row.handed_off_at]
    assert Counter(paused) == {"whatsapp": 2, "messenger": 3}


async def test_one_that_somebody_else_signed_is_refused_and_nothing_of_it_is_kept(
    line: Line,
) -> None:
    (file,) = [one["file"] for one in _ONES if one["expect"]["action"] == "bad_signature"]
    body = raw(_moved(_read(file), "messenger", ""))
    headers = signed(body, "another secret")

    assert await line.platform.post("messenger", body, headers=headers) == 401
    assert (await line.rows(MessageRow), await line.rows(ConversationRow)) == ([], [])
    assert await line.platform.post("messenger", body) == 200
    assert len(await line.rows(MessageRow)) > 0


def _actions(line: Line) -> Counter[tuple[str, str]]:
    """Count what the gateway concluded, whatever kind it was of."""
    seen = Counter[tuple[str, str]]()
    for (channel, name), count in line.gateway.app[SEEN].items():
        seen[channel, name.partition(" ")[0]] += count
    return seen


async def _said(line: Line) -> list[MessageRow]:
    return [row for row in await line.rows(MessageRow) if row.author == "shopper"]


def _words(line: Line, row: MessageRow) -> str:
    place = f"{row.conversation_id}/{row.seq}"
    return line.store.vault.open(row.sealed_text, "message.text", place)


def _expected(one: Told, found: Inbound) -> str:
    """Give what of it should be in the log."""
    texts = one.expect.get("texts_in_body", [])
    if found.action in ("referral", "optin"):
        return "opened"
    if found.text is not None:
        assert found.text in (texts or [one.expect.get("text", found.text)])
    words = found.text or one.expect.get("caption") or one.expect.get("title") or found.title
    return words or (
        "opened" if found.action == "user_choice" else f"[{found.kind or found.action}]"
    )


def _whom(sent: dict[str, Any]) -> str:
    whom = sent.get("to") or sent["recipient"]
    return str(whom["id"] if isinstance(whom, dict) else whom)


def _address(found: Inbound) -> str:
    phone = found.names.get("phone", "").removeprefix("+")
    return phone or next(iter(found.names.values()))
