from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from preferences.conversation import About
from preferences.profile import (
    Answer,
    ConsentEvent,
    Ledgers,
    Profile,
    SuppressionEntry,
    as_json,
    fold,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DRESS = About(purchase="order-1", sku="D-1", product="Summer dress")
ANSWER = Answer(
    question="gift_or_self",
    version=1,
    value="gift",
    detail={"relation": "sister"},
    subject="self",
    kind="declared",
    about=DRESS,
    wording="Is “Summer dress” a gift, or for you?",
    options=(
        {"label": "A gift", "value": "gift", "act": None},
        {"label": "For me", "value": "self", "act": None},
    ),
    locale="en",
    channel="web",
    own_words="it's for my sister",
    confidence=0.93,
    purpose="tailor_suggestions",
    consent="event-1",
    asked_at=NOW - timedelta(minutes=2),
    answered_at=NOW - timedelta(minutes=1),
)
GIVEN = ConsentEvent(
    id="event-1",
    seq=1,
    purpose="tailor_suggestions",
    state="given",
    method="button",
    notice_version=1,
    notice_sha256="abc",
    locale="en",
    channel="web",
    occurred_at=NOW - timedelta(minutes=3),
)
LEFT_ALONE = SuppressionEntry("all", "", "shopper", "shopper_said_stop", since=NOW)


def profile(**ledgers: object) -> Profile:
    return fold("s-1", Ledgers(**({"answers": [ANSWER], "consents": [GIVEN]} | ledgers)), NOW)


def test_an_answer_under_a_permission_in_force_is_visible() -> None:
    assert profile().answers == (ANSWER,)


@pytest.mark.parametrize("state", ["withdrawn", "refused"])
def test_what_is_not_permitted_now_is_hidden_but_the_decision_is_shown(state: str) -> None:
    later = replace(GIVEN, id="event-2", seq=2, state=state)

    held = profile(consents=[later, GIVEN])

    assert held.answers == ()
    assert held.consents == {"tailor_suggestions": later}


def test_an_answer_without_any_consent_event_is_hidden() -> None:
    assert profile(consents=[]).answers == ()


def test_consents_follow_their_number_and_not_the_clock() -> None:
    withdrawn = replace(
        GIVEN, seq=2, state="withdrawn", occurred_at=GIVEN.occurred_at - timedelta(days=1)
    )

    assert profile(consents=[GIVEN, withdrawn]).answers == ()


def test_a_permission_covers_its_own_purpose_only() -> None:
    other = replace(GIVEN, seq=2, purpose="send_news", state="withdrawn")

    held = profile(consents=[GIVEN, other])

    assert held.answers == (ANSWER,)
    assert set(held.consents) == {"tailor_suggestions", "send_news"}


def test_the_newest_answer_about_one_article_supersedes() -> None:
    corrected = replace(ANSWER, value="self", answered_at=NOW)

    assert profile(answers=[corrected, ANSWER]).answers == (corrected,)


def test_answers_about_other_articles_stand_side_by_side_newest_first() -> None:
    shoes = replace(ANSWER, about=replace(DRESS, sku="S-1"), value="self", answered_at=NOW)
    general = replace(ANSWER, about=None, answered_at=NOW - timedelta(days=1))

    assert profile(answers=[general, ANSWER, shoes]).answers == (shoes, ANSWER, general)


def test_the_label_is_the_button_and_none_where_there_was_none() -> None:
    assert ANSWER.label == "A gift"
    assert replace(ANSWER, value="gift,self").label == "A gift, For me"
    assert replace(ANSWER, value="unknown").label is None


def test_what_is_not_wanted_stands_beside_what_is_until_that_very_thing_is_wanted() -> None:
    email = replace(ANSWER, question="channel", value="email", detail={"polarity": "wants"})
    no_sms = replace(email, value="sms", detail={"polarity": "does_not_want"}, answered_at=NOW)
    sms = replace(email, value="sms", answered_at=NOW + timedelta(hours=1))

    assert profile(answers=[no_sms, email]).answers == (no_sms, email)
    assert profile(answers=[sms, no_sms, email]).answers == (sms,)


def test_wishes_for_several_purposes_stand_side_by_side() -> None:
    orders = replace(ANSWER, question="channel", value="sms", detail={"purpose": "orders"})
    offers = replace(orders, value="email", detail={"purpose": "offers"}, answered_at=NOW)

    assert profile(answers=[orders, offers]).answers == (offers, orders)


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        ({}, True),
        ({"until": NOW + timedelta(seconds=1)}, True),
        ({"until": NOW}, False),
        ({"lifted_at": NOW - timedelta(days=1)}, False),
    ],
)
def test_a_suppression_counts_until_it_ends_or_is_lifted(
    change: dict[str, datetime], *, stands: bool
) -> None:
    entry = replace(LEFT_ALONE, **change)

    assert profile(suppressions=[entry]).suppressions == ((entry,) if stands else ())


