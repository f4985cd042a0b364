"""What every connector of a CRM keeps, whichever it is; a new one brings a world and inherits it all."""

import logging
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sync.capabilities import Erasing, Lookup, Reading
from sync.connectors import open_connector
from sync.delivery import Connector, Delivery, Later, Refused, Result, Taken
from sync.errors import (
    DestinationRefusedError,
    DestinationUnavailableError,
    QuotaExhaustedError,
)
from sync.halving import push_in_halves
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contract.worlds.world import World

HERE = Path(__file__).parent / "worlds"
CRMS = sorted(file.stem for file in HERE.glob("*.py") if file.stem != "world")


@pytest.fixture(params=CRMS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
async def world(name: str) -> AsyncIterator[World]:
    module = import_module(f"tests.sync.contract.worlds.{name}")
    async with module.open_world() as opened:
        yield opened


@pytest.fixture
async def crm(name: str, world: World) -> AsyncIterator[Connector]:
    async with open_connector(name, world.settings) as connector:
        yield connector


async def tell(crm: Connector, *batch: Delivery) -> list[Result]:
    """Push as the engine does: what is refused as a whole is pushed in halves."""
    found = {one.shopper: result async for one, result in push_in_halves(crm.push, batch)}
    return [found[one.shopper] for one in batch]


def is_taken(results: list[Result]) -> bool:
    return all(isinstance(one, Taken) for one in results)


async def test_what_is_told_is_held(world: World, crm: Connector) -> None:
    gift, mine = world.options
    results = await tell(
        crm,
        world.telling("s-1", **{world.choice: gift}),
        world.telling("s-2", **{world.choice: mine}),
    )

    assert is_taken(results)
    assert [(world.held(one) or {})[world.choice] for one in ("s-1", "s-2")] == [gift, mine]


async def test_it_takes_as_many_at_once_as_it_says(world: World, crm: Connector) -> None:
    before = world.count()
    batch = [world.telling(f"s-{number}", **{world.text: "x"}) for number in range(crm.batch_size)]

    assert is_taken(list(await crm.push(batch)))
    assert all((world.held(one.shopper) or {})[world.text] == "x" for one in batch)
    assert world.count() - before in (0, len(batch))


async def test_the_same_twice_is_harmless(name: str, world: World, crm: Connector) -> None:
    delivery = world.telling("s-1", **{world.text: "x"})
    await tell(crm, delivery)
    before = world.count()

    assert is_taken(await tell(crm, delivery))
    async with open_connector(name, world.settings) as another_worker:
        assert is_taken(await tell(another_worker, delivery))

    assert world.count() == before
    assert (world.held("s-1") or {})[world.text] == "x"


async def test_a_newer_state_replaces_and_leaves_what_it_does_not_name(
    world: World, crm: Connector
) -> None:
    first, second = world.options
    await tell(crm, world.telling("s-1", **{world.text: "x", world.choice: first}))

    await tell(crm, world.telling("s-1", version=2, **{world.choice: second}))

    held = world.held("s-1") or {}
    assert (held[world.text], held[world.choice]) == ("x", second)


async def test_what_was_taken_back_is_emptied(world: World, crm: Connector) -> None:
    await tell(crm, world.telling("s-1", **{world.text: "x", world.choice: world.options[0]}))

    taken_back = world.telling("s-1", version=2, **{world.text: None, world.choice: None})
    assert is_taken(await tell(crm, taken_back))

    held = world.held("s-1") or {}
    assert not held.get(world.text)
    assert not held.get(world.choice)


async def test_what_nobody_knows_can_be_emptied_too(world: World, crm: Connector) -> None:
    assert is_taken(await tell(crm, world.telling("s-1", **{world.text: None})))


@pytest.mark.parametrize(
    "words",
    ["Zoë’s Größe: 42½ 🎁", "a,b;c\"d'e\\f\ng", "=HYPERLINK(1)", "<b>x</b>", "x" * 2000],
    ids=["unicode", "separators", "formula", "markup", "long"],
)
async def test_words_arrive_as_they_are(world: World, crm: Connector, words: str) -> None:
    assert is_taken(await tell(crm, world.telling("s-1", **{world.text: words})))

    assert (world.held("s-1") or {})[world.text] == words


async def test_one_that_is_refused_takes_nobody_with_it(world: World, crm: Connector) -> None:
    batch = [world.telling(f"s-{number}", **{world.text: "x"}) for number in range(5)]
    batch[3] = world.telling("s-3", **{world.choice: "no such option"})

    results = await tell(crm, *batch)

    assert [type(one) for one in results] == [Taken, Taken, Taken, Refused, Taken]
    assert not (world.held("s-3") or {}).get(world.choice)
    refused = results[3]
    assert isinstance(refused, Refused)
    assert refused.reason
    assert "no such option" not in refused.reason
    assert "s-3" not in refused.reason


async def test_while_it_is_away_it_says_so_and_afterwards_it_works(
    world: World, crm: Connector
) -> None:
    delivery = world.telling("s-1", **{world.text: "x"})
    world.go_away()
    with pytest.raises(DestinationUnavailableError):
        await crm.push([delivery])
    world.come_back()

    assert is_taken(await tell(crm, delivery))


async def test_its_limit_is_a_pause_and_no_failure(world: World, crm: Connector) -> None:
    world.throttle()

    with pytest.raises(QuotaExhaustedError) as caught:
        await crm.push([world.telling("s-1", **{world.text: "x"})])

    assert caught.value.wait.total_seconds() > 0


async def test_after_a_lost_answer_the_same_push_succeeds_and_shows_once(
    world: World, crm: Connector
) -> None:
    delivery = world.telling("s-1", **{world.text: "x"})
    before = world.count()
    world.lose_the_answer()
    with pytest.raises(DestinationUnavailableError):
        await crm.push([delivery])

    assert is_taken(await tell(crm, delivery))
    assert world.count() - before in (0, 1)
    assert (world.held("s-1") or {})[world.text] == "x"


async def test_credentials_that_are_not_accepted_are_told_by_their_setting(
    world: World, crm: Connector
) -> None:
    world.forget_us()

    with pytest.raises(DestinationRefusedError, match="ASKFIRST_"):
        await crm.push([world.telling("s-1", **{world.text: "x"})])


async def test_who_wants_no_mail_leaves_the_advertising_of_the_crm(
    world: World, crm: Connector
) -> None:
    await tell(crm, world.telling("s-1", **{world.text: "x"}))

    results = await tell(crm, world.telling("s-1", version=2, wishes=(LEFT_ALONE,)))

    assert is_taken(results)
    assert world.leaves("s-1")


async def test_who_wants_no_mail_leaves_even_when_the_fields_are_refused(
    world: World, crm: Connector
) -> None:
    await tell(crm, world.telling("s-1", **{world.text: "x"}))
    refused = {world.choice: "no such option"}

    (result,) = await tell(crm, world.telling("s-1", version=2, wishes=(LEFT_ALONE,), **refused))

    assert isinstance(result, Refused | Later)
    assert world.leaves("s-1")


async def test_what_it_holds_is_read_back(world: World, crm: Connector) -> None:
    if not isinstance(crm, Reading):
        pytest.skip("it cannot be read")
    (taken,) = await tell(crm, world.telling("s-1", **{world.text: "x"}))
    assert isinstance(taken, Taken)

    found = await crm.read(
        [Lookup("s-1", taken.remote_id), Lookup("s-nobody")], [world.text, world.choice]
    )

    assert {shopper: dict(one.fields) for shopper, one in found.items()} == {
        "s-1": {world.text: "x", world.choice: None}
    }


async def test_who_is_erased_is_not_there_any_more(world: World, crm: Connector) -> None:
    if not isinstance(crm, Erasing):
        pytest.skip("an erased shopper's fields are emptied")
    await tell(crm, world.telling("s-1", **{world.text: "x"}))
    gone = world.telling("s-1", version=2, erased=True, identities={})

    assert is_taken(list(await crm.erase([gone])))
    assert is_taken(list(await crm.erase([gone])))

    assert world.held("s-1") is None


async def test_no_secret_and_nobody_is_in_the_log_or_in_an_error(
    world: World, crm: Connector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = [repr(crm)]
    steps: list[Any] = [world.throttle, world.lose_the_answer, world.go_away, world.forget_us]
    await tell(crm, world.telling("s-1", **{world.text: "my sister Ada"}))
    secret = world.secret
    for step in steps:
        step()
        try:
            said.append(repr(await crm.push([world.telling("s-1", **{world.choice: "Ada 4711"})])))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not quote
            said += [str(error), repr(error), repr(error.__cause__)]
        world.come_back()
    told = caplog.text + "".join(said)

    for word in (secret, "Ada", "s-1@example.com"):
        assert word not in told
