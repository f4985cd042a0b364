from datetime import timedelta

import pytest

from preferences.conversation import About
from preferences.errors import NotFoundError
from preferences.profile import Answer, ConsentEvent, Profile, SuppressionEntry
from preferences.store.engine import Store
from preferences.store.profiles import read_profile, read_profiles
from tests.preferences.store.seeds import (
    DRESS,
    NOTICE_SHA256,
    OPTIONS,
    START,
    add_answer,
    add_consent,
    add_identity,
    add_shopper,
    add_shopper_who_answered,
    add_suppression,
)


async def test_a_profile_holds_everything_that_the_ledgers_say(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "s-1")
        await add_suppression(session, "s-1")

    assert await read_profile(store, "s-1") == Profile(
        shopper="s-1",
        identities={"shopify": "number-s-1"},
        answers=(
            Answer(
                id="answer-s-1-1",
                question="gift_or_self",
                version=1,
                value="gift",
                detail={"relation": "sister"},
                subject="self",
                kind="declared",
                source="shopper",
                about=About(**DRESS),
                wording="A gift, or for you?",
                options=tuple(OPTIONS),
                locale="en",
                channel="web",
                own_words="it's for my sister",
                confidence=0.9,
                purpose="tailor_suggestions",
                consent="consent-s-1-1",
                asked_at=START + timedelta(minutes=1),
                answered_at=START + timedelta(minutes=1, seconds=30),
            ),
        ),
        consents={
            "tailor_suggestions": ConsentEvent(
                id="consent-s-1-1",
                seq=1,
                purpose="tailor_suggestions",
                state="given",
                method="button",
                notice_version=1,
                notice_sha256=NOTICE_SHA256,
                locale="en",
                channel="web",
                occurred_at=START + timedelta(minutes=1),
                shopper="s-1",
            )
        },
        suppressions=(SuppressionEntry("all", "", "shopper", "shopper_said_stop", START),),
        erased=False,
    )


async def test_a_withdrawal_hides_what_was_said(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "s-1")
        await add_consent(session, "s-1", 2, "withdrawn")

    held = await read_profile(store, "s-1")

    assert held.answers == ()
    assert held.consents["tailor_suggestions"].state == "withdrawn"


async def test_an_answer_about_no_purchase_is_read_as_such(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper(session, "s-1")
        await add_consent(session, "s-1", 1, "given")
        await add_answer(session, "s-1", about=None)

    assert (await read_profile(store, "s-1")).answers[0].about is None


async def test_an_identity_counts_until_it_is_unlinked_and_the_last_of_a_kind_wins(
    store: Store,
) -> None:
    async with store.begin() as session:
        await add_shopper(session, "s-1")
        for value, days, unlinked_at in (("new", 2, None), ("gone", 3, START), ("old", -1, None)):
            await add_identity(
                session,
                "s-1",
                "shopify",
                value,
                linked_at=START + timedelta(days=days),
                unlinked_at=unlinked_at,
            )

    assert (await read_profile(store, "s-1")).identities == {"shopify": "new"}


async def test_suppressions_that_are_over_are_not_told(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper(session, "s-1")
        await add_suppression(session, "s-1", "lifted", lifted_at=START)
        await add_suppression(session, "s-1", "expired", expires_at=START - timedelta(days=9))

    assert (await read_profile(store, "s-1")).suppressions == ()


async def test_nobody_is_read_for_another(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, "s-1")
        await add_shopper(session, "s-2")

    profiles = await read_profiles(store, ["s-1", "s-2", "s-3"])

    assert set(profiles) == {"s-1", "s-2"}
    assert len(profiles["s-1"].answers) == 1
    assert profiles["s-2"].answers == ()
    assert profiles["s-2"].identities == {"shopify": "number-s-2"}


async def test_a_shopper_who_does_not_exist_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no shopper of that id"):
        await read_profile(store, "s-1")