def test_of_an_erased_shopper_nothing_is_left_but_the_suppression() -> None:
    erased = replace(LEFT_ALONE, reason="shopper_erased")

    held = profile(identities=[("shopify", "42")], suppressions=[LEFT_ALONE, erased])

    assert held == Profile("s-1", {}, (), {}, (erased,), erased=True)


def test_who_lets_the_assistant_ask_again_is_a_shopper_like_any_other() -> None:
    erased = replace(LEFT_ALONE, reason="shopper_erased", lifted_at=NOW)

    held = profile(suppressions=[erased])

    assert not held.erased
    assert held.answers == (ANSWER,)


def test_the_json_carries_the_proof_of_every_answer() -> None:
    entry = replace(LEFT_ALONE, until=NOW + timedelta(days=90))

    held = as_json(profile(identities=[("shopify", "42")], suppressions=[LEFT_ALONE, entry]))

    assert held == {
        "shopper": "s-1",
        "identities": {"shopify": "42"},
        "preferences": [
            {
                "question": "gift_or_self",
                "version": 1,
                "value": "gift",
                "label": "A gift",
                "detail": {"relation": "sister"},
                "subject": "self",
                "kind": "declared",
                "about": {"purchase": "order-1", "sku": "D-1", "product": "Summer dress"},
                "wording": "Is “Summer dress” a gift, or for you?",
                "options": [
                    {"label": "A gift", "value": "gift", "act": None},
                    {"label": "For me", "value": "self", "act": None},
                ],
                "locale": "en",
                "channel": "web",
                "own_words": "it's for my sister",
                "confidence": 0.93,
                "purpose": "tailor_suggestions",
                "consent": "event-1",
                "asked_at": "2026-11-22T11:58:00Z",
                "answered_at": "2026-11-22T11:59:00Z",
            }
        ],
        "consents": {
            "tailor_suggestions": {
                "state": "given",
                "event": "event-1",
                "method": "button",
                "notice_version": 1,
                "notice_sha256": "abc",
                "locale": "en",
                "channel": "web",
                "at": "2026-11-22T11:57:00Z",
            }
        },
        "suppressions": [
            {
                "scope": "all",
                "target": "",
                "source": "shopper",
                "reason": "shopper_said_stop",
                "since": "2026-11-22T12:00:00Z",
                "until": None,
            },
            {
                "scope": "all",
                "target": "",
                "source": "shopper",
                "reason": "shopper_said_stop",
                "since": "2026-11-22T12:00:00Z",
                "until": "2027-02-20T12:00:00Z",
            },
        ],
        "erased": False,
    }


def test_the_json_says_nothing_of_a_purchase_where_there_is_none() -> None:
    assert (
        as_json(profile(answers=[replace(ANSWER, about=None)]))["preferences"][0]["about"] is None
    )


def test_times_are_told_in_utc_whatever_zone_they_came_in() -> None:
    berlin = replace(ANSWER, answered_at=NOW.astimezone(timezone(timedelta(hours=1))))

    told = as_json(profile(answers=[berlin]))["preferences"][0]

    assert told["answered_at"] == "2026-11-22T12:00:00Z"
