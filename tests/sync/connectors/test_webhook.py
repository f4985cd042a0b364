from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from preferences.addresses import Allowed
from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.connectors.webhook import open_connector
from sync.delivery import Refused
from sync.errors import DestinationRefusedError, DestinationUnavailableError
from sync.guard import open_guarded
from sync.halving import push_in_halves
from sync.posting import Poster
from tests.sync.deliveries import changed, delivery
from tests.sync.names import Names, unused_port
from tests.sync.receiver import LOST, Receiver


async def test_the_message_has_the_shape_that_is_documented(
    settings: Settings, receiver: Receiver
) -> None:
    async with open_connector(settings) as connector:
        await connector.push([delivery("a", 3)])

    (body,) = receiver.bodies
    assert set(body) == {"type", "timestamp", "data"}
    assert body["type"] == "preferences.changed"
    assert datetime.now(UTC) - datetime.fromisoformat(body["timestamp"]) < timedelta(minutes=1)
    assert body["data"] == [{"version": 3, **delivery("a").profile}]
    assert receiver.requests[0].headers["content-type"] == "application/json"


async def test_a_wrong_secret_is_refused_by_the_receiver_and_told(
    settings: Settings, receiver: Receiver
) -> None:
    other = settings.model_copy(update={"webhook_secret": SecretStr("whsec_AAAAAAAAAAAAAAAA")})

    async with open_connector(other) as connector:
        with pytest.raises(DestinationRefusedError, match=r"401.*ASKFIRST_WEBHOOK_SECRET"):
            await connector.push([delivery()])

    assert receiver.held == {}


async def test_the_id_is_the_same_for_the_same_batch_and_another_for_any_other(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.answers.append(LOST)
    batch = [delivery("a"), delivery("b")]

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationUnavailableError):
            await connector.push(batch)
    async with open_connector(settings) as connector:
        await connector.push(batch)
        await connector.push([delivery("a", 2), delivery("b")])
        await connector.push([changed("a"), delivery("b")])

    lost, again, newer, other = receiver.names
    assert lost == again
    assert len({again, newer, other}) == 3


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_trouble_that_passes_is_for_later(
    settings: Settings, receiver: Receiver, status: int
) -> None:
    receiver.answers.append(status)

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationUnavailableError) as caught:
            await connector.push([delivery()])

    assert caught.value.wait == timedelta()
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", 120),
        ("0", 0),
        ("-5", 0),
        ("99999999999999999999", 0),
        ("999999", 86_400),
        ("soon", 0),
        ("", 0),
        ("Sun, 22 Nov 2026 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
async def test_it_waits_as_long_as_it_is_asked_within_reason(
    settings: Settings, receiver: Receiver, asked: str, wait: int
) -> None:
    receiver.answers.append({"status": 429, "headers": {"Retry-After": asked}})

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationUnavailableError) as caught:
            await connector.push([delivery()])

    assert caught.value.wait == timedelta(seconds=wait)


async def test_it_reads_a_date_too(settings: Settings, receiver: Receiver) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    receiver.answers.append({"status": 503, "headers": {"Retry-After": at}})

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationUnavailableError) as caught:
            await connector.push([delivery()])

    assert timedelta(minutes=4) < caught.value.wait <= timedelta(minutes=5)


async def test_a_receiver_that_does_not_answer_in_time_is_for_later(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.delay = 1

    async with open_connector(settings) as connector:
        hasty = replace(
            connector, poster=replace(connector.poster, patience=timedelta(seconds=0.2))
        )
        with pytest.raises(DestinationUnavailableError, match="cannot be reached"):
            await hasty.push([delivery()])


async def test_a_receiver_that_is_not_there_is_for_later(settings: Settings) -> None:
    nobody = settings.model_copy(update={"webhook_url": f"http://127.0.0.1:{unused_port()}/hook"})

    async with open_connector(nobody) as connector:
        with pytest.raises(DestinationUnavailableError, match="is it running"):
            await connector.push([delivery()])


async def test_one_that_is_gone_is_gone_for_good(settings: Settings, receiver: Receiver) -> None:
    receiver.answers.append(410)

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationRefusedError, match="ASKFIRST_WEBHOOK_URL") as caught:
            await connector.push([delivery()])

    assert caught.value.gone


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405])
async def test_one_that_refuses_us_is_told_and_redirects_are_not_followed(
    settings: Settings, receiver: Receiver, status: int
) -> None:
    receiver.answers.append({"status": status, "headers": {"Location": receiver.url}})

    async with open_connector(settings) as connector:
        with pytest.raises(DestinationRefusedError, match=str(status)) as caught:
            await connector.push([delivery()])

    assert not caught.value.gone
    assert len(receiver.requests) == 1


async def test_of_a_refused_batch_only_the_bad_ones_are_refused(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.poison = {"s-3"}

    async with open_connector(settings) as connector:
        batch = [delivery(f"s-{number}") for number in range(8)]
        results = {one.shopper: told async for one, told in push_in_halves(connector.push, batch)}

    refused = {shopper: told for shopper, told in results.items() if isinstance(told, Refused)}
    assert refused == {"s-3": Refused("The webhook answered 422: mend the receiver.")}
    assert len(results) == len(batch)
    assert set(receiver.held) == {f"s-{number}" for number in range(8)} - {"s-3"}


async def test_an_address_that_became_an_inner_one_is_told(settings: Settings) -> None:
    inner = settings.model_copy(update={"webhook_url": "https://crm.example/hook"})

    async with (
        open_connector(inner) as connector,
        open_guarded(Allowed(), Names({"crm.example": ["10.0.0.1"]})) as session,
    ):
        moved = replace(connector, poster=Poster(session))
        with pytest.raises(DestinationRefusedError, match=r"ASKFIRST_WEBHOOK_URL: .*not a public"):
            await moved.push([delivery()])


@pytest.mark.parametrize(
    "url",
    [
        "crm.example/hook",
        "ftp://crm.example",
        "http://",
        "http://[::1",
        "http://crm.example",
        "https://10.0.0.1",
    ],
)
async def test_an_address_that_is_none_stops_the_start(settings: Settings, url: str) -> None:
    with pytest.raises(SettingsError, match="ASKFIRST_WEBHOOK_URL"):
        async with open_connector(settings.model_copy(update={"webhook_url": url})):
            pass


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "whsec_é"])
async def test_a_secret_that_is_none_stops_the_start_and_is_not_shown(
    settings: Settings, secret: str
) -> None:
    wrong = settings.model_copy(update={"webhook_secret": SecretStr(secret)})

    with pytest.raises(SettingsError, match="ASKFIRST_WEBHOOK_SECRET") as caught:
        async with open_connector(wrong):
            pass

    assert "é" not in str(caught.value)
