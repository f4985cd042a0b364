"""Klaviyo's specification as far as we use it, and a stand-in that holds both sides to it by openapi-core.

The schemas are those of Klaviyo's own MIT-licensed client, which is made from its specification; the
paths, parameters and statuses are written down here. Neither side may use a name that the
specification does not have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from aiohttp import web
from openapi_client import models
from openapi_core import OpenAPI
from openapi_core.contrib.aiohttp import AIOHTTPOpenAPIWebRequest, AIOHTTPOpenAPIWebResponse
from openapi_core.exceptions import OpenAPIError
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tests.sync.fakes.klaviyo import Klaviyo

type Model = type[BaseModel]

_JSON_API = "application/vnd.api+json"
_REF = "#/components/schemas/{model}"
_ERROR: Model = models.GetAccounts4XXResponse


@dataclass(frozen=True, slots=True)
class Operation:
    """One of Klaviyo's calls: what it takes, and what it answers by status."""

    method: str
    path: str
    answers: Mapping[str, Model | None]
    takes: Model | None = None
    query: Mapping[str, str] = field(default_factory=dict)


_PAGES = {"page[size]": "integer", "page[cursor]": "string"}
OPERATIONS = (
    Operation(
        "post",
        "/api/profile-import",
        {"200": models.PostProfileResponse, "201": models.PostProfileResponse},
        models.ProfileUpsertQuery,
    ),
    Operation(
        "get",
        "/api/profiles",
        {"200": models.GetProfileResponsePluralConversationsCollectionCompoundDocument},
        query={"filter": "string", "sort": "string", "additional-fields[profile]": "array"}
        | _PAGES,
    ),
    Operation(
        "post",
        "/api/profile-bulk-import-jobs",
        {"202": models.PostProfileImportJobResponse},
        models.ProfileImportJobCreateQuery,
    ),
    Operation(
        "get",
        "/api/profile-bulk-import-jobs/{id}",
        {"200": models.GetProfileImportJobResponseCompoundDocument},
    ),
    Operation(
        "get",
        "/api/profile-bulk-import-jobs/{id}/import-errors",
        {"200": models.GetImportErrorResponseCollection},
        query=_PAGES,
    ),
    Operation(
        "post",
        "/api/profile-subscription-bulk-create-jobs",
        {"202": None},
        models.SubscriptionCreateJobCreateQuery,
    ),
    Operation(
        "post",
        "/api/profile-subscription-bulk-delete-jobs",
        {"202": None},
        models.SubscriptionDeleteJobCreateQuery,
    ),
    Operation(
        "post",
        "/api/profile-suppression-bulk-create-jobs",
        {"202": models.PostBulkProfileSuppressionsCreateJobResponse},
        models.SuppressionCreateJobCreateQuery,
    ),
    Operation(
        "post",
        "/api/data-privacy-deletion-jobs",
        {"202": None},
        models.DataPrivacyCreateDeletionJobQuery,
    ),
)


@cache
def specification() -> OpenAPI:
    """Put the document together."""
    models_ = [one.takes for one in OPERATIONS if one.takes]
    models_ += [model for one in OPERATIONS for model in one.answers.values() if model]
    paths = dict[str, dict[str, Any]]()
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return OpenAPI.from_dict(
        {
            "openapi": "3.1.0",
            "info": {"title": "Klaviyo, as far as we use it", "version": "as the client"},
            "paths": paths,
            "components": {"schemas": _schemas([*models_, _ERROR])},
        }
    )


def _schemas(wanted: Sequence[Model]) -> dict[str, Any]:
    """Give the schemas of some models and of all that they are made of."""
    mode: Literal["validation"] = "validation"
    modes = [(model, mode) for model in dict.fromkeys(wanted)]
    _, whole = models_json_schema(modes, ref_template=_REF)
    return {
        name: schema | ({"additionalProperties": False} if "properties" in schema else {})
        for name, schema in whole["$defs"].items()
    }


def _operation(one: Operation) -> dict[str, Any]:
    parameters = [_parameter("header", "revision", "string", required=True)]
    parameters += [_parameter("query", name, kind) for name, kind in one.query.items()]
    if "{id}" in one.path:
        parameters.append(_parameter("path", "id", "string", required=True))
    answers = one.answers | {"4XX": _ERROR}
    told = {status: _answer(model) for status, model in answers.items()}
    body = {"required": True, "content": _content(one.takes)} if one.takes else None
    return {"parameters": parameters, "responses": told} | ({"requestBody": body} if body else {})


def _parameter(place: str, name: str, kind: str, *, required: bool = False) -> dict[str, Any]:
    items = {"items": {"type": "string"}} if kind == "array" else {}
    style = {"style": "form", "explode": False} if kind == "array" else {}
    schema = {"type": kind, **items}
    return {"in": place, "name": name, "required": required, "schema": schema, **style}


def _answer(model: Model | None) -> dict[str, Any]:
    told: dict[str, Any] = {"description": "as Klaviyo tells it"}
    return told | ({"content": _content(model)} if model else {})


def _content(model: Model) -> dict[str, Any]:
    return {_JSON_API: {"schema": {"$ref": _REF.format(model=model.__name__)}}}


@dataclass
class SpecifiedKlaviyo(Klaviyo):
    """Notes in `wrong` what was sent or answered that the specification does not have."""

    specified: OpenAPI = field(default_factory=specification)
    wrong: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    async def _answer(self, request: web.Request, handler: Any, ill: Any) -> web.StreamResponse:
        asked = AIOHTTPOpenAPIWebRequest(request, body=await request.read())
        resource = request.match_info.route.resource
        place = f"{request.method} {resource.canonical if resource else request.path}"
        self.used.add(place)
        known = {name for one in OPERATIONS if place.endswith(one.path) for name in one.query}
        self.wrong += [f"{place}: ?{name}" for name in request.query if name not in known]
        self._look(place, lambda: self.specified.validate_request(asked))
        response = await super()._answer(request, handler, ill)
        if ill is None and isinstance(response, web.Response):
            told = AIOHTTPOpenAPIWebResponse(response)
            self._look(place, lambda: self.specified.validate_response(asked, told))
        return response

    def _look(self, place: str, validate: Callable[[], None]) -> None:
        try:
            validate()
        except OpenAPIError as error:
            self.wrong.append(f"{place}: {_why(error)}")


def _why(error: BaseException) -> str:
    causes = getattr(error.__cause__, "schema_errors", None) or [error.__cause__ or error]
    return "; ".join(
        f"{getattr(one, 'json_path', '')} {getattr(one, 'message', one)}" for one in causes
    )
