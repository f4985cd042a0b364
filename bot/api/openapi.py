"""Describes the API to programs: the OpenAPI 3.1 document, made from the operations themselves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bot.api.models import ProblemView
from bot.api.operations import NDJSON, Operation
from bot.api.refusals import AWAY, KEY, TOO_MANY, Problem

type Page = dict[str, Any]

_REF = "#/components/schemas/{model}"
_SECURITY = "key"
_ABOUT = """\
What shoppers told the shop about themselves, with the permission and the proof, for the shop's own
systems. Send a key as `Authorization: Bearer ask_…`; a key may do what its scopes say. Problems are
`application/problem+json`: `detail` is a sentence for a person, `field` the place that is wrong.
"""
_IN = {"path": "path", "query": "query", "headers": "header"}
_HEADERS: Page = {
    "RateLimit-Policy": "How many requests (q) the key may make in so many seconds (w).",
    "RateLimit": "How many are left (r), and in how many seconds (t) all of them will be.",
    "ETag": "Names this state of the answer; send it back as If-None-Match.",
    "Retry-After": "Seconds to wait before the request is sent again.",
    "WWW-Authenticate": "The scheme that is understood: Bearer.",
    "Idempotency-Replayed": "There where the answer is that of the first time.",
}


def document(operations: Sequence[Operation]) -> Page:
    """Make the document."""
    schemas, refs = _schemas(operations)
    paths: dict[str, Page] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Askfirst", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                name: {"description": about, "schema": {"type": "string"}}
                for name, about in _HEADERS.items()
            },
            "securitySchemes": {
                _SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, from `python -m preferences keys issue`.",
                }
            },
        },
    }


type Refs = Mapping[Any, Page]


def _schemas(operations: Iterable[Operation]) -> tuple[Page, Refs]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemView, "serialization")]
    for operation in operations:
        wanted += [(model, "validation") for model in [operation.takes("body")] if model]
        wanted += [(model, "serialization") for model in [operation.gives] if model]
    refs, page = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    return page.get("$defs", {}), refs


def _operation(operation: Operation, refs: Refs) -> Page:
    page: Page = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(operation)],
        "security": [{_SECURITY: sorted(operation.scopes)}],
        "parameters": _parameters(operation),
        "responses": _responses(operation, refs),
    }
    if operation.description:
        page["description"] = operation.description
    if body := operation.takes("body"):
        content = {"application/json": {"schema": refs[body, "validation"]}}
        page["requestBody"] = {"required": True, "content": content}
    return page


def _tag(operation: Operation) -> str:
    return operation.path.split("/")[2]


def _parameters(operation: Operation) -> list[Page]:
    found = []
    for part, place in _IN.items():
        if model := operation.takes(part):
            found += _of_model(model, place)
    if operation.conditional:
        about = "The ETag of the answer that the caller has: 304 where it is still the same."
        found.append(_header("If-None-Match", about, {"type": "string"}))
    if operation.idempotent:
        about = "Names this request: sent again under the same name, it is done once."
        limits = {"type": "string", "pattern": "^[ -~]{1,200}$"}
        found.append(_header("Idempotency-Key", about, limits))
    return found


def _header(name: str, about: str, schema: Page) -> Page:
    return {"name": name, "in": "header", "required": False, "description": about, "schema": schema}


def _of_model(model: type[BaseModel], place: str) -> list[Page]:
    page = model.model_json_schema(ref_template=_REF)
    required = page.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": name in required,
            "description": schema.pop("description", ""),
            "schema": _plain(schema),
        }
        for name, schema in page.get("properties", {}).items()
    ]


def _plain(schema: Page) -> Page:
    """Give the schema of a parameter: one that is not sent has no value, so null is none."""
    kept = {key: value for key, value in schema.items() if key not in {"title", "default", "anyOf"}}
    given = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return kept | (given[0] if given else {}) | default


def _responses(operation: Operation, refs: Refs) -> Page:
    found: Page = {str(operation.status): _answer(operation, refs)}
    if operation.conditional:
        found["304"] = {"description": "Nothing has changed.", "headers": _named("ETag")}
    for problem in operation.problems:
        told = found.get(str(problem.status))
        if told:
            told["description"] += f" {problem.about}"
        else:
            found[str(problem.status)] = _problem(problem, refs)
    return found


def _answer(operation: Operation, refs: Refs) -> Page:
    headers = ["RateLimit-Policy", "RateLimit"]
    headers += ["ETag"] if operation.conditional else []
    headers += ["Idempotency-Replayed"] if operation.idempotent else []
    page: Page = {"description": "It is done.", "headers": _named(*headers)}
    if operation.gives:
        schema = refs[operation.gives, "serialization"]
        media = NDJSON if operation.streams else "application/json"
        page["content"] = {media: {"schema": schema}}
    return page


def _problem(problem: Problem, refs: Refs) -> Page:
    headers = {
        KEY.status: _named("WWW-Authenticate"),
        TOO_MANY.status: _named("RateLimit-Policy", "RateLimit", "Retry-After"),
        AWAY.status: _named("Retry-After"),
    }
    page: Page = {
        "description": problem.about,
        "content": {"application/problem+json": {"schema": refs[ProblemView, "serialization"]}},
    }
    return page | ({"headers": headers[problem.status]} if problem.status in headers else {})


def _named(*headers: str) -> Page:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
