"""A Tryton server of a test's own, on SQLite; asked by its own protocol, without a line of ours."""

import json
import os
import sqlite3
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from shutil import copyfile
from typing import Any

from tests.sync.names import unused_port
from tests.sync.real.servers import HERE, Child, alone, environment, fingerprint

ADMIN = "Adm1n-pass-w0rd"
USER, PASSWORD, NEWS = "askfirst", "Ask-f1rst-pass-w0rd", "News"
_CONFIG = """[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
[password]
passlib =
"""


class TrytonServer:
    """One server; `admin` sees and does everything, as a person of the shop would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = unused_port()
        self.config = folder / "trytond.conf"
        self.config.write_text(_CONFIG.format(folder=folder, port=self.port))
        self.url = f"http://127.0.0.1:{self.port}"
        self._sessions: dict[str, str] = {}
        self.bin = environment("tryton", "test") / "bin"
        self.child = Child(
            [str(self.bin / "trytond"), "-c", str(self.config), "-d", "tryton"],
            folder / "log",
            self.url,
            os.environ,
        )

    def admin(self, method: str, *params: Any) -> Any:
        return self.call("admin", ADMIN, method, *params)

    def call(self, user: str, password: str, method: str, *params: Any) -> Any:
        if user not in self._sessions:
            login = self._post("common.db.login", [user, {"password": password}, "en"])
            session = f"{user}:{login[0]}:{login[1]}".encode()
            self._sessions[user] = f"Session {b64encode(session).decode()}"
        return self._post(f"model.{method}", [*params, {}], self._sessions[user])

    def _post(self, method: str, params: list[Any], session: str = "") -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": session} if session else {}
        request = urllib.request.Request(f"{self.url}/tryton/rpc/", body, headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "error" not in answer, answer["error"][0]
        return answer["result"]

    # What people see

    def parties(self, code: str = "") -> dict[str, dict[str, Any]]:
        """Give parties by their code, as a person finds them: what hangs on them by its names."""
        every = [["active", "in", [True, False]]]
        which = [*every, ["code", "=", code]] if code else every
        parties = self.rows("party.party", which, "code", "name", "categories")
        numbers = [row["id"] for row in parties]
        categories = self._named("party.category", "rec_name")
        hanging = [["party", "in", numbers], *every]
        mechanisms = self.rows("party.contact_mechanism", hanging, "party", "type", "value")
        resources = [["resource", "in", [f"party.party,{number}" for number in numbers]]]
        notes = self.rows("ir.note", resources, "resource", "message")
        found = {
            row["id"]: {
                "id": row["id"],
                "code": row["code"],
                "name": row["name"],
                "mechanisms": [],
                "categories": sorted(categories[one] for one in row["categories"]),
                "notes": [],
            }
            for row in parties
        }
        for one in mechanisms:
            found[one["party"]]["mechanisms"].append((one["type"], one["value"]))
        for one in notes:
            found[int(one["resource"].partition(",")[2])]["notes"].append(one["message"])
        assert len({one["code"] for one in found.values()}) == len(found)
        return {one["code"]: one for one in found.values()}

    def categories(self) -> list[str]:
        return sorted(self._named("party.category", "rec_name").values())

    def subscriptions(self) -> dict[str, bool]:
        every = [["active", "in", [True, False]]]
        rows = self.rows("marketing.email", every, "email", "active")
        return {row["email"]: bool(row["active"]) for row in rows}  # SQLite has 0 and 1

    def rows(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.admin(
            f"{model}.search_read", domain, 0, None, None, list(fields)
        )
        return rows

    def _named(self, model: str, name: str) -> dict[int, str]:
        return {row["id"]: row[name] for row in self.rows(model, [], name)}

    @cached_property
    def news(self) -> int:
        (row,) = self.rows("marketing.email.list", [["name", "=", NEWS]], "name")
        number: int = row["id"]
        return number

    def subscribe(self, *emails: str) -> None:
        values = [{"email": email, "list_": self.news} for email in emails]
        self.admin("marketing.email.create", values)

    def clear(self) -> None:
        """Forget everybody, and every category."""
        every = [["active", "in", [True, False]]]
        for model in ("ir.note", "party.party", "marketing.email", "party.category"):
            domain = [] if model == "ir.note" else every
            numbers = [row["id"] for row in self.rows(model, domain, "id")]
            self.admin(f"{model}.delete", sorted(numbers, reverse=True))


@contextmanager
def tryton_server(folder: Path) -> Iterator[TrytonServer]:
    """Start one with nobody in it; the database is a copy of one that was set up once."""
    copyfile(_template(), folder / "tryton.sqlite")
    server = TrytonServer(folder)
    server.child.start()
    try:
        yield server
    finally:
        server.child.stop()


def _template() -> Path:
    place = environment("tryton", "test")
    name = fingerprint(HERE / "tryton.txt", Path(__file__))
    template = place / f"template-{name}.sqlite"
    with alone(place):
        if not template.exists():
            draft = place / "draft"
            draft.mkdir(exist_ok=True)
            _set_up(draft)
            with closing(sqlite3.connect(draft / "tryton.sqlite")) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (draft / "tryton.sqlite").replace(template)
    return template


def _set_up(folder: Path) -> None:
    """Make a database, a user of Askfirst's own with the groups it needs, and a mailing list."""
    (folder / "tryton.sqlite").write_bytes(b"")
    server = TrytonServer(folder)
    (folder / "password").write_text(ADMIN)
    subprocess.run(
        [
            *(server.bin / "trytond-admin", "-c", server.config, "-d", "tryton"),
            *("--all", "--email", "admin@example.com", "--activate-dependencies"),
            *("-u", "party", "marketing_email"),
        ],
        check=True,
        env=os.environ | {"TRYTONPASSFILE": str(folder / "password")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server.child.start()
    try:
        groups = server.rows("res.group", [], "name")
        needed = ("Party Administration", "Marketing")
        numbers = [one["id"] for one in groups if one["name"] in needed]
        assert len(numbers) == len(needed), groups
        user = {"name": "Askfirst", "login": USER, "password": PASSWORD}
        server.admin("res.user.create", [user | {"groups": [["add", numbers]]}])
        server.admin("marketing.email.list.create", [{"name": NEWS}])
    finally:
        server.child.stop()
