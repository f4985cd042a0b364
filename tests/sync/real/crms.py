"""The real CRMs as the tests of this folder see them: what people of the shop find in them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.sync.real.bottlecrm import BottleServer, bottlecrm_server
from tests.sync.real.servers import Child
from tests.sync.real.tryton import NEWS, PASSWORD, USER, TrytonServer, tryton_server

ANSWER = "ask_last_purchase_for"
CONSENT = "ask_may_tailor_suggestions"


@dataclass(frozen=True)
class Card:
    """What a CRM shows of somebody."""

    email: str = ""
    answer: str = ""
    consent: str = ""
    stopped: bool = False


class Crm(Protocol):
    """One of them."""

    name: str
    child: Child

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of its connector."""

    def cards(self) -> dict[str, Card]:
        """Give what it shows, by our id; exactly one of each."""

    def count(self) -> int:
        """Count all records, whoever they are."""

    def leaves_by_itself(self, shopper: str, email: str) -> str:
        """Have somebody leave in the CRM, and give the channel."""

    def knows(self, shopper: str, answer: str) -> None:
        """Have a person of the shop write down what matters to somebody."""

    def lose_a_field(self, shopper: str) -> None:
        """Have a person of the shop destroy what was told of somebody."""


class TrytonCrm:
    name = "tryton"

    def __init__(self, server: TrytonServer) -> None:
        self.server, self.child = server, server.child

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "TRYTON_URL": self.server.url,
            "TRYTON_DATABASE": "tryton",
            "TRYTON_USER": USER,
            "TRYTON_PASSWORD": PASSWORD,
            "TRYTON_LIST": NEWS,
        }

    def cards(self) -> dict[str, Card]:
        found = {}
        for shopper, party in self.server.parties().items():
            (note,) = party["notes"] or [""]
            lines = dict(line.partition(": ")[::2] for line in note.split("\n")[1:])
            found[shopper] = Card(
                dict(party["mechanisms"]).get("email", ""),
                lines.get(ANSWER, ""),
                lines.get(CONSENT, ""),
                "Askfirst / Leave alone" in party["categories"],
            )
        return found

    def count(self) -> int:
        count: int = self.server.admin("party.party.search_count", [])
        return count

    def leaves_by_itself(self, shopper: str, email: str) -> str:
        del shopper
        self.server.subscribe(email)
        (row,) = self.server.rows("marketing.email", [["email", "=", email]], "email")
        self.server.admin("marketing.email.write", [row["id"]], {"active": False})
        return "email"

    def knows(self, shopper: str, answer: str) -> None:
        (row,) = self.server.rows("party.party", [["code", "=", shopper]], "code")
        path = f"Askfirst / Matters most / {answer}"
        (category,) = self.server.rows("party.category", [["rec_name", "=", path]], "name")
        values = {"categories": [["add", [category["id"]]]]}
        self.server.admin("party.party.write", [row["id"]], values)

    def lose(self, shopper: str) -> None:
        """Have a person of the shop delete our note."""
        resource = f"party.party,{self.server.parties(shopper)[shopper]['id']}"
        (note,) = self.server.rows("ir.note", [["resource", "=", resource]], "message")
        self.server.admin("ir.note.delete", [note["id"]])


class BottleCrm:
    name = "bottlecrm"

    def __init__(self, server: BottleServer) -> None:
        self.server, self.child = server, server.child

    @property
    def settings(self) -> Mapping[str, str]:
        return {"BOTTLECRM_URL": self.server.url, "BOTTLECRM_TOKEN": self.server.token}

    def cards(self) -> dict[str, Card]:
        rows = self.server.contacts()
        found = {row["custom_fields"]["shopper_id"]: row for row in rows}
        assert len(found) == len(rows)
        return {shopper: _card(row) for shopper, row in found.items()}

    def count(self) -> int:
        count: int = self.server.call("GET", "/contacts/?limit=1")["count"]
        return count

    def leaves_by_itself(self, shopper: str, email: str) -> str:
        del email
        (row,) = self.server.contacts(shopper)
        self.server.call("PATCH", f"/contacts/{row['id']}/", {"do_not_call": True})
        return "phone"

    def knows(self, shopper: str, answer: str) -> None:
        (row,) = self.server.contacts(shopper)
        body = {"custom_fields": {"what_matters": answer}}
        self.server.call("PATCH", f"/contacts/{row['id']}/", body)

    def switch_off(self, key: str) -> None:
        """Have a person of the shop switch a custom field off."""
        rows = self.server.call("GET", "/custom-fields/?target_model=Contact")["definitions"]
        (number,) = [row["id"] for row in rows if row["key"] == key]
        self.server.call("DELETE", f"/custom-fields/{number}/")


def _card(row: Mapping[str, object]) -> Card:
    custom = row["custom_fields"]
    assert isinstance(custom, dict)
    return Card(
        str(row["email"] or ""),
        custom.get(ANSWER, ""),
        custom.get(CONSENT, ""),
        custom.get("ask_leave_alone", False) and bool(row["do_not_call"]),
    )


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Crm]:
    """Start one of them, with nobody in it."""
    if name == "tryton":
        with tryton_server(folder) as tryton:
            yield TrytonCrm(tryton)
    else:
        with bottlecrm_server(folder) as bottle:
            yield BottleCrm(bottle)
