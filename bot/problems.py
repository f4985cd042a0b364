"""Errors as callers get them: problem+json (RFC 9457), with a sentence a person can use."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from preferences.errors import AskfirstError, BadInputError, NotFoundError, UnavailableError
from preferences.store.changes import GoneError

logger = logging.getLogger(__name__)

_STATUS = {BadInputError: 422, NotFoundError: 404, GoneError: 410, UnavailableError: 503}


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: str,
) -> web.Response:
    """Make the answer for an error. `kind` names it for programs, `detail` tells a person."""
    body = {
        "type": f"/problems/{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    response = web.json_response(body, status=status, headers=headers)
    response.content_type = "application/problem+json"
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem; what nobody foresaw is logged without what was sent."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return problem(error.status, f"http-{error.status}", _sentence(error), headers=allowed)
    except AskfirstError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        more = {"field": error.field} if isinstance(error, BadInputError) and error.field else {}
        headers = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        kind = type(error).__name__.removesuffix("Error").lower()
        return problem(status, kind, str(error), headers=headers, **more)
    except ConnectionResetError:
        raise
    except Exception as error:  # noqa: BLE001  (the last line of defence)
        logger.error("%s %s failed: %s", request.method, _route(request), _place(error))  # noqa: TRY400  (a traceback may quote what was sent)
        return problem(500, "internal", "Something failed here. It was logged; try again later.")


def _sentence(error: web.HTTPException) -> str:
    """Say what to do where no route takes the request; else what the route itself said."""
    match error:
        case web.HTTPMethodNotAllowed():
            return f"This address takes {' and '.join(sorted(error.allowed_methods))} alone."
        case web.HTTPNotFound(text="404: Not Found"):
            return "There is nothing at this address; /v1/docs shows what the API has."
        case _:
            return error.text or error.reason


def _route(request: web.Request) -> str:
    """Give the path as its route is written: the path itself may hold a customer's number."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no route)"


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {where}"
