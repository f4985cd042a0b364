"""The addresses that platforms report to: who may, what is acknowledged, and when it is not."""

import asyncio
import json
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from bot import turn
from bot.parts import QUEUE, STORE
from preferences.errors import UnavailableError
from preferences.store.conversations import Received
from preferences.store.engine import Store
from preferences.store.tables import MessageRow
from tests.bot.channels.bodies import (
    MESSENGER,
    WHATSAPP,
    message,
    page,
    raw,
    said,
    whatsapp,
)
from tests.bot.channels.conftest import Dial, Line, until
from tests.bot.channels.platform import signed
from tests.bot.channels.test_conformance import FIXTURES, INDEX

_BODIES = [(file, file.read_bytes()) for file in sorted(FIXTURES.glob("[mw]*/*.json"))]
_VECTORS = FIXTURES / "derived/vectors.json"


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        (
            "hub.mode=subscribe&hub.verify_token=the+word&hub.challenge=1158201444",
            200,
            "1158201444",
        ),
        ("hub.mode=subscribe&hub.verify_token=another&hub.challenge=1", 403, None),
        ("hub.mode=subscribe&hub.verify_token=é&hub.challenge=1", 403, None),
        ("hub.mode=else&hub.verify_token=the+word&hub.challenge=1", 403, None),
        ("", 403, None),
    ],
)
async def test_the_challenge_is_repeated_to_who_knows_the_word(
    line: Line, query: str, status: int, text: str | None
) -> None:
    url = f"{line.gateway.url}/v1/channels/whatsapp?{query}"
    async with line.gateway.http.get(url) as response:
        assert response.status == status
        told = await response.text()
        assert text is None or (told, response.content_type) == (text, "text/plain")


async def test_only_what_meta_signed_is_taken_and_both_secrets_hold_while_one_changes(
    dial: Dial,
) -> None:
    body = raw(whatsapp(message("text", {"body": "Adiós 👋 / \\u00e9"})))
    right = signed(body)["X-Hub-Signature-256"]
    async with dial(meta_old_app_secret="the old secret") as line:
        wrong: list[Any] = [
            {},
            {"X-Hub-Signature": f"sha1={'0' * 40}"},
            *({"X-Hub-Signature-256": one} for one in (right[7:], "sha256", "", f"{right}0", "é")),
            {"X-Hub-Signature-256": right.replace("sha256", "md5")},
            {"X-Hub-Signature-256": right.upper()},
            signed(body, "another secret"),
            [("X-Hub-Signature-256", right), ("X-Hub-Signature-256", right)],
        ]
        for headers in wrong:
            assert await line.platform.post("whatsapp", body, headers=headers) == 401
        for changed in (
            body + b"\n",
            body.replace(b"\\/", b"/"),
            json.dumps(json.loads(body)).encode(),
        ):
            headers = {"X-Hub-Signature-256": right}
            assert await line.platform.post("whatsapp", changed, headers=headers) == 401
        assert await line.rows(MessageRow) == []
        assert (
            await line.platform.post("whatsapp", body, headers=signed(body, "the old secret"))
            == 200
        )
        assert await line.platform.post("whatsapp", body) == 200
        assert len(await line.receives(1)) == 1


async def test_a_channel_that_is_not_named_has_no_address(line: Line) -> None:
    assert await line.platform.post("twilio", b"{}") == 404
    assert await line.platform.post("smoke_signals", b"{}") == 404


@pytest.mark.parametrize("body", [b"", b"[]", b'{"entry": [', b"\xff", b"[" * 100_000])
async def test_a_signed_body_that_is_broken_is_refused_and_never_an_error_of_ours(
    line: Line, body: bytes
) -> None:
    assert await line.platform.post("whatsapp", body) == 400


async def test_what_is_for_another_number_is_acknowledged_and_not_kept(line: Line) -> None:
    body = whatsapp(message())
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "7"
    other = page(said())
    other["entry"][0]["id"] = "PAGE-2"

    assert await line.platform.post("whatsapp", body) == 200
    assert await line.platform.post("messenger", other) == 200
    assert await line.rows(MessageRow) == []


async def test_what_cannot_be_kept_is_not_acknowledged(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        message = "The store is away."
        raise UnavailableError(message)

    with monkeypatch.context() as broken:
        broken.setattr(type(line.gateway.app[STORE]), "begin", away)
        assert await line.platform.post("whatsapp", whatsapp(message())) == 503
    assert await line.platform.post("whatsapp", whatsapp(message())) == 200


async def test_a_report_never_waits_for_those_who_are_being_served(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, may_end = list[str](), asyncio.Event()

    async def look(store: Store, shopper: str) -> list[Received]:
        async with store.begin(readonly=True) as session:
            await session.exec(select(MessageRow.seq).limit(1))
            looking.append(shopper)
            await may_end.wait()
        return []

    monkeypatch.setattr(turn, "read_unanswered", look)
    for number in range(40):  # more than the store has connections
        await line.gateway.app[QUEUE].put(f"shopper-{number}")
    await until(lambda: len(looking) >= 4)
    async with asyncio.timeout(10):
        assert await line.platform.post("whatsapp", whatsapp(message())) == 200
    assert len(looking) < 40
    may_end.set()


async def test_everything_twice_and_in_any_order_is_kept_once(line: Line) -> None:
    line.rasa.awake = False
    same = [body for body, actions in WHATSAPP.values() if actions != ["identity_change"]]
    reports = [("whatsapp", body) for body in same]
    reports += [("messenger", body) for body, _ in MESSENGER.values()]
    reports *= 2
    Random(7).shuffle(reports)
    for channel, body in reports:
        assert await line.platform.post(channel, body) == 200

    kept = [row.message_id for row in await line.rows(MessageRow) if row.author == "shopper"]
    assert len(kept) == len(set(kept)) > 12


@pytest.mark.skipif(not _VECTORS.exists(), reason=f"the folder {FIXTURES} is missing")
async def test_the_signatures_of_public_projects_are_judged_as_they_should(dial: Dial) -> None:
    vectors = json.loads(_VECTORS.read_text()) if _VECTORS.exists() else []
    async with dial(meta_app_secret="test_app_secret") as line:
        line.rasa.awake = False
        for vector in vectors:
            kind = vector["name"].partition("_")[0]
            channel = {"wa": "whatsapp", "fb": "messenger"}.get(kind)
            if channel is None:
                continue
            body = (FIXTURES / "derived" / vector["body"]).read_bytes()
            status = await line.platform.post(channel, body, headers=vector["headers"])
            assert status == vector["expect"], vector["name"]


@pytest.mark.skipif(not INDEX.exists(), reason=f"the folder {FIXTURES} is missing")
async def test_the_bodies_of_public_projects_are_acknowledged_whatever_they_hold(
    line: Line,
) -> None:
    line.rasa.awake = False
    for file, body in _BODIES:
        assert await line.platform.post(file.parent.name, body) == 200, file.name
