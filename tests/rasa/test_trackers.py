"""A conversation is kept in one row, short, and never lost without a word."""

import asyncio
import json
import os
import sqlite3
import uuid

import psycopg2
import pytest
from rasa.core.agent import Agent
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from bot.components.corrections import correct_rasa
from bot.components.errors import TrackerUnavailableError
from bot.components.rows import PostgresRows, SqliteRows, open_rows
from bot.components.trackers import KEPT_EVENTS, BoundedTrackerStore, cut

TABLE = (
    "CREATE TABLE tracker (sender_id VARCHAR PRIMARY KEY, events TEXT NOT NULL, "
    "updated_at TIMESTAMP NOT NULL)"
)
POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A migrated database of either kind."""
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "askfirst.db") as connection:
            connection.execute(TABLE)
        yield f"sqlite:///{tmp_path / 'askfirst.db'}"
        return
    name = f"rasa_{uuid.uuid4().hex}"
    try:
        admin = psycopg2.connect(POSTGRES, connect_timeout=2)
    except psycopg2.OperationalError:
        pytest.skip("PostgreSQL is not reachable: set TEST_DATABASE_URL to run this on it")
    admin.autocommit = True
    admin.cursor().execute(f"CREATE DATABASE {name}")
    address = POSTGRES.rsplit("/", 1)[0] + f"/{name}"
    with psycopg2.connect(address) as connection:
        connection.cursor().execute(TABLE)
    connection.close()
    yield address
    admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture
def store(url):
    kept = BoundedTrackerStore(Domain.empty(), url)
    yield kept
    run(kept.close())


def run(work):
    return asyncio.new_event_loop().run_until_complete(work)


def turn(tracker, number):
    """Five events, as a turn of ours has them."""
    intent = {"name": "greet", "confidence": 0.9}
    tracker.update(UserUttered("some words", intent, message_id=f"m{number}"))
    tracker.update(ActionExecuted("action_turn"))
    tracker.update(BotUttered(data={"custom": {"turn": {"message_id": f"m{number}"}}}))
    tracker.update(ActionExecuted("action_listen"))


def heard(tracker):
    return [event.message_id for event in tracker.events if isinstance(event, UserUttered)]


async def converse(store, sender, turns, first=0):
    for number in range(first, first + turns):
        tracker = await store.get_or_create_tracker(sender)
        turn(tracker, number)
        await store.save(tracker)


def test_a_conversation_is_found_again(store, url):
    run(converse(store, "c", 3))
    found = run(BoundedTrackerStore(Domain.empty(), url).retrieve("c"))

    assert heard(found) == ["m0", "m1", "m2"]
    assert found.latest_action_name == "action_listen"
    assert list(run(store.keys())) == ["c"]


def test_a_new_conversation_has_no_row_before_its_first_turn_is_done(store):
    run(store.get_or_create_tracker("c"))

    assert list(run(store.keys())) == []
    assert run(store.retrieve("c")) is None


def test_only_the_last_turns_are_kept_whole(store, url):
    run(converse(store, "c", 150))
    hot = run(store.retrieve("c"))
    cold = run(BoundedTrackerStore(Domain.empty(), url).retrieve("c"))

    assert len(hot.events) <= KEPT_EVENTS
    assert [e.as_dict() for e in hot.events] == [e.as_dict() for e in cold.events]
    assert isinstance(cold.events[0], ActionExecuted)
    assert isinstance(cold.events[1], UserUttered)
    assert heard(cold)[-1] == "m149"
    assert cold.applied_events(), "or a session would start again in the middle"


def test_a_restarted_process_goes_on_where_the_other_stopped(store, url):
    run(converse(store, "c", 20))
    other = BoundedTrackerStore(Domain.empty(), url)
    run(converse(other, "c", 1, first=20))

    assert heard(run(BoundedTrackerStore(Domain.empty(), url).retrieve("c")))[-1] == "m20"


def test_what_was_erased_does_not_come_back_from_memory(store, url):
    run(converse(store, "c", 3))
    run(converse(store, "other", 1))
    open_rows(url)._run("DELETE FROM tracker WHERE sender_id = 'c'")

    run(converse(store, "c", 1, first=3))  # the turn that erased: it ends after the erasure
    assert list(run(store.keys())) == ["other"]
    assert "c" not in store._ready

    run(converse(store, "c", 2, first=4))
    assert heard(run(store.retrieve("c"))) == ["m4", "m5"]


def test_a_turn_that_is_not_saved_leaves_no_trace(store):
    run(converse(store, "c", 2))
    turn(run(store.retrieve("c")), 99)

    assert heard(run(store.retrieve("c"))) == ["m0", "m1"]


def test_a_busy_conversation_is_not_read_again(store, monkeypatch):
    run(converse(store, "c", 1))
    monkeypatch.setattr(store._rows, "read", lambda _: pytest.fail("the row was read"))

    run(converse(store, "c", 5, first=1))


def test_memory_holds_only_the_busiest(url, monkeypatch):
    monkeypatch.setattr("bot.components.trackers.HOT_CONVERSATIONS", 3)
    store = BoundedTrackerStore(Domain.empty(), url)
    for number in range(5):
        run(converse(store, f"c{number}", 1))

    assert list(store._ready) == ["c2", "c3", "c4"]
    assert heard(run(store.retrieve("c0"))) == ["m0"]


def test_neither_row_nor_memory_keeps_words(server):
    gift = "xyzzy for my sister's birthday"
    assert server.say(gift, "wordless", "m1", shopper="plugh")[0] == 200
    row = json.dumps(server.events("wordless"))
    ready = running_store(server)._ready["wordless"]
    memory = json.dumps([event.as_dict() for event in ready.events])

    for kept in (row, memory):
        assert '"m1"' in kept
        assert not [word for word in ("xyzzy", "sister", "plugh", "replies") if word in kept]


def running_store(server):
    return server.app.ctx.agent.tracker_store


def test_an_id_may_hold_any_character(store, url):
    async def talk():
        tracker = await store.get_or_create_tracker("naïve \" ' %s ? 🎁")
        turn(tracker, 0)
        await store.save(tracker)

    run(talk())

    assert json.loads(open_rows(url).read("naïve \" ' %s ? 🎁"))


def test_a_missing_table_is_an_error_that_names_the_remedy(store, url):
    run(converse(store, "c", 1))
    rows = open_rows(url)
    rows._run("ALTER TABLE tracker RENAME TO away")
    with pytest.raises(TrackerUnavailableError, match="migrated"):
        run(converse(store, "c", 1, first=1))
    with pytest.raises(TrackerUnavailableError):
        run(store.retrieve("c"))
    rows._run("ALTER TABLE away RENAME TO tracker")

    assert heard(run(store.retrieve("c"))) == ["m0"]


def test_a_database_that_was_away_is_found_again(store):
    run(converse(store, "c", 1))
    store._thread.submit(store._rows._connection.close).result()
    with pytest.raises(TrackerUnavailableError):
        run(converse(store, "c", 1, first=1))

    run(converse(store, "c", 1, first=1))
    assert heard(run(store.retrieve("c"))) == ["m0", "m1"]


@pytest.mark.parametrize(
    "url", ["postgresql://postgres@127.0.0.1:9/none", "sqlite:////nowhere/at/all.db"]
)
def test_a_database_that_never_was_is_an_error_of_the_turn_not_of_the_start(url):
    store = BoundedTrackerStore(Domain.empty(), url)

    with pytest.raises(TrackerUnavailableError):
        run(store.get_or_create_tracker("c"))


def test_rasa_does_not_fall_back_into_memory():
    correct_rasa()
    store = BoundedTrackerStore(Domain.empty(), "sqlite:////nowhere/at/all.db")

    assert Agent(tracker_store=store).tracker_store is store
    with pytest.raises(RasaException, match="tracker store"):
        Agent()


def test_the_server_asks_to_try_again_while_the_database_is_away(server):
    server.say("hello there", "away", "m1")
    with sqlite3.connect(server.database) as connection:
        connection.execute("ALTER TABLE tracker RENAME TO elsewhere")
    failed = server.say("hello there", "away", "m2")
    with sqlite3.connect(server.database) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO tracker")

    assert failed[0] == 503
    assert server.say("hello there", "away", "m2")[0] == 200
    assert sum(event["event"] == "user" for event in server.events("away")) == 2


def test_the_hundredth_turn_of_a_server_is_as_short_as_the_tenth(server):
    for number in range(30):
        assert server.say("hello there", "long", f"m{number}")[0] == 200
    events = server.events("long")

    assert len(events) <= KEPT_EVENTS
    assert sum(event["event"] == "session_started" for event in events) == 0


@pytest.mark.parametrize("url", ["", None, "mysql://x", "sqlite://", "/file.db"])
def test_another_kind_of_database_stops_the_start_with_the_setting_s_name(url):
    with pytest.raises(RasaException, match="ASKFIRST_TRACKER_URL"):
        BoundedTrackerStore(host=url)


def test_drivers_in_a_url_are_of_no_account():
    assert isinstance(open_rows("sqlite+aiosqlite:////x.db"), SqliteRows)
    assert open_rows("postgresql+asyncpg://u@h/d")._url == "postgresql://u@h/d"
    assert isinstance(open_rows("postgres://u@h/d"), PostgresRows)


def test_refuses_a_tracker_that_is_not_its_own(store):
    with pytest.raises(TypeError, match="this store"):
        run(store.save(DialogueStateTracker("c", [])))


def test_cuts_before_the_listening_that_a_message_answered():
    tracker = DialogueStateTracker("c", [])
    tracker.update(SessionStarted())
    tracker.update(ActionExecuted("action_listen"))
    for number in range(4):
        turn(tracker, number)
    events = list(tracker.events)

    assert cut(events, len(events)) == 0
    assert cut(events, len(events) - 1) == 1
    assert events[cut(events, len(events) - 2) + 1].message_id == "m1"
    assert events[cut(events, 1) + 1].message_id == "m3"
    assert cut(events[:2], 1) == 0
