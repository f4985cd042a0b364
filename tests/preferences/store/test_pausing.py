from typing import Any

import pytest

from preferences.choosing.pausing import Reception, has_to_pause
from preferences.errors import NotFoundError
from preferences.policy import PausingPolicy
from preferences.store.ids import new_id
from preferences.store.pausing import ask_again, pause_burdens
from preferences.store.tables import AskRow, ConversationRow, PausedQuestionRow, SuppressionRow
from tests.preferences.scenes import DAY, MINUTE, NOW, PURPOSE
from tests.preferences.store.shop import Shop

LIMITS = PausingPolicy(least_asks=4, most_declined=0.5, most_opted_out=0.25, most_annoyed=0.5)


@pytest.mark.parametrize(
    ("asks", "declined", "opted_out", "why"),
    [
        (3, 3, 3, None),  # too few to say anything
        (4, 2, 1, None),
        (4, 3, 0, "declined"),
        (4, 0, 2, "opted_out"),
        (4, 3, 2, "opted_out"),
    ],
)
def test_a_question_pauses_over_a_limit(
    asks: int, declined: int, opted_out: int, why: str | None
) -> None:
    assert has_to_pause(Reception("motive", asks, declined, opted_out), LIMITS) == why


async def asked(shop: Shop, *outcomes: str, **changes: Any) -> None:
    talk = await shop.meets(new_id())
    async with shop.store.begin() as session:
        row = await session.get_one(ConversationRow, talk.id)
        for outcome in outcomes:
            page = {
                "id": new_id(),
                "shopper_id": row.shopper_id,
                "conversation_id": row.id,
                "question_id": "motive",
                "question_version": 1,
                "kind": "question",
                "purpose": PURPOSE,
                "wording": "Why?",
                "options": [],
                "locale": "en",
                "channel": "web",
                "asked_at": NOW - DAY,
                "closed_at": NOW - DAY + MINUTE,
                "outcome": outcome,
            }
            session.add(AskRow(**page | changes))
            if outcome == "withdrawn":
                session.add(
                    SuppressionRow(
                        id=new_id(),
                        shopper_id=row.shopper_id,
                        scope="all",
                        target="",
                        source="shopper",
                        reason="shopper_said_stop",
                        created_at=NOW - DAY + MINUTE,
                    )
                )


async def test_what_is_declined_too_often_pauses_once_until_its_owner_lets_it_go_on(
    shop: Shop,
) -> None:
    await asked(shop, "declined", "declined", "declined", "answered")
    await asked(shop, "answered", "answered", "answered", "answered", question_id="wishes")

    first = await pause_burdens(shop.store, LIMITS, NOW)
    again = await pause_burdens(shop.store, LIMITS, NOW)

    assert (first, again) == ([Reception("motive", 4, 3, 0)], [])
    (row,) = await shop.rows(PausedQuestionRow)
    assert (row.question_id, row.why, row.asks, row.paused_at) == ("motive", "declined", 4, NOW)
    await ask_again(shop.store, "motive", NOW)
    assert await pause_burdens(shop.store, LIMITS, NOW) == []  # what was before counts no more
    for name in ("motive", "never paused"):
        with pytest.raises(NotFoundError):
            await ask_again(shop.store, name, NOW)
    shop.waits(2 * DAY)
    await asked(shop, *["declined"] * 4, asked_at=shop.now, closed_at=shop.now)
    assert await pause_burdens(shop.store, LIMITS, shop.now) == [Reception("motive", 4, 4, 0)]


async def test_a_question_in_which_people_stop_everything_pauses(shop: Shop) -> None:
    for outcomes in (("withdrawn",), ("withdrawn",), ("answered", "answered")):
        await asked(shop, *outcomes)

    assert await pause_burdens(shop.store, LIMITS, NOW) == [Reception("motive", 4, 0, 2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "consent"},
        {"asked_at": NOW - 91 * DAY},
        {"begun_by": "the first one"},
        {"closed_at": None, "outcome": None},
    ],
)
async def test_what_is_no_question_of_late_that_ended_does_not_count(
    shop: Shop, changes: dict[str, Any]
) -> None:
    await asked(shop, *["declined"] * 4, **changes)

    assert await pause_burdens(shop.store, LIMITS, NOW) == []


async def test_what_was_dismissed_counts_though_nobody_came_back_to_it(shop: Shop) -> None:
    await asked(shop, *["answered"] * 2)
    await asked(shop, *["ignored"] * 3, closed_at=None, outcome=None, annoyed="dismissed")

    [paused] = await pause_burdens(shop.store, LIMITS, NOW)

    assert (paused.asks, paused.annoyed) == (5, 3)
    [row] = await shop.rows(PausedQuestionRow)
    assert row.why == "annoyed"


async def test_what_was_answered_after_all_annoyed_nobody(shop: Shop) -> None:
    await asked(shop, *["answered"] * 4, annoyed="dismissed")

    assert await pause_burdens(shop.store, LIMITS, NOW) == []
