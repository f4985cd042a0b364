"""What an endpoint gets, when, and how often: over real connections, on both databases."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from standardwebhooks import Webhook as Signer
from yarl import URL

import sync.webhooks.courier
from preferences.store.changes import KEPT, forget_changes
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.webhook_log import Range, add_test, replay
from preferences.store.webhook_queue import LEASE, PATIENCE
from preferences.store.webhooks import (
    add_endpoint,
    enable_endpoint,
    read_endpoint,
    remove_endpoint,
    rotate_secret,
)
from sync.posting import Answer, Poster, UnansweredError
from sync.webhooks.courier import Courier
from sync.webhooks.schedule import RETRIES
from tests.preferences.store.seeds import add_shopper_who_answered
from tests.sync.webhooks.hook import Hook, hooked
from tests.sync.webhooks.world import Clock, World
from tests.vaults import KEYS, VAULT

ROOT = Path(__file__).parents[3]
HOUR = timedelta(hours=1)
TAKEN = Answer(204, timedelta())
NO = Answer(500, timedelta())


@dataclass
class Letterbox:
    """A poster that remembers what it was given and answers as it is told, then 204."""

    answers: list[Answer | UnansweredError] = field(default_factory=list)
    always: Answer = TAKEN
    posted: list[tuple[str, str]] = field(default_factory=list)

    async def post(
        self, _url: URL, _signers: Sequence[Signer], name: str, body: str, _now: datetime
    ) -> Answer:
        self.posted.append((name, body))
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, UnansweredError):
            raise answer
        return answer


@asynccontextmanager
async def running(courier: Courier) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(courier.run(stop))
    try:
        yield task
    finally:
        stop.set()
        courier.bell.ring()
        await asyncio.wait_for(task, 10)


async def until(wanted: object, look: Callable[[], object]) -> None:
    deadline = monotonic() + 15
    while look() != wanted:
        assert monotonic() < deadline, f"{wanted} never came"
        await asyncio.sleep(0.02)


async def test_a_message_is_small_signed_and_names_nobody(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.withdrawn"), purpose="tailor_suggestions")

    await world.delivered(of)

    [message] = hook.messages
    [entry] = await world.log(of)
    assert message == {
        "type": "consent.withdrawn",
        "timestamp": world.clock().isoformat().replace("+00:00", "Z"),
        "data": {
            "shopper": "anna",
            "change": entry.change,
            "position": 1,
            "purpose": "tailor_suggestions",
        },
    }
    assert hook.names == [entry.change]
    assert len(hook.raw[0]) < 20_000
    assert (entry.state, entry.attempts, entry.last_status) == ("delivered", 1, 204)


async def test_a_detail_does_not_hide_whom_it_is_about(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "shopper.linked"), shopper="ben", other="ben")

    await world.delivered(of)

    assert hook.messages[0]["data"]["shopper"] == "anna"


async def test_each_endpoint_hears_what_it_asked_for_under_its_own_secret(
    world: World, hook: Hook
) -> None:
    async with hooked() as other:
        one = await world.endpoint(hook, "consent.withdrawn")
        two = await world.endpoint(other)
        await world.happened(("anna", "consent.given"), ("anna", "consent.withdrawn"))
        await world.delivered(one)
        await world.delivered(two)

        assert hook.types == ["consent.withdrawn"]
        assert other.types == ["consent.given", "consent.withdrawn"]
        assert hook.secrets != other.secrets


async def test_while_a_secret_is_rotated_the_old_and_the_new_one_verify(
    world: World, hook: Hook
) -> None:
    of = await world.endpoint(hook)
    [old] = hook.secrets
    new = await rotate_secret(world.store, of, timedelta(minutes=2), world.clock())

    for secret in (old, new):
        hook.secrets[:] = [secret]
        await world.happened(("anna", "consent.given"))
        await world.delivered(of)
    world.clock.pass_(timedelta(minutes=2))
    hook.secrets[:] = [old]
    await world.happened(("anna", "consent.given"))
    await world.delivered(of)

    assert [len(one.headers["webhook-signature"].split()) for one in hook.requests] == [2, 2, 1]
    assert len(hook.messages) == 2
    assert [one.last_status for one in await world.log(of)].count(401) == 1


async def test_it_is_tried_by_the_schedule_and_then_kept_as_failed(world: World) -> None:
    box = Letterbox(always=NO)
    added, _ = await add_endpoint(world.store, "https://crm.example/", [], world.clock())
    await world.happened(("anna", "consent.given"))
    courier = World(world.store, box, world.clock).courier
    await courier.take_up()

    waits = []
    while await courier.deliver(added.id) is not None:
        [entry] = await world.log(added.id)
        if entry.next_attempt_at is not None:
            waits.append(entry.next_attempt_at - world.clock())
            world.clock.now = entry.next_attempt_at

    [entry] = await world.log(added.id)
    assert (entry.state, entry.attempts, entry.last_status) == ("failed", 10, 500)
    assert entry.last_error == "It answered 500."
    assert len(waits) == len(RETRIES) == 9
    for wait, planned in zip(waits, RETRIES, strict=True):
        assert planned * 0.9 <= wait <= planned * 1.1
    assert sum(RETRIES, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert len(set(box.posted)) == 1

    box.always = Answer(200, timedelta())
    await replay(world.store, added.id, Range(0, None, "failed"), 10, world.clock())
    await courier.deliver(added.id)
    assert len(set(box.posted)) == 1
    assert (await world.log(added.id))[0].state == "delivered"


@pytest.mark.parametrize(
    ("answer", "least"),
    [
        (Answer(429, 2 * HOUR), 2 * HOUR),
        (Answer(503, 2 * HOUR), 2 * HOUR),
        (Answer(503, timedelta(seconds=1)), timedelta(seconds=4)),
        (Answer(500, 2 * HOUR), timedelta(seconds=4)),
        (UnansweredError("It cannot be reached."), timedelta(seconds=4)),
    ],
    ids=["429", "503", "503 soon", "500", "none"],
)
async def test_it_waits_as_long_as_a_busy_receiver_asks(
    world: World, answer: Answer | UnansweredError, least: timedelta
) -> None:
    added, _ = await add_endpoint(world.store, "https://crm.example/", [], world.clock())
    await world.happened(("anna", "consent.given"))

    await world.delivered(added.id, World(world.store, Letterbox([answer]), world.clock).courier)

    [entry] = await world.log(added.id)
    assert entry.next_attempt_at is not None
    wait = entry.next_attempt_at - world.clock()
    assert least <= wait <= least + timedelta(seconds=2)


async def test_a_lost_answer_is_followed_by_the_same_message_under_the_same_name(
    world: World, hook: Hook
) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    hook.answers.append("lost")

    await world.delivered(of)
    world.clock.pass_(timedelta(seconds=10))
    await world.delivered(of)

    assert len(hook.names) == 2
    assert len(set(hook.names)) == len(set(hook.raw)) == 1
    assert [one.state for one in await world.log(of)] == ["delivered"]


async def test_of_who_was_erased_nothing_is_sent_but_that(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    async with world.store.begin() as session:
        await add_shopper_who_answered(session, "anna")
    await world.happened(("anna", "consent.given"))
    await world.courier.take_up()
    await erase_shopper(world.store, "anna", [], world.clock())

    await world.delivered(of)

    assert [(one["type"], one["data"]["shopper"]) for one in hook.messages] == [
        ("shopper.erased", "anna")
    ]


async def test_one_that_is_gone_is_disabled_at_once_and_it_is_told(
    world: World, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    hook.answers.append(410)

    await world.delivered(of)
    await world.happened(("ben", "consent.given"))
    world.clock.pass_(timedelta(days=3))
    await world.delivered(of)

    assert len(hook.requests) == 1
    assert "410" in (await read_endpoint(world.store, of)).disabled_why
    assert [record.levelname for record in caplog.records if of in record.message] == ["ERROR"]

    world.clock.now = datetime.now(UTC)
    await enable_endpoint(world.store, of, world.clock())
    await world.delivered(of)
    assert [one["data"]["shopper"] for one in hook.messages] == ["anna", "anna", "ben"]


async def test_one_that_takes_nothing_for_five_days_is_disabled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    box = Letterbox(always=NO)
    added, _ = await add_endpoint(world.store, "https://crm.example/", [], world.clock())
    courier = World(world.store, box, world.clock).courier
    begun = world.clock()

    while not (await read_endpoint(world.store, added.id)).disabled_why:
        await world.happened(("anna", "consent.withdrawn"))
        await world.delivered(added.id, courier)
        world.clock.pass_(10 * HOUR)

    assert world.clock() - begun == PATIENCE + 10 * HOUR
    assert "It took nothing for 5 days." in caplog.text


async def test_a_name_that_came_to_lead_inside_is_not_posted_to(world: World) -> None:
    added, _ = await add_endpoint(world.store, "https://10.0.0.1/", [], world.clock())
    box = Letterbox()
    await world.happened(("anna", "consent.given"))

    await world.delivered(added.id, World(world.store, box, world.clock).courier)

    [entry] = await world.log(added.id)
    assert box.posted == []
    assert (entry.state, entry.last_status) == ("waiting", None)
    assert "not a public one" in entry.last_error


async def test_a_redirect_is_a_failure(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    hook.answers.append({"status": 302, "headers": {"Location": hook.url}})

    await world.delivered(of)

    [entry] = await world.log(of)
    assert len(hook.requests) == 1
    assert (entry.state, entry.last_error) == ("waiting", "It answered 302.")


async def test_a_test_is_sent_once_and_what_came_back_is_kept(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    hook.answers.append(500)
    await add_test(world.store, of, world.clock())
    await add_test(world.store, of, world.clock())

    await world.delivered(of)

    assert hook.types == ["askfirst.test"] * 2
    assert hook.messages[0]["data"] == {"endpoint": of}
    assert sorted(one.state for one in await world.log(of)) == ["delivered", "failed"]
    assert (await read_endpoint(world.store, of)).failing_since is None


async def test_a_test_that_fails_does_not_begin_the_days_of_failure(world: World) -> None:
    box = Letterbox(always=NO)
    added, _ = await add_endpoint(world.store, "https://crm.example/", [], world.clock())
    await add_test(world.store, added.id, world.clock())
    await world.delivered(added.id, World(world.store, box, world.clock).courier)

    assert (await read_endpoint(world.store, added.id)).failing_since is None


async def test_a_courier_cancelled_between_sending_and_recording_sends_it_again(
    world: World, hook: Hook
) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"), ("ben", "consent.given"))
    hook.delay = 5
    courier = world.courier
    await courier.take_up()
    dying = asyncio.create_task(courier.deliver(of))
    await asyncio.wait_for(hook.reached.wait(), 5)
    dying.cancel()
    await asyncio.wait({dying})
    hook.delay = 0

    await world.delivered(of)
    assert len(hook.requests) <= 2
    world.clock.pass_(LEASE)
    await world.delivered(of)

    assert [one.state for one in await world.log(of)] == ["delivered"] * 2
    assert len(set(hook.names)) == 2


@asynccontextmanager
async def syncing(url: str, data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    names = {name: value for name, value in os.environ.items() if "ASKFIRST" not in name}
    ours = {
        "ASKFIRST_DATA_DIR": str(data),
        "ASKFIRST_DATABASE_URL": url,
        "ASKFIRST_KEYS_FILE": str(KEYS),
        "ASKFIRST_WEBHOOK_ALLOW": "127.0.0.1",
        "ASKFIRST_LOG_LEVEL": "ERROR",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sync"), cwd=ROOT, env=names | ours, stdout=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_process_killed_between_sending_and_recording_loses_nothing(
    world: World, hook: Hook, store_url: str, tmp_path: Path
) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    hook.delay = 60
    async with syncing(store_url, tmp_path) as process, asyncio.timeout(30):
        await hook.reached.wait()
        process.send_signal(signal.SIGKILL)
        await process.wait()
    hook.delay = 0
    world.clock.now = datetime.now(UTC) + LEASE

    await world.delivered(of)

    assert len(hook.names) == 2
    assert len(set(hook.names)) == 1
    assert [one.state for one in await world.log(of)] == ["delivered"]


async def test_one_that_hangs_does_not_hold_up_another(world: World, hook: Hook) -> None:
    async with hooked() as other:
        hook.delay = 1
        await world.endpoint(hook)
        await world.endpoint(other)
        async with running(world.courier):
            await world.happened(*((f"s-{number}", "consent.given") for number in range(30)))
            await until(30, lambda: len(other.messages))
            assert len(hook.messages) <= 20
            await until(30, lambda: len(hook.messages))

    assert [one["data"]["position"] for one in other.messages[:1]] == [1]


async def test_two_couriers_share_the_work_and_deliver_nothing_twice(
    postgresql_url: str, poster: Poster, hook: Hook
) -> None:
    async with open_store(postgresql_url, VAULT) as one, open_store(postgresql_url, VAULT) as two:
        worlds = [World(store, poster, Clock()) for store in (one, two)]
        await worlds[0].endpoint(hook)
        shoppers = [f"s-{number}" for number in range(60)]
        for _ in range(3):
            await worlds[0].happened(*((shopper, "consent.given") for shopper in shoppers))
        for world in worlds:
            world.clock.pass_(timedelta(seconds=1))
        async with running(worlds[0].courier), running(worlds[1].courier):
            await until(180, lambda: len(hook.messages))
            await asyncio.sleep(0.5)

    assert len(set(hook.names)) == len(hook.names) == 180
    for shopper in shoppers:
        told = [one["data"] for one in hook.messages if one["data"]["shopper"] == shopper]
        assert [one["position"] for one in told] == sorted(one["position"] for one in told)


async def test_an_endpoint_that_missed_too_much_is_told_of_and_goes_on(
    world: World, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    other = World(world.store, world.poster, Clock())
    await add_endpoint(world.store, hook.url, [], world.clock())  # which places the change
    await forget_changes(world.store, world.clock() + 2 * KEPT)
    await other.happened(("ben", "consent.given"))

    await world.delivered(of)
    await world.delivered(of)

    assert [one["data"]["shopper"] for one in hook.messages] == ["ben"]
    assert "needs a full export" in caplog.text


async def test_an_endpoint_removed_meanwhile_is_let_go(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    courier = world.courier
    await courier.take_up()
    await remove_endpoint(world.store, of)

    assert await courier.deliver(of) is None


async def test_a_store_that_is_away_is_waited_for(
    poster: Poster, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        open_store("sqlite:////nowhere/at/all.db", VAULT) as store,
        running(World(store, poster, Clock()).courier) as task,
    ):
        await asyncio.sleep(0.3)
        assert not task.done()

    assert "webhooks: The preference store cannot be reached" in caplog.text


async def test_a_stop_lets_what_is_under_way_arrive(world: World, hook: Hook) -> None:
    of = await world.endpoint(hook)
    await world.happened(*((f"s-{number}", "consent.given") for number in range(25)))
    hook.delay = 0.5
    async with running(world.courier):
        await asyncio.wait_for(hook.reached.wait(), 5)

    entries = await world.log(of)
    assert len(hook.messages) == sum(one.state == "delivered" for one in entries) == 10


async def test_no_address_and_no_secret_is_in_the_log(
    world: World, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="sync")
    of = await world.endpoint(hook)
    await world.happened(("anna", "consent.given"))
    hook.answers.extend([500, 410])
    await world.delivered(of)
    world.clock.pass_(timedelta(seconds=9))
    await world.delivered(of)

    said = f"{caplog.text} {json.dumps([one.last_error for one in await world.log(of)])}"
    for secret in (hook.url, hook.secrets[0], "secret words", "anna"):
        assert secret not in said


async def test_one_that_takes_nothing_is_given_ever_longer_to_recover(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, stop = list[float](), asyncio.Event()

    async def pause(_stop: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            stop.set()
            courier.bell.ring()

    monkeypatch.setattr(sync.webhooks.courier, "_pause", pause)
    box = Letterbox([*[NO] * 10, *[TAKEN] * 10], always=NO)
    await add_endpoint(world.store, "https://crm.example/", [], world.clock())
    await world.happened(*((f"s-{number}", "consent.given") for number in range(90)))
    courier = World(world.store, box, world.clock).courier

    await asyncio.wait_for(courier.run(stop), 10)

    assert pauses == [1, 1, 2, 4, 8, 16, 32, 60]
    assert len(box.posted) == 90
