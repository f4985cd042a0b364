"""One tiny model with every component of ours, and one Rasa server with an action server."""

import asyncio
import json
import logging
import os
import shutil
import socket
import sqlite3
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

os.environ.update(
    RASA_TELEMETRY_ENABLED="false",
    SQLALCHEMY_SILENCE_UBER_WARNING="1",
    TF_CPP_MIN_LOG_LEVEL="3",
    TQDM_DISABLE="1",
)

import pytest
import rasa
from aiohttp import web
from rasa.core.agent import Agent
from rasa.core.run import configure_app
from rasa.utils.common import configure_logging_and_warnings
from rasa.utils.endpoints import EndpointConfig
from rasa.utils.log_utils import configure_structlog

from bot.components.channel import AskfirstInput
from bot.components.trackers import BoundedTrackerStore

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SECRET = "turn-secret"
TABLE = (
    "CREATE TABLE tracker (sender_id VARCHAR PRIMARY KEY, events TEXT NOT NULL, "
    "updated_at TIMESTAMP NOT NULL)"
)


@dataclass
class FakeActions:
    """An action server that remembers: what it was sent, and what it has committed."""

    calls: list = field(default_factory=list)
    committed: dict = field(default_factory=dict)
    mood: str = "well"
    url: str = ""

    async def answer(self, request):
        call = await request.json()
        self.calls.append(call)
        if self.mood == "broken":
            return web.json_response({"error": "boom", "request_body": call}, status=500)
        if self.mood == "nonsense":
            return web.json_response({"events": "none"})
        if self.mood == "silent":
            return web.json_response({"events": [], "responses": []})
        message = call["tracker"]["latest_message"]
        key = "somebody else's" if self.mood == "confused" else message["message_id"]
        replies = self.committed.setdefault(key, [{"seq": len(self.committed) + 1}])
        turn = {"turn": {"message_id": key, "replies": replies}}
        return web.json_response({"events": [], "responses": [{"custom": turn}]})


@dataclass
class Server:
    """Rasa with our channel, spoken to as the gateway speaks to it."""

    port: int
    app: object
    actions: FakeActions
    database: Path

    def call(self, method, path, body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, f"/webhooks/askfirst/{path}", raw, headers or {})
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, json.loads(text)

    def turn(self, body, secret=SECRET):
        return self.call("POST", "turn", body, {"Authorization": f"Bearer {secret}"})

    def say(self, text, sender="c1", message_id="m1", **metadata):
        metadata.setdefault("locale", "en")
        turn = {"sender": sender, "message_id": message_id, "kind": "text", "text": text}
        return self.turn({**turn, "metadata": metadata})

    def latest(self):
        return self.actions.calls[-1]["tracker"]["latest_message"]

    def events(self, sender):
        with sqlite3.connect(self.database) as database:
            row = database.execute("SELECT events FROM tracker WHERE sender_id = ?", [sender])
            found = row.fetchone()
        return json.loads(found[0]) if found else None


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project's own configuration, domain and rules over a few examples."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("config.yml", "domain.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "data" / "rules", folder / "data" / "rules")
    shutil.copytree(HERE / "examples" / "nlu", folder / "data" / "nlu")
    shutil.copytree(HERE / "examples" / "questions", folder / "preferences" / "questions")
    return folder


@pytest.fixture(scope="session")
def model(project, tmp_path_factory):
    """The path of a trained model."""
    os.environ["RASA_CACHE_DIRECTORY"] = str(tmp_path_factory.mktemp("cache"))
    trained = rasa.train(
        domain=str(project / "domain.yml"),
        config=str(project / "config.yml"),
        training_files=str(project / "data"),
        output=str(project / "models"),
    )
    assert trained.code == 0
    return trained.model


@pytest.fixture(scope="session")
def agent(model, tmp_path_factory):
    """A loaded model for understanding alone."""
    store = BoundedTrackerStore(host=f"sqlite:///{tmp_path_factory.mktemp('nlu') / 'nlu.db'}")
    return Agent.load(model, tracker_store=store)


@pytest.fixture(scope="session")
def running(model, tmp_path_factory):
    """The server, up for the whole run."""
    database = tmp_path_factory.mktemp("server") / "tracker.db"
    with sqlite3.connect(database) as connection:
        connection.execute(TABLE)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_start(model, database))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


@pytest.fixture
def server(running):
    """The server with an action server in good mood and an empty memory."""
    running.actions.mood = "well"
    running.actions.calls.clear()
    running.actions.committed.clear()
    return running


async def _start(model, database):
    # As `rasa run --debug` does: the most that a log can be made to tell.
    configure_logging_and_warnings(logging.DEBUG)
    configure_structlog(logging.DEBUG)
    actions = FakeActions()
    runner = web.AppRunner(_actions_app(actions))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    actions.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/webhook"
    app = configure_app([AskfirstInput.from_credentials({"secret": SECRET})], enable_api=False)
    store = BoundedTrackerStore(host=f"sqlite:///{database}")
    app.ctx.agent = Agent.load(
        model, tracker_store=store, action_endpoint=EndpointConfig(actions.url)
    )
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    serving = await app.create_server(sock=listening, return_asyncio_server=True)
    await serving.startup()
    await serving.start_serving()
    return Server(listening.getsockname()[1], app, actions, database)


def _actions_app(actions):
    app = web.Application()
    app.router.add_post("/webhook", actions.answer)
    return app
