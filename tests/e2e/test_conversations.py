"""Conversations of `tests/conversations`, held with the running system: the real model hears them."""

import json
import threading
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from preferences.store.engine import open_store
from preferences.store.ids import new_id
from preferences.store.shoppers import shopper_named
from preferences.store.tables import CandidateRow
from tests.conversations.script import Step, load_script
from tests.conversations.stage import as_list
from tests.e2e.world import World

HELD = ("gift", "motivation", "grief", "stop_in_the_middle", "volunteered_channel")
SKUS = {"Linen dress": "DRS-LIN-01"}
QUIET = 1.5  # this long after a reply nothing more is expected
SILENCE = 5.0


class Caller:
    """A customer of the shop at the chat API; remembers what was shown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.customer = world.customer_of_mens_clothing()
        self.session = ""
        self.heard: list[dict[str, Any]] = []
        self.heard_at = 0.0
        self.buttons: dict[str, str] = {}

    def does(self, step: Step) -> list[dict[str, Any]]:
        match step.does:
            case "buys":
                self.world.order(self.customer, SKUS.get(step.what, "DRS-LIN-01"), title=step.what)
                if not self.session:
                    self._sends(event="opened")
            case "presses":
                self._sends(press=self.buttons[step.what])
            case "says":
                self._sends(text=step.what)
            case _:
                self._sends(event="opened")
        return self._hears()

    def opens(self) -> None:
        """Begin a conversation, so that there is a shopper."""
        identity = self.world.identity(self.customer)
        self.session = self._call("/sessions", {"identity": identity})["session"]
        threading.Thread(target=self._listens, daemon=True).start()

    def _sends(self, **body: str) -> None:
        if not self.session:
            self.opens()
        self._call("/messages", {"client_message_id": str(uuid4()), **body})

    def _hears(self) -> list[dict[str, Any]]:
        """Give what the assistant says until it is quiet."""
        until = time.monotonic() + SILENCE
        while time.monotonic() < until:
            time.sleep(0.1)
            if self.heard and time.monotonic() - self.heard_at > QUIET:
                break
        replies, self.heard = self.heard, []
        for reply in replies:
            self.buttons = {one["label"]: one["press"] for one in reply["choices"]}
        return replies

    def _listens(self) -> None:
        request = urllib.request.Request(
            f"{self.world.url}/v1/chat/stream?after=0", headers=self._headers()
        )
        with suppress(OSError, ValueError), urllib.request.urlopen(request) as stream:
            for raw in stream:
                name, _, data = raw.decode().strip().partition(":")
                told = json.loads(data) if name == "data" else {}
                if told.get("from") == "assistant":
                    self.heard.append(told)
                    self.heard_at = time.monotonic()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session}"} if self.session else {}

    def _call(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        url = f"{self.world.url}/v1/chat{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), self._headers())
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return answer


async def finds_worth_asking(world: World, caller: Caller, question: str) -> None:
    """Make a question worth weighing, as an event of the shop would."""
    caller.opens()
    now = datetime.now(UTC)
    async with open_store(f"sqlite:///{world.data / 'askfirst.db'}") as store:
        shopper = await shopper_named(store, "customer", caller.customer)
        async with store.begin() as session:
            session.add(
                CandidateRow(
                    id=new_id(),
                    shopper_id=shopper,
                    question_id=question,
                    about={"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"},
                    reason="purchase",
                    created_at=now,
                    expires_at=now + timedelta(days=1),
                )
            )


def check(world: World, caller: Caller, step: Step, replies: list[dict[str, Any]]) -> None:
    then = step.then
    texts = " ".join(reply["text"] for reply in replies)
    assert bool(replies) is not then.get("silent", False), texts
    if "replies" in then:
        assert len(replies) == then["replies"], texts
    if "kind" in then:
        assert replies[-1]["kind"] == then["kind"], texts
    for words in as_list(then.get("contains", [])):
        assert words.partition(" (you said")[0] in texts  # the date is another every day
    for words in as_list(then.get("lacks", [])):
        assert words not in texts
    if "choices" in then:
        assert sorted(caller.buttons) == sorted(then["choices"])
    if "stored" in then:
        kept = world.preferences(caller.customer)
        assert {answer["question"]: answer["value"] for answer in kept} == then["stored"]
    if "forbidden" in then:
        _, profile = world.get(f"/v1/shoppers/customer:{caller.customer}/preferences")
        held = {entry["reason"] for entry in profile["suppressions"]}
        assert held == set(then["forbidden"])


@pytest.mark.parametrize("name", HELD)
async def test_a_conversation_goes_as_it_is_written(world: World, name: str) -> None:
    caller = Caller(world)
    for step in load_script(name).steps:
        if step.does == "waits":
            break
        if step.does == "worth_asking":
            if not (world.data / "askfirst.db").exists():
                pytest.skip("what is worth asking is written into the embedded store")
            await finds_worth_asking(world, caller, step.what)
        check(world, caller, step, caller.does(step))
