"""Hostile messages and bent signatures, on every channel: nothing breaks, nothing is learnt."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from preferences.store.tables import ConsentRow, MessageRow
from tests.bot.channels.bodies import PSID, event, message, page, raw, said, whatsapp
from tests.bot.channels.conftest import Dial, Line, until
from tests.bot.channels.hostile import values
from tests.bot.channels.platform import SETTINGS as META
from tests.bot.channels.platform import signed
from tests.bot.channels.test_twilio import FORM, PUBLIC, signature
from tests.bot.channels.test_twilio import SETTINGS as TWILIO

_EVERY = {**TWILIO, "channels": f"{META['channels']},twilio"}
_SECRETS = {"meta": "the app secret", "twilio": "twilio token"}


def _from_whatsapp(words: Any, number: int) -> bytes:
    return raw(whatsapp(message("text", {"body": words}, id=f"wamid.{number}")))


def _from_messenger(words: Any, number: int) -> bytes:
    return raw(page(said(words, mid=f"m_{number}")))


def _from_instagram(words: Any, number: int) -> bytes:
    body = page(said(words, mid=f"ig_{number}"), channel="instagram")
    body["entry"][0]["id"] = META["instagram_account"]
    return raw(body)


def _from_twilio(words: Any, number: int) -> bytes:
    form = FORM | {"MessageSid": f"SM{number}", "Body": str(words)}
    return urlencode(form, errors="replace").encode()  # it signs text alone


_SAYS: dict[str, Callable[[Any, int], bytes]] = {
    "whatsapp": _from_whatsapp,
    "messenger": _from_messenger,
    "instagram": _from_instagram,
    "twilio": _from_twilio,
}


def _headers(channel: str, body: bytes, secret: str = "") -> dict[str, str]:
    if channel != "twilio":
        return signed(body, secret or _SECRETS["meta"])
    address = f"{PUBLIC}/v1/channels/twilio"
    told = signature(body, address, secret or _SECRETS["twilio"])
    return {"X-Twilio-Signature": told, "Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("channel", _SAYS)
async def test_three_hundred_hostile_messages_break_nothing_and_command_nothing(
    dial: Dial, channel: str
) -> None:
    async with dial(**_EVERY) as line:
        line.rasa.awake = False
        bodies = [_SAYS[channel](words, number) for number, words in enumerate(values())]
        assert len(bodies) == 300
        for some in (bodies[at : at + 50] for at in range(0, 300, 50)):
            reports = (_post(line, channel, body) for body in some)
            assert set(await asyncio.gather(*reports)) <= {200, 400}

        rows = [row for row in await line.rows(MessageRow) if row.author == "shopper"]
        assert len(rows) > 100
        assert {row.kind for row in rows} <= {"text", "unheard"}
        kept = [_words(line, row) for row in rows]
        assert all(text and len(text) <= 1000 for text in kept)
        assert not [text for text in kept if text[0] in "/\uff0f\u2044\u2215"]


@pytest.mark.parametrize("channel", _SAYS)
async def test_one_bit_in_body_signature_or_secret_and_it_is_not_taken(
    dial: Dial, channel: str
) -> None:
    async with dial(**_EVERY) as line:
        line.rasa.awake = False
        body = _SAYS[channel]("hello", 1)
        right = _headers(channel, body)
        (name, told), *_ = right.items()
        for at in range(0, len(body), 7):
            assert await _post(line, channel, _bent(body, at), right) == 401
        for at in range(len(told)):
            wrong = right | {name: _bent(told.encode(), at).decode("latin-1")}
            assert await _post(line, channel, body, wrong) in {400, 401}  # some are no header
        secret = _SECRETS["twilio" if channel == "twilio" else "meta"].encode()
        for at in range(len(secret)):
            wrong = _headers(channel, body, _bent(secret, at).decode())
            assert await _post(line, channel, body, wrong) == 401
        for prefix in ("sha1=", "md5=", "SHA256=", "sha256=sha256="):
            wrong = right | {name: prefix + told.removeprefix("sha256=")}
            assert await _post(line, channel, body, wrong) == 401
        for wrong in ({}, right | {name: ""}, right | {name: "sha256="}):
            assert await _post(line, channel, body, wrong) == 401
        assert await _post(line, channel, body, [*right.items(), (name, told)]) == 401
        assert await line.rows(MessageRow) == []

        assert await _post(line, channel, body, right) == 200
        assert len(await line.rows(MessageRow)) == 1


async def test_a_button_with_any_bit_bent_is_no_answer(line: Line) -> None:
    await line.is_a_customer()
    await line.platform.opens()
    await line.receives(1)
    payload = line.platform.delivered[0]["interactive"]["action"]["buttons"][0]["reply"]["id"]
    bent = [_bent(payload.encode(), at).decode("latin-1") for at in range(0, len(payload), 3)]
    told = [
        message("interactive", {"button_reply": {"id": one, "title": ""}}, id=f"wamid.{number}")
        for number, one in enumerate(bent)
    ]
    assert await line.platform.post("whatsapp", whatsapp(*told)) == 200
    foreign = event(postback={"payload": payload}) | {"sender": {"id": PSID}}
    assert await line.platform.post("messenger", page(foreign)) == 200
    await until(lambda: len(line.rasa.turns) > 1)

    assert "press" not in {row.kind for row in await line.rows(MessageRow)}
    assert [row.state for row in await line.rows(ConsentRow)] == []


async def _post(line: Line, channel: str, body: bytes, headers: Any = None) -> int:
    given: Mapping[str, str] | list[tuple[str, str]] = (
        _headers(channel, body) if headers is None else headers
    )
    return await line.platform.post(channel, body, headers=given)


def _bent(value: bytes, at: int) -> bytes:
    """Turn the lowest bit but one of a byte round, which leaves it something that can be sent."""
    changed = bytearray(value)
    changed[at] ^= 2
    return bytes(changed)


def _words(line: Line, row: MessageRow) -> str:
    place = f"{row.conversation_id}/{row.seq}"
    return line.store.vault.open(row.sealed_text, "message.text", place)
