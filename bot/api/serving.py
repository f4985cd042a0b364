"""Serves operations: reads what they take, has them done, and answers as they are described."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from re import Match

from aiohttp import web
from pydantic import BaseModel

from bot.api.access import Access
from bot.api.operations import NDJSON, Call, Operation, Reply, Stream
from bot.api.reading import read_body, read_headers, read_path, read_query
from bot.api.refusals import CONFLICT, RefusedError
from bot.parts import CLOCK, STORE
from bot.problems import problem, problems
from preferences.errors import BadInputError
from preferences.store.idempotency import (
    BusyError,
    Errand,
    Remembered,
    begin_errand,
    drop_errand,
    end_errand,
)

logger = logging.getLogger(__name__)

IDEMPOTENCY_KEY = "Idempotency-Key"
_LONGEST_KEY = 200
_PARAMETER = re.compile(r"\{(\w+)\}")
_PRIVATE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gave, on its way out."""

    status: int
    headers: dict[str, str]
    body: bytes
    shopper: str | None = None


def serve(app: web.Application, operations: Iterable[Operation]) -> None:
    """Add the route of each operation."""
    served = [*operations]
    fixed = {operation.path for operation in served if "{" not in operation.path}
    for operation in served:
        path = _PARAMETER.sub(lambda found: _pattern(found, fixed), operation.path)
        app.router.add_route(operation.method, path, _route(operation))


def _pattern(parameter: Match[str], fixed: Collection[str]) -> str:
    """Let no parameter be a word that stands at the same place in another path."""
    before = parameter.string[: parameter.start()]
    words = [path.removeprefix(before) for path in fixed if path.startswith(before)]
    taken = "".join(f"(?!{word}$)" for word in words if "/" not in word)
    return f"{{{parameter[1]}:{taken}[^{{}}/]+}}"


def _route(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        access = Access()

        async def done(request: web.Request) -> web.StreamResponse:
            return await _served(operation, request, access)

        response = await problems(request, done)
        if not response.prepared:
            response.headers.update(_PRIVATE | access.headers)
        return response

    return answer


async def _served(operation: Operation, request: web.Request, access: Access) -> web.StreamResponse:
    try:
        key = await access.check(request, operation.scopes)
        call = Call(request, key, request.app[CLOCK]())
        if errand := await _errand(operation, call):
            return _response(await _once(operation, call, errand))
        given = await _done(operation, call)
    except RefusedError as error:
        return _refusal(error)
    if isinstance(given, Stream):
        return await _streamed(request, given, _PRIVATE | access.headers)
    return _response(_conditional(operation, request, _answer(operation, given)))


def _refusal(error: RefusedError) -> web.Response:
    status, kind = error.problem.status, error.problem.kind
    challenge = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    more = {"field": error.field, "reason": error.reason}
    more = {name: told for name, told in more.items() if told}
    return problem(status, kind, str(error), headers=challenge, **more)


async def _done(operation: Operation, call: Call) -> object:
    request, taken = call.request, {}
    for part, read in (("path", read_path), ("query", read_query), ("headers", read_headers)):
        if model := operation.takes(part):
            taken[part] = read(request, model)
    if model := operation.takes("body"):
        taken["body"] = await read_body(request, model)
    return await operation.handler(call, **taken)


async def _errand(operation: Operation, call: Call) -> Errand | None:
    key = call.request.headers.get(IDEMPOTENCY_KEY) if operation.idempotent else None
    if key is None:
        return None
    if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        message = f"{IDEMPOTENCY_KEY}: send 1 to {_LONGEST_KEY} printable ASCII characters."
        raise BadInputError(message, field=IDEMPOTENCY_KEY)
    request = call.request
    what = f"{request.method} {request.raw_path}\n".encode() + await request.read()
    return Errand(call.key.id, key, sha256(what).hexdigest())


async def _once(operation: Operation, call: Call, errand: Errand) -> Answer:
    """Do an errand, or give the answer of the first time."""
    store = call.request.app[STORE]
    try:
        if known := await begin_errand(store, errand, call.now):
            kept = json.loads(known.body)
            replayed = kept["headers"] | {"Idempotency-Replayed": "true"}
            return Answer(known.status, replayed, kept["body"].encode())
    except BusyError as error:
        raise RefusedError(CONFLICT, str(error)) from None
    effect = sha256(f"{errand.key_id}\n{errand.key}\n{errand.sha256}".encode()).hexdigest()[:32]
    try:
        again = Call(call.request, call.key, call.now, effect)
        answer = _answer(operation, await _done(operation, again))
    except BaseException:
        await drop_errand(store, errand)
        raise
    text = json.dumps({"headers": answer.headers, "body": answer.body.decode()})
    remembered = Remembered(answer.status, text)
    await end_errand(store, errand, remembered, answer.shopper, call.now)
    return answer


def _answer(operation: Operation, given: object) -> Answer:
    headers: dict[str, str] = {}
    shopper = None
    if isinstance(given, Reply):
        headers, shopper, given = dict(given.headers), given.shopper, given.view
    if given is None:
        return Answer(HTTPStatus.NO_CONTENT, headers, b"", shopper)
    assert isinstance(given, BaseModel), operation.name  # noqa: S101  (a slip of ours)
    body = given.model_dump_json().encode()
    return Answer(operation.status, headers, body, shopper)


def _conditional(operation: Operation, request: web.Request, answer: Answer) -> Answer:
    """Give 304 to who has this answer already."""
    if not operation.conditional:
        return answer
    tag = etag(answer.body)
    headers = answer.headers | {"ETag": tag}
    if tag in _tags(request.headers.get("If-None-Match", "")):
        return Answer(HTTPStatus.NOT_MODIFIED, headers, b"")
    return Answer(answer.status, headers, answer.body)


def etag(body: bytes) -> str:
    """Give the tag of an answer: another answer has another one."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def matches(tag: str, condition: str) -> bool:
    """Tell whether an If-Match holds for what has this tag now."""
    tags = [one.strip() for one in condition.split(",")]
    return tag in tags or "*" in tags


def _tags(condition: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in condition.split(",")]


def _response(answer: Answer) -> web.Response:
    kind = "application/json" if answer.body else None
    response = web.Response(status=answer.status, headers=answer.headers, body=answer.body or None)
    if kind:
        response.content_type, response.charset = kind, "utf-8"
    return response


async def _streamed(
    request: web.Request, stream: Stream[BaseModel], headers: dict[str, str]
) -> web.StreamResponse:
    """Send lines as they come. Where one fails, the connection breaks: half is not taken for all."""
    first = await anext(stream.lines)  # what fails at once is answered as a problem
    response = web.StreamResponse(headers=headers | {"Content-Type": NDJSON})
    await response.prepare(request)
    await response.write(first)
    try:
        async for line in stream.lines:
            await response.write(line)
    except Exception as error:  # noqa: BLE001  (whatever it is, half is not taken for all)
        logger.error("%s was cut off: %s", request.path, type(error).__name__)  # noqa: TRY400  (a traceback may quote what was sent)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response
