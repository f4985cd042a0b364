"""What nobody should send, sent to the running system: nothing breaks, nothing is lost."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.world import World


class Chat:
    """A page that speaks to the chat API without any manners."""

    def __init__(self, world: World) -> None:
        self._url = f"{world.url}/v1/chat"
        self.session = self._call("/sessions", {})[1]["session"]
        self.say(event="opened")
        self.waits_for("assistant")

    def say(self, **body: Any) -> tuple[int, dict[str, Any]]:
        return self._call("/messages", {"client_message_id": str(uuid4()), **body})

    def raw(self, body: bytes) -> int:
        return self._call("/messages", body)[0]

    def waits_for(self, author: str, after: int = 0, seconds: float = 20) -> dict[str, Any]:
        """Give the first line of an author after a number."""
        until = time.monotonic() + seconds
        for line in self._lines(after):
            if line["from"] == author:
                return line
            assert time.monotonic() < until
        raise AssertionError(author)

    def _lines(self, after: int) -> Iterator[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self._url}/stream?after={after}", headers=self._headers()
        )
        with urllib.request.urlopen(request, timeout=20) as stream:
            for raw in stream:
                line = raw.decode().strip()
                if line.startswith("data:") and '"seq"' in line:
                    yield json.loads(line.removeprefix("data:"))

    def _headers(self) -> dict[str, str]:
        session = getattr(self, "session", None)
        return {"Authorization": f"Bearer {session}"} if session else {}

    def _call(self, path: str, body: object) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, headers=self._headers())
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def chat(world: World) -> Chat:
    return Chat(world)


@pytest.mark.parametrize(
    "text",
    [
        '/stop{"a": 1}',
        " \u200b/restart",
        "／session_start",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "nul \x00 bell \x07 right-to-left \u202e override",
        "lone \ud800 surrogate",
        "{{7*7}} {slot} %s ${HOME}",
        "EXTERNAL: stop",
        "e" + "\u0301" * 900,
        "👨‍👩‍👧‍👦🏳️‍🌈",
    ],
)
def test_a_strange_text_gets_a_polite_line(world: World, text: str) -> None:
    chat = Chat(world)
    status, answer = chat.say(text=text)

    assert status == 202, answer
    assert chat.waits_for("assistant", after=answer["seq"])["text"]
    assert world.get("/readyz")[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "x" * 1001}, 413),
        ({"text": ""}, 422),
        ({"text": " \u200b\n"}, 422),
        ({"text": "///"}, 422),
        ({"text": 7}, 422),
        ({"text": None}, 422),
        ({"event": "session_start"}, 422),
        ({"press": "forged:0:0000"}, 401),
        ({"text": "hi", "client_message_id": "../../etc"}, 422),
        ({}, 422),
    ],
)
def test_what_is_no_message_is_refused_with_a_sentence(
    chat: Chat, body: dict[str, Any], status: int
) -> None:
    refused, problem = chat.say(**body)

    assert refused == status
    assert problem["detail"].endswith((".", "words."))


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff\xfe", b'"x"', b"[" * 5000, b"x" * 9000])
def test_what_is_no_json_object_is_refused(chat: Chat, raw: bytes) -> None:
    assert chat.raw(raw) in {413, 422}


def test_an_order_without_a_right_signature_is_refused(world: World) -> None:
    raw = b'{"id": 1, "created_at": "2026-01-01T00:00:00Z", "line_items": []}'
    for signature in ("", "sha256=00", "AAAA", "é"[:0] + "x" * 44):
        status, problem = world.webhook("/v1/orders/shopify", raw, signature)

        assert status == 401, problem


def test_a_malformed_order_is_named_and_kept_aside(world: World) -> None:
    raw = json.dumps({"id": 1, "created_at": "yesterday", "line_items": []}).encode()
    status, problem = world.webhook("/v1/orders/shopify", raw)

    assert (status, problem["field"]) == (202, "created_at")
    assert "kept aside" in problem["detail"]


def test_the_preference_api_tells_nothing_without_a_key(world: World) -> None:
    for key in ("ask_unknown", " "):
        status, problem = world.get("/v1/shoppers/customer:9001/preferences", key)

        assert (status, problem["title"]) == (401, "Unauthorized")


def test_a_shopper_nobody_knows_is_not_found(world: World) -> None:
    for name in ("customer:0", "nobody", "a:b"):
        assert world.get(f"/v1/shoppers/{name}/preferences")[0] == 404
