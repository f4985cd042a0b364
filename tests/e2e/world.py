"""The whole of it, running: every process, started by the command a user starts it with."""

import asyncio
import base64
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import psutil

from preferences.store.vault import Vault
from tests.bot.channels.platform import SETTINGS as CHANNELS
from tests.bot.channels.platform import Platform
from tests.bot.conftest import served

ROOT = Path(__file__).parents[2]
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of this test run alone!").decode()
READY_SECONDS = 420  # the first start of all trains the language model


@dataclass
class Receiver:
    """A CRM's webhook endpoint that remembers what was posted."""

    url: str
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def profiles(self) -> list[dict[str, Any]]:
        return [profile for _, body in self.posts for profile in json.loads(body)["data"]]


@dataclass
class World:
    """One running instance, seen from outside."""

    url: str
    data: Path
    key: str
    process: subprocess.Popen[str]
    receiver: Receiver
    database: str
    platform: Platform

    @property
    def vault(self) -> Vault:
        return Vault(self.data / "keys.json")

    def get(self, path: str, key: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return _call(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, key: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        return _call(urllib.request.Request(self.url + path, data=b"", headers=headers))

    def preferences(self, customer: str) -> list[dict[str, Any]]:
        status, profile = self.get(f"/v1/shoppers/customer:{customer}/preferences")

        assert status == 200, profile
        return list(profile["preferences"])

    def in_crm(self, customer: str) -> dict[str, Any] | None:
        """What the log destination knows of a customer, or None."""
        file = self.data / "crm.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        known = [json.loads(line)["profile"] for line in lines]
        return next(
            (found for found in reversed(known) if found["identities"].get("customer") == customer),
            None,
        )

    def order(self, customer: str, *skus: str, days_ago: float = 0, title: str = "") -> int:
        """Report an order as the shop does, and give the answer's status."""
        at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
        body = {
            "id": uuid4().int >> 80,
            "created_at": at,
            "customer": {"id": int(customer)},
            "line_items": [{"sku": sku, "title": title or sku, "quantity": 1} for sku in skus],
        }
        return self.webhook("/v1/orders/shopify", json.dumps(body).encode())[0]

    def order_by_phone(self, phone: str, sku: str, *, days_ago: float = 0, title: str = "") -> None:
        """Report an order of somebody of whom the shop knows the number alone."""
        body = {
            "id": uuid4().int >> 80,
            "created_at": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
            "phone": phone,
            "line_items": [{"sku": sku, "title": title or sku, "quantity": 1}],
        }
        assert self.webhook("/v1/orders/shopify", json.dumps(body).encode())[0] == 200

    def webhook(self, path: str, raw: bytes, signature: str | None = None) -> tuple[int, Any]:
        secret = self._secrets()["shopify_secret"].encode()
        right = base64.b64encode(hmac.new(secret, raw, sha256).digest()).decode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Webhook-Id": str(uuid4()),
            "X-Shopify-Hmac-SHA256": right if signature is None else signature,
        }
        return _call(urllib.request.Request(self.url + path, data=raw, headers=headers))

    def customer_of_mens_clothing(self) -> str:
        """Give a new customer with a history that a dress does not fit."""
        customer = str(uuid4().int >> 90)
        for days in range(30, 230, 30):
            assert self.order(customer, "SHR-OXF-01", days_ago=days) == 200
        return customer

    def identity(self, customer: str) -> str:
        now = datetime.now(UTC)
        claims = {"sub": customer, "aud": "askfirst", "iat": now, "exp": now + timedelta(minutes=9)}
        return jwt.encode(claims, self._secrets()["identity_secret"], "HS256")

    def parts(self, word: str) -> list[psutil.Process]:
        """Give the processes of this instance whose command line holds a word."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if _has(child, word)]

    def _secrets(self) -> dict[str, str]:
        secrets: dict[str, str] = json.loads((self.data / "secrets.json").read_text())
        return secrets


def _has(process: psutil.Process, word: str) -> bool:
    with suppress(psutil.Error):
        return any(word in argument for argument in process.cmdline())
    return False


def _call(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/crm"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()


@contextmanager
def platform_running() -> Iterator[tuple[Platform, str]]:
    """A platform that takes messages in a loop of its own, while a test waits for something else."""
    platform, found, over = Platform(None), list[str](), threading.Event()
    begun = threading.Event()

    async def serve() -> None:
        async with served(platform.app()) as url:
            found.append(url)
            begun.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert begun.wait(10)
        yield platform, found[0]
    finally:
        over.set()
        thread.join(10)


@contextmanager
def running(data: Path, **settings: str) -> Iterator[World]:
    """Start an instance of its own and wait until its assistant is awake; end it afterwards."""
    port = free_port()
    with receiving() as receiver, platform_running() as (platform, platform_url):
        platform.gateway = f"http://127.0.0.1:{port}"
        environment = {
            **{name: value for name, value in os.environ.items() if "ASKFIRST" not in name},
            "ASKFIRST_DESTINATIONS": "log,webhook",
            "ASKFIRST_WEBHOOK_URL": receiver.url,
            "ASKFIRST_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "ASKFIRST_WEBHOOK_ALLOW": "127.0.0.0/8",
            "ASKFIRST_SESSIONS_PER_MINUTE_PER_ADDRESS": "0",
            "ASKFIRST_MESSAGES_PER_MINUTE": "0",
            "ASKFIRST_MESSAGES_PER_MINUTE_PER_ADDRESS": "0",
            "ASKFIRST_MESSAGES_PER_MINUTE_OF_ALL": "0",
            **{f"ASKFIRST_{name.upper()}": str(value) for name, value in CHANNELS.items()},
            "ASKFIRST_META_URL": platform_url,
            **settings,
        }
        command = [sys.executable, "-m", "bot", "--port", str(port), "--data", str(data)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        said: list[str] = []
        listening = threading.Thread(target=_listen, args=(process, said), daemon=True)
        listening.start()
        try:
            key = _wait_for_key(process, said)
            database = settings.get("ASKFIRST_DATABASE_URL", f"sqlite:///{data / 'askfirst.db'}")
            yield World(
                f"http://127.0.0.1:{port}", data, key, process, receiver, database, platform
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            listening.join(5)
            if process.stdout is not None:
                process.stdout.close()


def _listen(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stdout is not None
    said.extend(iter(process.stdout.readline, ""))


def _wait_for_key(process: subprocess.Popen[str], said: list[str]) -> str:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"Bearer (ask_\S+)'", "".join(said)):
            return found[1]
        time.sleep(0.2)
    raise AssertionError("it did not become ready:\n" + "".join(said))
