"""Somebody who comes by one channel, whichever: says, opens and presses, and reads what is answered."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlmodel import SQLModel, col, select

from bot.parts import TOKENS
from preferences.store.dispatches import OPEN
from preferences.store.ids import new_id
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConversationRow,
    DispatchRow,
    MessageRow,
)
from preferences.understanding import Guess
from tests.bot.channels.bodies import event, message, page, said, whatsapp
from tests.bot.channels.conftest import Dial, Line
from tests.bot.channels.platform import SETTINGS as META
from tests.bot.channels.platform import choices_of, text_of
from tests.bot.channels.test_twilio import FORM, NUMBER, report
from tests.bot.channels.test_twilio import SETTINGS as TWILIO
from tests.bot.conftest import Page
from tests.conversations.stage import an_earlier_answer, an_earlier_talk

CHANNELS = ("web", "customer", "whatsapp", "messenger", "instagram", "twilio")
"""Every channel; on the website somebody unknown, and a customer who is signed in."""
PAGES = frozenset({"web", "customer"})
NUMBERED = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_TAUGHT = {
    "hello": ("greet", 0.95),
    "a person please": ("handoff", 0.97),
    "what do you know about me?": ("ask_data", 0.97),
}
_WHEN = {
    MessageRow: ("at", "answered_at"),
    AskRow: ("asked_at", "closed_at"),
    ConversationRow: ("created_at", "seen_at", "disclosed_at"),
    DispatchRow: ("created_at", "sent_at"),
}


class Told(NamedTuple):
    """What was answered: its words, and the options to press, as label and token."""

    text: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.options]

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]


@dataclass
class Visitor:
    """One person on one channel."""

    line: Line
    channel: str
    name: str
    page: Page | None = None
    read: int = 0

    async def says(self, text: str) -> Told:
        match self.channel:
            case "whatsapp":
                await self._posts(message("text", {"body": text}, id=f"wamid.{uuid4()}"))
            case "messenger" | "instagram":
                await self._posts(said(text, mid=f"m_{uuid4()}"))
            case "twilio":
                await self._posts({"Body": text})
            case _:
                await self._asks(text=text)
        return await self._hears()

    async def opens(self) -> Told:
        match self.channel:
            case "whatsapp":
                await self._posts(message("button", {"payload": "opened"}, id=f"wamid.{uuid4()}"))
            case "messenger" | "instagram":
                await self._posts(event(postback={"payload": "opened", "mid": f"m_{uuid4()}"}))
            case "twilio":
                await self._posts({"ButtonPayload": "opened"})
            case _:
                await self._asks(event="opened")
        return await self._hears()

    async def presses(self, told: Told, label: str) -> Told:
        """Press a button; where there are none, write what stands on it."""
        token = dict(told.options)[label]
        if token.isdigit():
            return await self.says(label)
        match self.channel:
            case "whatsapp":
                reply = {"type": "button_reply", "button_reply": {"id": token, "title": label}}
                await self._posts(message("interactive", reply, id=f"wamid.{uuid4()}"))
            case "messenger" | "instagram":
                pressed = {"payload": token}
                await self._posts(said(label, mid=f"m_{uuid4()}", quick_reply=pressed))
            case _:
                await self._asks(press=token)
        return await self._hears()

    async def conversation(self) -> ConversationRow:
        query = select(ConversationRow).order_by(col(ConversationRow.created_at).desc())
        if self.page is not None:
            name = self.line.gateway.app[TOKENS].conversation(self.page.session)
            query = query.where(ConversationRow.id == name)
        else:
            kind = "phone" if self.channel in ("whatsapp", "twilio") else self.channel
            shopper = await self.line.named(kind, f"+{self.name}" if kind == "phone" else self.name)
            query = query.where(
                ConversationRow.shopper_id == shopper, ConversationRow.channel == self.channel
            )
        async with self.line.store.begin(readonly=True) as session:
            row = (await session.exec(query)).first()
        assert row is not None
        return row

    async def answered(self) -> dict[str, str]:
        """What is kept of them, by question."""
        shopper = (await self.conversation()).shopper_id
        rows = [row for row in await self.line.rows(AnswerRow) if row.shopper_id == shopper]
        return {row.question_id: row.value for row in rows}

    async def is_worth_asking(self, *questions: str) -> None:
        """Let them have answered enough before, and let these questions be worth asking."""
        shopper, now = (await self.conversation()).shopper_id, datetime.now(UTC)
        async with self.line.store.begin() as session:
            for days in (40, 50, 60):
                session.add(earlier := an_earlier_talk(shopper, now - timedelta(days=days)))
                await session.flush()
                session.add(an_earlier_answer(earlier))
            for number, question in enumerate(questions):
                candidate = CandidateRow(
                    id=new_id(),
                    shopper_id=shopper,
                    question_id=question,
                    about={"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"},
                    reason="misfit:audience",
                    created_at=now - timedelta(minutes=number),
                    expires_at=now + timedelta(days=60),
                )
                session.add(candidate)

    async def stays_away(self, **time: int) -> None:
        """Let all that happened so far be longer ago."""
        for table, names in _WHEN.items():
            await self._was_earlier(table, names, timedelta(**time))

    async def signs_in_anew(self) -> None:
        """Begin another session, where there are any."""
        if self.channel == "customer":
            self.page, self.read = await self.line.gateway.page(self.name), 0

    async def _was_earlier(
        self, table: type[SQLModel], names: tuple[str, ...], by: timedelta
    ) -> None:
        async with self.line.store.begin() as session:
            for row in (await session.exec(select(table))).all():
                for name in names:
                    if (at := getattr(row, name)) is not None:
                        setattr(row, name, at - by)

    async def _posts(self, item: dict[str, Any]) -> None:
        """Report it as the platform does."""
        platform = self.line.platform
        if self.channel == "twilio":
            form = FORM | {"From": f"+{self.name}", "MessageSid": f"SM{uuid4().hex}"} | item
            status = await report(self.line, form)
        elif self.channel == "whatsapp":
            status = await platform.post("whatsapp", whatsapp(item | {"from": self.name}))
        else:
            body = page(item | {"sender": {"id": self.name}})
            if self.channel == "instagram":
                body |= {"object": "instagram"}
                body["entry"][0]["id"] = META["instagram_account"]
            status = await platform.post(self.channel, body)
        assert status == 200

    async def _asks(self, **body: Any) -> None:
        assert self.page is not None
        status, _ = await self.page.say(**body)
        assert status == 202

    async def _hears(self) -> Told:
        """Wait until nothing waits any more, and give what came; silence is no words at all."""
        async with asyncio.timeout(120):
            while await self._waits():  # noqa: ASYNC110 silence tells nobody
                await asyncio.sleep(0.05)
        return await self._of_page() if self.page is not None else self._of_platform()

    async def _waits(self) -> bool:
        talk = (await self.conversation()).id
        unanswered = select(MessageRow.seq).where(
            MessageRow.conversation_id == talk,
            MessageRow.author == "shopper",
            col(MessageRow.answered_at).is_(None),
        )
        unsent = select(DispatchRow.id).where(
            DispatchRow.conversation_id == talk, col(DispatchRow.state).in_(OPEN)
        )
        async with self.line.store.begin(readonly=True) as session:
            found = [(await session.exec(query)).first() for query in (unanswered, unsent)]
        return any(one is not None for one in found)

    async def _of_page(self) -> Told:
        assert self.page is not None
        url = f"{self.page.url}/v1/chat/log?after={self.read}"
        async with self.page.http.get(url, headers=self.page.headers) as response:
            events = (await response.json())["events"]
        lines = [data for name, data in events if name == "message"]
        self.read = max([self.read, *(line["seq"] for line in lines)])
        mine = [line for line in lines if line["from"] == "assistant"]
        options = [(one["label"], one["press"]) for line in mine for one in line["choices"]]
        return Told("\n\n".join(line["text"] for line in mine), tuple(options))

    def _of_platform(self) -> Told:
        mine = [sent for sent in self.line.platform.delivered if _whom(sent) == self._address]
        new, self.read = mine[self.read :], len(mine)
        text = "\n\n".join(map(text_of, new))
        buttons = [] if self.channel == "twilio" else [one for s in new for one in choices_of(s)]
        options = [(one["title"], one.get("id") or one["payload"]) for one in buttons]
        options = options or [(label, number) for number, label in NUMBERED.findall(text)]
        return Told(text, tuple(options))

    @property
    def _address(self) -> tuple[str, str]:
        match self.channel:
            case "whatsapp":
                return META["whatsapp_number"], self.name
            case "twilio":
                return NUMBER, f"+{self.name}"
        return META[
            "messenger_page" if self.channel == "messenger" else "instagram_account"
        ], self.name


def _whom(sent: dict[str, Any]) -> tuple[str, str]:
    """Tell by which of the shop's accounts a message went to whom."""
    if "To" in sent:
        return sent["From"], sent["To"]
    whom = sent.get("to") or sent["recipient"]
    return sent["account"], str(whom["id"] if isinstance(whom, dict) else whom)


@asynccontextmanager
async def receiving(dial: Dial) -> AsyncIterator[Line]:
    """Open a gateway with every channel, whose assistant knows a few sentences."""
    every = {**TWILIO, "channels": f"{META['channels']},twilio"}
    free = {"sessions_per_minute_per_address": 0, "messages_per_minute_per_address": 0}
    async with dial(**every, **free, messages_per_minute_of_all=0) as line:
        line.rasa.taught |= {text: (Guess(*told),) for text, told in _TAUGHT.items()}
        yield line


async def visitor(line: Line, channel: str) -> Visitor:
    """Give somebody whom nobody has met yet."""
    name = f"346{uuid4().int % 10**8:08d}"
    if channel not in PAGES:
        return Visitor(line, channel, name)
    opened = await line.gateway.page(name if channel == "customer" else None)
    return Visitor(line, channel, name, opened)


__all__ = ["CHANNELS", "NUMBERED", "PAGES", "Told", "Visitor", "receiving", "visitor"]
