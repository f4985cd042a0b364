"""A BottleCRM of a test's own, on PostgreSQL; asked by its own API, without a line of ours.

Its migrations take minutes, so that its database is made once and kept as a template on the server.
"""

import asyncio
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from tests.conftest import ADMIN
from tests.sync.names import unused_port
from tests.sync.real.servers import HERE, TOOLS, Child, alone, environment, fingerprint

ROLE = "askfirst_bottlecrm"
"""Its role must not be a superuser: rows are kept apart by policies, which those pass by."""

_SEED = """
import django
django.setup()
from django.contrib.auth import get_user_model
from common.models import Org, PersonalAccessToken, Profile
user = get_user_model().objects.create_superuser(email="admin@example.com", password="x" * 20)
org = Org.objects.create(name="Shop")
profile = Profile.objects.create(user=user, org=org, role="ADMIN", is_organization_admin=True)
print(PersonalAccessToken.generate(profile, "Askfirst")[0])
"""


class BottleServer:
    """One server on one database; `token` is that of an administrator of the organisation."""

    def __init__(self, folder: Path, database: str, token: str) -> None:
        self.token = token
        port = unused_port()
        self.url = f"http://127.0.0.1:{port}"
        gunicorn = str(environment("bottlecrm", "test-crm") / "bin" / "gunicorn")
        listening = ["-w", "2", "-b", f"127.0.0.1:{port}", "crm.wsgi:application"]
        ready = f"{self.url}/healthz/"
        self.child = Child([gunicorn, *listening], folder / "log", ready, _env(database))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def contacts(self, shopper: str = "") -> list[dict[str, Any]]:
        query = f"&cf_shopper_id={quote(shopper)}" if shopper else ""
        found = self.call("GET", f"/contacts/?limit=10000{query}")
        assert found["count"] == len(found["results"])
        return list(found["results"])

    def define(self, key: str, kind: str = "textarea", *options: str) -> None:
        body: dict[str, Any] = {"target_model": "Contact", "key": key, "label": key}
        body |= {"field_type": kind, "is_filterable": kind == "text"}
        if options:
            body["options"] = [{"value": one, "label": one} for one in options]
        self.call("POST", "/custom-fields/", body)

    def clear(self) -> None:
        """Forget everybody, and switch every custom field off that somebody defined."""
        for one in self.contacts():
            self.call("DELETE", f"/contacts/{one['id']}/")


@contextmanager
def bottlecrm_server(folder: Path) -> Iterator[BottleServer]:
    """Start one with nobody in it."""
    template, token = _template()
    database = f"askfirst_bottlecrm_{token_hex(4)}"
    _do(f'CREATE DATABASE "{database}" TEMPLATE "{template}" OWNER {ROLE}')
    server = BottleServer(folder, database, token)
    try:
        server.child.start()
        yield server
    finally:
        server.child.stop()
        _do(f'DROP DATABASE "{database}" WITH (FORCE)')


def _template() -> tuple[str, str]:
    """Give the database that was migrated and seeded once, and the token that was made for it."""
    place = environment("bottlecrm", "test-crm")
    name = _name()
    file = place / f"{name}.token"
    if not file.exists() or not _do("SELECT 1 FROM pg_database WHERE datname = $1", name):
        pytest.skip("BottleCRM's database is not made; `make test-crm` makes it in some minutes")
    return name, file.read_text()


def _name() -> str:
    return f"askfirst_bottlecrm_{fingerprint(HERE / 'bottlecrm.txt')}"


def make() -> None:
    """Make the template where it is missing."""
    place, name = TOOLS / "bottlecrm", _name()
    file = place / f"{name}.token"
    with alone(place):
        if not file.exists() or not _do("SELECT 1 FROM pg_database WHERE datname = $1", name):
            file.write_text(_make(place, name))


def _make(place: Path, name: str) -> str:
    if not _do("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
        _do(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}' NOSUPERUSER")
    _do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    _do(f'CREATE DATABASE "{name}" OWNER {ROLE}')
    env = _env(name)
    with (place / "migrate.log").open("w") as log:
        migrate = [place / "bin" / "django-admin", "migrate", "--noinput"]
        subprocess.run(migrate, env=env, cwd=place, check=True, stdout=log, stderr=log)
    seed = [place / "bin" / "python", "-c", _SEED]
    return subprocess.check_output(seed, env=env, cwd=place, text=True).splitlines()[-1]


def _do(statement: str, *values: Any) -> Any:
    """Ask the server of the tests, in a thread where a loop is running already."""

    async def run() -> Any:
        connection = await asyncpg.connect(ADMIN, timeout=5)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run())
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def _env(database: str) -> dict[str, str]:
    server = urlsplit(ADMIN)
    return {name: value for name, value in os.environ.items() if "ASKFIRST" not in name} | {
        "SECRET_KEY": "0123456789abcdef" * 3,
        "ENV_TYPE": "dev",
        "DEBUG": "False",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DBNAME": database,
        "DBUSER": ROLE,
        "DBPASSWORD": ROLE,
        "DBHOST": server.hostname or "127.0.0.1",
        "DBPORT": str(server.port or 5432),
        "CELERY_BROKER_URL": "memory://",
        "CELERY_RESULT_BACKEND": "cache+memory://",
        "DJANGO_SETTINGS_MODULE": "crm.settings",
    }


if __name__ == "__main__":
    make()
