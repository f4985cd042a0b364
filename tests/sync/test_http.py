"""What the one client of all CRMs makes of each answer, and of none."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.errors import DestinationRefusedError, DestinationUnavailableError, QuotaExhaustedError
from sync.http import Client, address, needed, open_session, without_names
from sync.limits import LocalLimiter, Rate
from tests.sync.fakes.vendor import Vendor
from tests.sync.names import unused_port


class Anything(Vendor):
    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{rest:.*}", self.take)]

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        del request
        return None

    async def take(self, request: web.Request) -> web.Response:
        return web.json_response({"took": await request.text(), "query": dict(request.query)})


@pytest.fixture
async def world() -> AsyncIterator[Anything]:
    world = Anything()
    async with world.listening():
        yield world


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def client(world: Anything, session: ClientSession) -> Client:
    headers = {"Authorization": "Bearer s3cr3t"}
    return Client("Crm", "ASKFIRST_CRM_TOKEN", session, URL(world.url), headers=headers)


def say(world: Anything, status: int, **headers: str) -> None:
    world.ills.append({"data": {"why": "no"}, "status": status, "headers": headers})


async def test_json_goes_out_and_comes_back_and_bytes_go_as_they_are(client: Client) -> None:
    told = await client.post("/a/b", {"name": "Zoë"}, channel="EMAIL")
    raw = await client.call("PUT", "/c", body=b"a=b", headers={"Content-Type": "text/plain"})

    assert told.body == {"took": '{"name":"Zoë"}', "query": {"channel": "EMAIL"}}
    assert raw.body["took"] == "a=b"


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
async def test_what_is_about_the_content_is_given_back(
    world: Anything, client: Client, status: int
) -> None:
    say(world, status)

    answer = await client.get("/x")

    assert (answer.status, answer.is_taken) == (status, False)


@pytest.mark.parametrize("status", [408, 423, 425, 500, 502, 503, 504])
async def test_what_passes_is_for_later(world: Anything, client: Client, status: int) -> None:
    say(world, status, **{"Retry-After": "7"})

    with pytest.raises(DestinationUnavailableError) as caught:
        await client.get("/x")

    assert caught.value.wait == timedelta(seconds=7)
    assert not isinstance(caught.value, QuotaExhaustedError)


@pytest.mark.parametrize(("status", "word"), [(401, "ASKFIRST_CRM_TOKEN"), (403, "scopes")])
async def test_credentials_that_do_not_do_name_their_setting(
    world: Anything, client: Client, status: int, word: str
) -> None:
    say(world, status)

    with pytest.raises(DestinationRefusedError, match=word):
        await client.get("/x")


async def test_a_page_instead_of_data_is_for_later(world: Anything, client: Client) -> None:
    world.ills.append({"text": "<html>We are mending something.</html>", "status": 200})

    with pytest.raises(DestinationUnavailableError, match="a page instead of data"):
        await client.get("/x")


async def test_it_is_not_sent_elsewhere_with_its_secret(world: Anything, client: Client) -> None:
    say(world, 302, Location="http://127.0.0.1:1/")

    with pytest.raises(DestinationRefusedError, match="elsewhere"):
        await client.get("/x")

    assert len(world.seen) == 1


async def test_nobody_there_and_nobody_in_time_are_the_same(
    world: Anything, session: ClientSession
) -> None:
    nobody = Client("Crm", "X", session, URL(f"http://127.0.0.1:{unused_port()}"))
    slow = Client("Crm", "X", session, URL(world.url), patience=timedelta(seconds=0.1))
    world.ills.append(5)

    for client in (nobody, slow):
        with pytest.raises(DestinationUnavailableError, match="cannot be reached"):
            await client.get("/x")


async def test_a_limit_that_is_reached_holds_up_everybody(
    world: Anything, session: ClientSession
) -> None:
    now = 1000.0
    limiter = LocalLimiter(Rate(100, 1), lambda: now)
    client = Client("Crm", "X", session, URL(world.url), limiter=limiter)
    say(world, 429, **{"Retry-After": "60"})

    with pytest.raises(QuotaExhaustedError):
        await client.get("/x")
    with pytest.raises(QuotaExhaustedError):  # without asking
        await client.get("/x")

    assert len(world.seen) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", 10),
        ("soon", 10),
        ("3", 3),
        ("0.5", 0.5),
        ("99999999", 86400),
    ],
)
async def test_a_wait_is_read_in_seconds(
    world: Anything, client: Client, said: str, seconds: float
) -> None:
    say(world, 429, **({"Retry-After": said} if said else {}))

    with pytest.raises(QuotaExhaustedError) as caught:
        await client.get("/x")

    assert caught.value.wait.total_seconds() == seconds


async def test_a_wait_is_read_as_a_date(world: Anything, client: Client) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    say(world, 429, **{"Retry-After": format_datetime(began + timedelta(minutes=2))})

    with pytest.raises(QuotaExhaustedError) as caught:
        await client.get("/x")

    assert 0 < caught.value.wait.total_seconds() <= 120


async def test_the_secret_is_in_no_log_no_error_and_no_picture_of_the_client(
    world: Anything, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[Any] = []
    for status in (401, 403, 429, 500):
        say(world, status)
        with pytest.raises((DestinationRefusedError, DestinationUnavailableError)) as caught:
            await client.get("/x")
        errors.append(caught.value)

    assert "s3cr3t" not in caplog.text + repr(client) + "".join(map(str, errors))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Email address ada@example.com is invalid", "Email address … is invalid"),
        ("Call +49 30 123456-7 first", "Call … first"),
        ("No such\n option", "No such option"),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_a_reason_names_nobody_and_ends(reason: str, said: str) -> None:
    assert without_names(reason) == said


def test_settings_that_are_missing_or_lead_nowhere_are_named() -> None:
    settings = Settings(_env_file=None, hubspot_url="http://10.0.0.1")

    with pytest.raises(SettingsError, match="ASKFIRST_HUBSPOT_TOKEN must be set"):
        needed(settings, "hubspot_token")
    with pytest.raises(SettingsError, match="ASKFIRST_HUBSPOT_URL: "):
        address(settings, "hubspot_url")
