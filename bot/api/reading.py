"""Reads a request into the models of an operation, or says which field is wrong."""

from collections.abc import Mapping

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from bot.api.refusals import MEDIA, RefusedError
from preferences.errors import BadInputError


def read_path[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    """Give the parameters of the path.

    :raises BadInputError: one is not what the model says.
    """
    return _checked(model, request.match_info)


def read_query[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    """Give the parameters of the query, none of which may be unknown or there twice.

    :raises BadInputError: one is not what the model says.
    """
    return _checked(model, _once(request.query))


def read_headers[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    """Give the headers that the model names; others are not looked at.

    :raises BadInputError: one is not what the model says.
    """
    names = [field.alias or name for name, field in model.model_fields.items()]
    return _checked(
        model, {name: request.headers[name] for name in names if name in request.headers}
    )


async def read_body[Model: BaseModel](request: web.Request, model: type[Model]) -> Model:
    """Give the body.

    :raises RefusedError: it is not sent as JSON.
    :raises BadInputError: it is no JSON, or not what the model says.
    """
    if request.content_type != "application/json":
        message = "Send the body as JSON, with the header Content-Type: application/json."
        raise RefusedError(MEDIA, message)
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise _named(error) from None


def _once(given: MultiMapping[str]) -> Mapping[str, str]:
    for name in given:
        if len(given.getall(name)) > 1:
            message = f"{name} is given twice; give it once."
            raise BadInputError(message, field=name)
    return {name: given[name] for name in given}


def _checked[Model: BaseModel](model: type[Model], given: Mapping[str, str]) -> Model:
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise _named(error) from None


def _named(error: ValidationError) -> BadInputError:
    """Name the first wrong field; what was sent is not quoted."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    sentence = f"{place}: {what[0].lower()}{what[1:]}" if place else what
    return BadInputError(f"{sentence.rstrip('.')}.", field=place)
