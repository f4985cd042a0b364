"""A shop's mail tool, and the reader of what it mails: over HTTP as they would."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from preferences.conversation import Outcome
from preferences.store.engine import Store
from preferences.store.ledger import Act, Notice, append_consent
from preferences.store.tables import AnswerRow, AskRow
from tests.bot.api.conftest import Answer, Api
from tests.bot.conftest import Gateway
from tests.preferences.store.shop import Shop

BUTTON = re.compile(r'<button name="(\w+)" value="(\w+)">([^<]*)</button>')
FORM = re.compile(r'<form method="post" action="([^"]*)">(.*?)</form>')
QUESTION, PURPOSE = "channel_preference", "contact_wishes"


@dataclass
class Mail:
    """What the tool was given, and what the reader does with it."""

    api: Api
    told: Any

    def url(self, name: str) -> str:
        """The link of an option by its value, of what else may be said by its label, or of the stop."""
        if name == "stop":
            return str(self.told["stop"]["url"])
        links = {one["value"]: one["url"] for one in self.told["options"]}
        links |= {one["label"]: one["url"] for one in self.told["others"]}
        return str(links[name])

    async def opens(self, name: str) -> tuple[int, str]:
        return await self.sends("GET", self.url(name))

    async def presses(self, name: str, **form: str) -> tuple[int, str]:
        """The button of the page behind a link; a form of its own is another button there."""
        if not form:
            _, shown = await self.opens(name)
            form = dict([BUTTON.findall(shown)[0][:2]])
        return await self.sends("POST", self.url(name), data=form)

    async def sends(self, method: str, url: str, **more: Any) -> tuple[int, str]:
        async with self.api.http.request(method, url, **more) as response:
            return response.status, unescape(await response.text())

    def number(self, value: str) -> str:
        return str([one["value"] for one in self.told["options"]].index(value))

    async def answers(self) -> list[AnswerRow]:
        rows = await Shop(self.api.store).rows(AnswerRow)
        return sorted(rows, key=lambda row: row.answered_at)

    async def values(self) -> list[str]:
        return [row.value for row in await self.answers()]

    async def outcome(self) -> Outcome | None:
        rows = await Shop(self.api.store).rows(AskRow)
        return next(row.outcome for row in rows if row.id == self.told["ask"])


async def permits(
    store: Store,
    shopper: str,
    purpose: str = PURPOSE,
    state: Any = "given",
    at: datetime | None = None,
) -> str:
    """Have a shopper decide about a purpose, just now if not at another time; give the event."""
    now = at or datetime.now(UTC)
    act = Act(
        purpose=purpose,
        state=state,
        method="button",
        actor="shopper",
        assurance="verified",
        locale="en",
        channel="web",
        idempotency_key=f"{shopper}/{purpose}/{now.isoformat()}",
        occurred_at=now,
        notice=Notice(purpose, 1, "en", "May I keep it?", now, "ask"),
    )
    async with store.begin() as session:
        return await append_consent(session, shopper, act)


async def wants(api: Api, shopper: str, *scopes: str, **body: Any) -> Answer:
    body = {"question": QUESTION, **body}
    headers = body.pop("headers", {})
    return await api.post(f"/v1/shoppers/{shopper}/polls", body, *scopes, headers=headers)


async def mailed(api: Api, shopper: str, **body: Any) -> Mail:
    told = await wants(api, shopper, **body)
    assert told.status == 201, told.json
    return Mail(api, told.json)


@pytest.fixture
def api(gateway: Gateway) -> Api:
    return Api(gateway, gateway.http)


@pytest.fixture
async def shopper(api: Api) -> str:
    """Somebody of whom the shop told, and who permitted that it is kept how they like to be reached."""
    name = await api.has_shopper("7")
    await permits(api.store, name)
    return name


@pytest.fixture
async def mail(api: Api, shopper: str) -> Mail:
    """The question how they like to be reached, mailed to them."""
    return await mailed(api, shopper)
