import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.problems import problem, problems
from preferences.errors import (
    AskfirstError,
    BadInputError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)

SECRET_WORDS = "my father died"


class Broken:
    """A route that fails with whatever it was given."""

    def __init__(self) -> None:
        self.error: BaseException = KeyError()

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        raise self.error


@pytest.fixture
def broken() -> Broken:
    return Broken()


@pytest.fixture
async def client(broken: Broken) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[problems], client_max_size=1000)
    app.router.add_post("/", broken.answer)
    app.router.add_post("/of/{shopper}", broken.answer)
    async with TestClient(TestServer(app)) as client:
        yield client


def test_a_problem_is_for_programs_and_for_people() -> None:
    response = problem(429, "slow-down", "Please wait.", headers={"Retry-After": "3"}, field="text")

    assert (response.status, response.content_type) == (429, "application/problem+json")
    assert response.headers["Retry-After"] == "3"
    assert isinstance(response.text, str)
    assert json.loads(response.text) == {
        "type": "/problems/slow-down",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Please wait.",
        "field": "text",
    }


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (BadInputError("Mend it."), 422, "badinput"),
        (NotFoundError("Mend it."), 404, "notfound"),
        (UnavailableError("Mend it."), 503, "unavailable"),
        (SettingsError("Mend it."), 500, "settings"),
        (AskfirstError("Mend it."), 500, "askfirst"),
    ],
)
async def test_an_error_of_ours_is_answered_with_its_sentence(
    client: TestClient[web.Request, web.Application],
    broken: Broken,
    error: AskfirstError,
    status: int,
    kind: str,
) -> None:
    broken.error = error

    async with client.post("/") as response:
        body = await response.json(content_type="application/problem+json")

    assert (response.status, body["type"], body["detail"]) == (
        status,
        f"/problems/{kind}",
        "Mend it.",
    )
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "field" not in body


async def test_bad_input_names_the_field(
    client: TestClient[web.Request, web.Application], broken: Broken
) -> None:
    broken.error = BadInputError("Mend it.", field="text")

    async with client.post("/") as response:
        assert (await response.json(content_type=None))["field"] == "text"


@pytest.mark.parametrize(
    ("path", "method", "status", "remedy"),
    [("/none", "POST", 404, "/v1/docs shows what"), ("/", "GET", 405, "takes POST alone")],
)
async def test_what_there_is_no_route_for_is_a_problem_that_names_its_remedy(
    client: TestClient[web.Request, web.Application],
    path: str,
    method: str,
    status: int,
    remedy: str,
) -> None:
    async with client.request(method, path) as response:
        body = await response.json(content_type="application/problem+json")

    assert (response.status, body["type"]) == (status, f"/problems/http-{status}")
    assert remedy in body["detail"]


async def test_a_body_that_is_too_large_is_a_problem_too(
    client: TestClient[web.Request, web.Application],
) -> None:
    async with client.post("/", data=b"x" * 1001) as response:
        assert (response.status, response.content_type) == (413, "application/problem+json")


async def test_a_redirection_is_no_error(
    client: TestClient[web.Request, web.Application], broken: Broken
) -> None:
    broken.error = web.HTTPFound("/elsewhere")

    async with client.post("/", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/elsewhere")


async def test_what_nobody_foresaw_is_logged_by_its_place_and_never_by_what_was_sent(
    client: TestClient[web.Request, web.Application],
    broken: Broken,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken.error = ValueError(f"cannot read {SECRET_WORDS!r}")

    async with client.post("/of/customer:4711", data=SECRET_WORDS) as response:
        told = await response.text()

    assert response.status == 500
    assert "try again later" in told
    assert "4711" not in caplog.text
    assert "POST /of/{shopper} failed: ValueError at " in caplog.text
    assert "test_problems.py" in caplog.text
    assert SECRET_WORDS not in caplog.text + told


async def test_whoever_hung_up_is_not_answered(
    client: TestClient[web.Request, web.Application], broken: Broken
) -> None:
    broken.error = ConnectionResetError()

    async with client.post("/") as response:
        assert response.status == 500
        assert response.content_type != "application/problem+json"
