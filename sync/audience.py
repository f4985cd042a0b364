"""Who may be written to, or shown advertising, for a purpose: one row each, for another tool's file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preferences.catalogue import Catalogue
from preferences.errors import BadInputError
from preferences.profile import as_json
from preferences.store.engine import Store
from preferences.store.everyone import every_profile
from sync.fields import values_of
from sync.mapping import CrmMapping
from sync.marketing import permissions
from sync.paths import Known

_CHANNELS = {"email": "email", "phone": "sms"}  # what a name of a kind lets people be reached on


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer that whoever is meant gave."""

    question: str
    value: str

    @classmethod
    def of(cls, words: str, catalogue: Catalogue) -> "Choice":
        """Read `QUESTION=VALUE`.

        :raises BadInputError: there is no such answer, or nobody is chosen by it.
        """
        name, _, value = words.partition("=")
        question = catalogue.questions.get(name)
        if question is None or not question.holds(value):
            message = (
                f"{words} is no answer of the catalogue; write QUESTION=VALUE with both from it."
            )
            raise BadInputError(message)
        if question.sensitivity == "delicate":
            message = f"{name} is a delicate question: nobody is chosen by what they said to it."
            raise BadInputError(message)
        return cls(name, value)

    def holds(self, known: Known) -> bool:
        """Tell whether somebody said so themselves, and it may be used today: a shop's fact is no word."""
        kind, said = (known.find(("answers", self.question, what)) for what in ("kind", "value"))
        return kind == "declared" and self.value in said.split(",")


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who permitted a purpose, can be reached, and said every one of some things.

    The page says which columns a row has.
    """

    page: CrmMapping
    purpose: str
    choices: Sequence[Choice] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of the file; the shopper's id is one where the page has a key."""
        return [*filter(None, [self.page.key]), *self.page.by_field]

    async def rows(self, store: Store) -> AsyncIterator[dict[str, Any]]:
        """Give a row for each who is meant, a few in memory at a time."""
        async for batch in every_profile(store):
            for profile in batch:
                if (row := self.row(as_json(profile))) is not None:
                    yield row

    def row(self, profile: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the row of somebody, None where they are not meant.

        A name is in it only where they may be reached by it.
        """
        known = Known.of(profile)
        if not all(choice.holds(known) for choice in self.choices):
            return None
        reached = self._reached(known)
        values, names = values_of(self.page, profile), 0
        for field in [*values]:
            match self.page.by_field[field].path:
                case ("identities", kind) if kind in reached:
                    names += 1
                case ("identities", kind) if kind in _CHANNELS:
                    del values[field]
        if not names:
            return None
        return ({self.page.key: profile["shopper"]} if self.page.key else {}) | values

    def _reached(self, known: Known) -> set[str]:
        """Give the kinds of names that advertising may go to; a pause counts while it lasts."""
        permitted = permissions(known.profile, self.purpose)
        return {
            kind
            for kind, channel in _CHANNELS.items()
            if channel in permitted
            and permitted[channel].word == "subscribe"
            and not known.find(("suppressions", "channel", channel))
        }
