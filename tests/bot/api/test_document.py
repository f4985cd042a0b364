"""The document and the page of the API."""

import re
from html import escape

from openapi_spec_validator import OpenAPIV31SpecValidator

from bot.api.openapi import document
from bot.api.routes import OPERATIONS
from tests.bot.api.conftest import Api


async def test_the_document_is_valid_openapi_3_1(api: Api) -> None:
    async with api.http.get(f"{api.gateway.url}/v1/openapi.json") as response:
        page = await response.json()

    assert page["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(page).iter_errors()] == []


def test_every_operation_is_told_with_its_scopes_and_problems() -> None:
    page = document(OPERATIONS)

    for operation in OPERATIONS:
        told = page["paths"][operation.path][operation.method.lower()]
        assert told["summary"]
        assert told["security"] == [{"key": sorted(operation.scopes)}]
        assert {"401", "403", "422", "429", "503"} <= told["responses"].keys()


def test_every_name_of_an_operation_is_its_own() -> None:
    names = [operation.name for operation in OPERATIONS]
    routes = [(operation.method, operation.path) for operation in OPERATIONS]

    assert len(set(names)) == len(names)
    assert len(set(routes)) == len(routes)


async def test_a_page_shows_every_operation_with_a_curl_line(api: Api) -> None:
    async with api.http.get(f"{api.gateway.url}/v1/docs") as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]

    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in text
        assert escape(f"'{api.gateway.url}{operation.path}'") in text
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert not re.search(r"""<script|style=|src=|href="https?:""", text)


async def test_every_link_of_the_page_leads_somewhere(api: Api) -> None:
    async with api.http.get(f"{api.gateway.url}/v1/docs") as response:
        text = await response.text()

    places = set(re.findall(r' id="([^"]+)"', text))
    for link in set(re.findall(r'href="([^"]+)"', text)):
        if link.startswith("#"):
            assert link.removeprefix("#") in places, link
            continue
        async with api.http.get(f"{api.gateway.url}{link}") as response:
            assert response.status == 200, link
