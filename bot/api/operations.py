'''What an operation of the API is: an async function, described once for callers and document.

    class ThingPath(Params):
        id: Text

    class NewThing(Body):
        colour: Literal["red", "blue"]

    class Thing(View):
        id: str
        colour: str

    @operation("POST", "/v1/things/{id}", {"write"}, status=201, problems=[NOT_FOUND])
    async def add_thing(call: Call, path: ThingPath, body: NewThing) -> Thing:
        """Add a thing.

        What follows the first line is the description.
        """
        return Thing(id=path.id, colour=body.colour)

    OPERATIONS = (add_thing,)

A function takes `call`, and any of `path`, `query`, `headers` (Params) and `body` (Body). It gives a
View, a Reply around one to add headers, a Stream of lines, or None for 204; it raises the errors of
the domain, or RefusedError with one of its problems. A module's OPERATIONS are served when
`bot/api/routes.py` lists them.
'''

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from bot.api.access import require
from bot.api.refusals import (
    AWAY,
    CONFLICT,
    INVALID,
    KEY,
    MEDIA,
    SCOPE,
    TOO_LARGE,
    TOO_MANY,
    Problem,
)
from bot.bus import CHANGES
from bot.parts import BUS, SETTINGS, STORE
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.keys import ApiKey

NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an operation: by which key, when, and `effect`, the id of what it brings about.

    A request with an Idempotency-Key has the same effect id whenever it is sent again.
    """

    request: web.Request
    key: ApiKey
    now: datetime
    effect: str = field(default_factory=new_id)

    @property
    def store(self) -> Store:
        """The store of the gateway."""
        return self.request.app[STORE]

    @property
    def destinations(self) -> tuple[str, ...]:
        """The CRMs that have to hear of what is written."""
        return self.request.app[SETTINGS].destinations

    @property
    def actor(self) -> str:
        """The name under which a ledger remembers who did it."""
        return f"key:{self.key.id}"

    def require(self, *scopes: str) -> None:
        """Ask for more scopes than the operation always needs.

        :raises RefusedError: the key lacks one.
        """
        require(self.key, *scopes)

    async def announce(self) -> None:
        """Wake up who waits for changes: something was written."""
        await self.request.app[BUS].tell(CHANGES, "log")


@dataclass(frozen=True, slots=True)
class Reply[Given: BaseModel | None]:
    """An answer with headers of its own. `shopper` is whom it tells of: an erasure reaches it."""

    view: Given
    headers: Mapping[str, str] = field(default_factory=dict)
    shopper: str | None = None


@dataclass(frozen=True, slots=True)
class Stream[Line: BaseModel]:
    """An answer of any length: JSON lines, sent as they come."""

    lines: AsyncIterator[bytes]


type Handler = Callable[..., Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """One operation, as the router, the document and the page need it."""

    method: str
    path: str
    scopes: frozenset[str]
    handler: Handler
    status: int = 200
    own_problems: tuple[Problem, ...] = ()
    conditional: bool = False
    idempotent: bool = False

    @property
    def name(self) -> str:
        """The name for programs: that of the function."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """One sentence of what it does."""
        return self._told.partition("\n\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """What else there is to say."""
        return self._told.partition("\n\n")[2]

    @property
    def _told(self) -> str:
        return inspect.getdoc(self.handler) or ""

    def takes(self, part: str) -> type[BaseModel] | None:
        """Give the model of `path`, `query`, `headers` or `body`, if it has one."""
        return self._hints.get(part)

    @property
    def gives(self) -> type[BaseModel] | None:
        """The model of the answer, or of each of its lines; None where it has no content."""
        given = self._hints["return"]
        model = get_args(given)[0] if get_args(given) else given
        return None if model is NoneType else model

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream of lines."""
        given = self._hints["return"]
        return (get_origin(given) or given) is Stream

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem that it may answer, by status."""
        body = (TOO_LARGE, MEDIA) if self.takes("body") else ()
        twice = (CONFLICT,) if self.idempotent else ()
        every = {*self.own_problems, *body, *twice, KEY, SCOPE, INVALID, TOO_MANY, AWAY}
        return tuple(sorted(every, key=lambda one: (one.status, one.kind)))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler)


def operation(
    method: str,
    path: str,
    scopes: Collection[str],
    *,
    status: int = 200,
    problems: Collection[Problem] = (),
    conditional: bool = False,
    idempotent: bool = False,
) -> Callable[[Handler], Operation]:
    """Make an operation of a function.

    `conditional` gives the answer an ETag and heeds If-None-Match; `idempotent` heeds the header
    Idempotency-Key: the same request with the same key is done once and answered alike.
    """

    def made(handler: Handler) -> Operation:
        return Operation(
            method,
            path,
            frozenset(scopes),
            handler,
            status,
            tuple(problems),
            conditional,
            idempotent,
        )

    return made
