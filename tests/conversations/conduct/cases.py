"""Every act in every state of a conversation: how the state is reached, what is said, what follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import read_yaml
from preferences.store.ids import new_id
from preferences.store.tables import CandidateRow
from preferences.texts import LOCALES
from tests.conversations.stage import an_earlier_answer, an_earlier_talk

HERE = Path(__file__).parent
PRODUCT = "the woollen hat"


class Do(NamedTuple):
    """One thing a shopper does: `opens`, `presses` a button by its place, `says` an act, `signs_in`.

    `finds` is no doing of theirs: something becomes worth asking them.
    """

    does: str
    what: Any = None


AGREES = Do("presses", 0)
RECIPES: dict[str, tuple[Do, ...]] = {
    "new": (),
    "consent": (Do("opens"),),
    "wish": (Do("says", "answer"),),
    "question": (Do("opens"), AGREES),
    "read_back": (Do("says", "answer"), AGREES),
    "picking": (Do("opens"), AGREES, Do("presses", 0)),
    "yes_no": (Do("opens"), AGREES),
    "erase": (Do("says", "erase_data"),),
    "claim": (Do("says", "answer"), AGREES, AGREES, Do("signs_in"), Do("opens")),
    "invite": (Do("opens"),),
    "handed_off": (Do("says", "handoff"),),
    "stopped": (Do("says", "stop"),),
    "paused": (Do("says", "pause"),),
}
ASKS = {
    "consent": "gift_or_self",
    "wish": None,
    "question": "gift_or_self",
    "read_back": None,
    "picking": "matters_most",
    "yes_no": "team_orders",
    "erase": None,
    "claim": None,
    "invite": None,
}
"""The states in which something is asked, and what is worth asking for it."""
PERMITTED = frozenset({"question", "read_back", "picking", "yes_no"})
NAMED = frozenset({"claim", "invite"})
"""The states that somebody is in whom the shop knows by name."""
_LATER = (Do("opens"), Do("says", "greet"))
AFTERWARDS: dict[str, tuple[Do, ...]] = {
    "stop": _LATER,
    "handoff": _LATER,
    "complaint": _LATER,
    "sensitive_event": _LATER,
    "erase_data": (Do("says", "affirm"),),
    "out_of_scope": (Do("says", "out_of_scope"), Do("says", "out_of_scope")),
    "greet": (Do("says", "greet"),),
    "thank": (Do("says", "thank"),),
}
_LATER_QUESTION = "motivation_home"


@dataclass(frozen=True, slots=True)
class Case:
    """One act in one state, in one language, and the word for what is expected of it."""

    act: str
    state: str
    locale: str
    expected: str

    def __str__(self) -> str:
        """Name it as a test is named."""
        return f"{self.act}, {self.state}, {self.locale}: {self.expected}"

    @property
    def before(self) -> tuple[Do, ...]:
        """Give the way to the state; whoever has a name is worth asking only then, or is asked that."""
        late = self.after == _LATER and self.state in NAMED
        return (*RECIPES[self.state], *[Do("finds")] * late)

    @property
    def after(self) -> tuple[Do, ...]:
        return AFTERWARDS.get(self.act, ())

    def sentence(self, act: str) -> str:
        """Give the words for an act in the language of this case."""
        return SENTENCES[act][self.locale]

    def occasions(self, shopper: str, now: datetime) -> Iterator[CandidateRow]:
        """Give what is worth asking: for the state, and later, when nothing may be asked."""
        if question := ASKS.get(self.state):
            yield _occasion(shopper, question, now)
        if self.after == _LATER and self.state not in NAMED:
            yield _occasion(shopper, _LATER_QUESTION, now - timedelta(minutes=1))


async def arrange(session: AsyncSession, case: Case, shopper: str, now: datetime) -> None:
    """Let a shopper who answered something a month ago be worth asking what the case needs."""
    session.add(earlier := an_earlier_talk(shopper, now - timedelta(days=30)))
    await session.flush()
    session.add(an_earlier_answer(earlier))
    session.add_all(case.occasions(shopper, now))


async def find(session: AsyncSession, shopper: str, now: datetime) -> None:
    """Let something else be worth asking a shopper who is in their state already."""
    session.add(_occasion(shopper, _LATER_QUESTION, now - timedelta(minutes=1)))


def _occasion(shopper: str, question: str, now: datetime) -> CandidateRow:
    return CandidateRow(
        id=new_id(),
        shopper_id=shopper,
        question_id=question,
        about={"purchase": "order-0", "sku": "a-1", "product": PRODUCT},
        reason="purchase",
        created_at=now,
        expires_at=now + timedelta(days=1),
    )


def _table() -> dict[tuple[str, str], str]:
    lines = (HERE / "table.txt").read_text().splitlines()[2:]
    states, *rows = [line.split() for line in lines]
    return {
        (act, state): word
        for act, *words in rows
        for state, word in zip(states, words, strict=True)
    }


SENTENCES: dict[str, dict[str, str]] = read_yaml(HERE / "acts.yml")
TABLE = _table()


def cases(*, but: frozenset[str] = frozenset()) -> list[Case]:
    """Give every act in every state in every language, without the states named in `but`."""
    return [
        Case(act, state, locale, TABLE[act, state])
        for act, state, locale in product(SENTENCES, _states(but), LOCALES)
    ]


def one_in_three(*, but: frozenset[str] = frozenset()) -> list[Case]:
    """Give every act in every state once; the languages take turns in both."""
    return [
        Case(act, state, LOCALES[(row + column) % len(LOCALES)], TABLE[act, state])
        for (row, act), (column, state) in product(enumerate(SENTENCES), enumerate(_states(but)))
    ]


def _states(but: frozenset[str]) -> list[str]:
    return [state for state in RECIPES if state not in but]
