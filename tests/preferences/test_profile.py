from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from preferences.conversation import About, ConsentState
from preferences.profile import (
    Answer,
    Conflict,
    ConsentEvent,
    Ledgers,
    Profile,
    SuppressionEntry,
    as_json,
    fold,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRESS = About(purchase="order-1", sku="D-1", product="Summer dress")
ANSWER = Answer(
    id="answer-1",
    question="gift_or_self",
    version=1,
    value="gift",
    detail={"relation": "sister"},
    subject="self",
    kind="declared",
    source="shopper",
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


def test_what_is_wanted_no_more_is_not_wanted_and_wanted_at_once() -> None:
    email = replace(ANSWER, question="channel", value="email", detail={"polarity": "wants"})
    no_email = replace(email, detail={"polarity": "does_not_want"}, answered_at=NOW)

    assert profile(answers=[no_email, email]).answers == (no_email,)


# What the shop knows otherwise

KNOWN = replace(
    ANSWER, id="known-1", kind="imported", source="crm", consent=None, value="self", answered_at=NOW
)


@pytest.mark.parametrize("kind", ["imported", "observed", "inferred"])
@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=2)])
def test_what_the_shopper_said_wins_and_the_contradiction_is_shown(
    kind: str, age: timedelta
) -> None:
    known = replace(KNOWN, kind=kind, answered_at=NOW - age)

    held = profile(answers=[known, ANSWER])

    assert held.answers == (ANSWER,)
    assert held.conflicts == (Conflict(known, "answer-1"),)


def test_what_the_shop_knows_fills_what_nobody_said() -> None:
    older = replace(KNOWN, id="known-2", source="till", value="gift", answered_at=NOW - 9 * HOUR)
    same = replace(older, id="known-3", source="web", value="self")

    held = profile(answers=[older, KNOWN, same])

    assert held.answers == (KNOWN,)
    assert held.conflicts == (Conflict(older, "known-1"),)


def test_a_source_that_corrects_itself_contradicts_nobody() -> None:
    before = replace(KNOWN, id="known-0", value="gift", answered_at=NOW - HOUR)

    assert profile(answers=[before, KNOWN]).conflicts == ()


def test_who_says_the_same_as_the_shopper_is_no_news() -> None:
    held = profile(answers=[replace(KNOWN, value="gift"), ANSWER])

    assert (held.answers, held.conflicts) == ((ANSWER,), ())


def test_a_wish_not_to_be_offered_something_wins_over_whoever_says_they_want_it() -> None:
    no_sms = replace(ANSWER, value="sms", detail={"polarity": "does_not_want"})
    sms = replace(KNOWN, value="sms", detail={})
    no_mail = replace(KNOWN, id="known-2", value="mail", detail={"polarity": "does_not_want"})

    held = profile(answers=[no_sms, sms, no_mail])

    assert held.answers == (no_mail, no_sms)
    assert held.conflicts == (Conflict(sms, no_sms.id),)


def test_what_the_shop_knows_needs_a_permission_in_force_as_well() -> None:
    withdrawn = replace(GIVEN, id="event-2", seq=2, state="withdrawn", occurred_at=NOW)
    anew = replace(GIVEN, id="event-3", seq=3, occurred_at=NOW + HOUR)
    later = replace(KNOWN, id="known-2", answered_at=NOW + 2 * HOUR)

    assert profile(answers=[KNOWN], consents=[]).answers == ()
    assert profile(answers=[KNOWN], consents=[GIVEN, withdrawn]).answers == ()
    held = profile(answers=[KNOWN, replace(later, about=None)], consents=[GIVEN, withdrawn, anew])
    assert [answer.id for answer in held.answers] == ["known-2"]


def test_what_was_brought_along_under_an_event_stands_and_falls_with_it() -> None:
    known = replace(KNOWN, consent="event-1")
    withdrawn = replace(GIVEN, id="event-2", seq=2, state="withdrawn")
    anew = replace(GIVEN, id="event-3", seq=3)

    assert profile(answers=[known]).answers == (known,)
    assert profile(answers=[known], consents=[GIVEN, withdrawn, anew]).answers == ()


# What grows old


def test_an_answer_is_relied_on_until_its_time_is_over() -> None:
    fresh = replace(ANSWER, fresh_until=NOW + HOUR)
    old = replace(ANSWER, fresh_until=NOW)

    assert (profile(answers=[fresh]).answers, profile(answers=[fresh]).expired) == ((fresh,), ())
    assert (profile(answers=[old]).answers, profile(answers=[old]).expired) == ((), (old,))


def test_an_older_answer_does_not_come_back_when_its_successor_grows_old() -> None:
    first = replace(ANSWER, id="answer-0", answered_at=NOW - 9 * HOUR, fresh_until=None)
    old = replace(ANSWER, value="self", fresh_until=NOW)

    held = profile(answers=[first, old])

    assert (held.answers, held.expired) == ((), (old,))


def test_what_the_shop_knows_takes_the_place_of_an_answer_that_grew_old() -> None:
    old = replace(ANSWER, fresh_until=NOW)

    held = profile(answers=[old, KNOWN])

    assert (held.answers, held.expired, held.conflicts) == ((KNOWN,), (old,), ())


def test_of_what_the_shop_knew_only_the_newest_is_told_as_old_and_only_where_nobody_said_more() -> (
    None
):
    old = replace(KNOWN, fresh_until=NOW)
    older = replace(old, id="known-2", source="till", answered_at=NOW - HOUR)

    assert profile(answers=[old, older]).expired == (old,)
    assert profile(answers=[old, older, ANSWER]).expired == ()


# Permissions that end, and people of several shoppers


def test_a_permission_ends_when_its_time_is_over_and_is_told_as_expired() -> None:
    over = replace(GIVEN, valid_until=NOW)
    lasts = replace(GIVEN, valid_until=NOW + HOUR)

    assert profile(consents=[lasts]).answers == (ANSWER,)
    held = profile(consents=[over])
    assert held.answers == ()
    assert held.consents == {"tailor_suggestions": replace(over, state="expired")}


def test_a_permission_that_is_given_again_in_time_renews_what_was_said_under_it() -> None:
    first = replace(GIVEN, valid_until=NOW - timedelta(seconds=1))
    renewed = replace(GIVEN, id="event-2", seq=2, occurred_at=NOW - timedelta(minutes=2))
    too_late = replace(renewed, occurred_at=NOW)

    assert profile(consents=[first, renewed]).answers == (ANSWER,)
    assert profile(consents=[first, too_late]).answers == ()


def test_what_the_shop_knew_while_nothing_was_permitted_stays_away() -> None:
    ended = replace(GIVEN, valid_until=NOW + HOUR)
    anew = replace(GIVEN, id="event-2", seq=2, occurred_at=NOW + 2 * HOUR)
    moment = NOW + 3 * HOUR

    held = fold("s-1", Ledgers(answers=[KNOWN], consents=[ended, anew]), moment)

    assert held.answers == ()


@pytest.mark.parametrize("state", ["expired", "objected"])
def test_expiry_and_objection_take_a_permission_back_too(state: ConsentState) -> None:
    later = replace(GIVEN, id="event-2", seq=2, state=state)

    held = profile(consents=[GIVEN, later])

    assert held.answers == ()
    assert held.consents == {"tailor_suggestions": later}


def test_being_asked_changes_nothing() -> None:
    asked = replace(GIVEN, id="event-2", seq=2, state="requested")

    assert profile(consents=[GIVEN, asked]) == profile()
    assert profile(consents=[asked]).consents == {}


def test_of_two_shoppers_who_are_one_the_last_word_counts_and_at_one_moment_the_no() -> None:
    one, other = replace(GIVEN, shopper="s-1"), replace(GIVEN, id="event-2", shopper="s-2")
    no = replace(other, state="withdrawn")
    earlier = replace(no, occurred_at=GIVEN.occurred_at - HOUR)

    assert profile(consents=[one, no]).answers == ()
    assert profile(consents=[no, one]).answers == ()
    assert profile(consents=[one, earlier]).answers == (ANSWER,)
    assert profile(consents=[one, other]).answers == (ANSWER,)


@pytest.mark.parametrize("state", ["given", "objected"])
def test_an_end_noted_in_one_chain_does_not_hide_a_newer_word_in_another(
    state: ConsentState,
) -> None:
    over = replace(GIVEN, shopper="s-1", valid_until=NOW - timedelta(minutes=2))
    noted = replace(over, id="event-2", seq=2, state="expired", occurred_at=NOW)
    said = replace(
        GIVEN, id="event-3", shopper="s-2", state=state, occurred_at=NOW - timedelta(seconds=90)
    )

    held = profile(consents=[over, said, noted])

    assert held.consents == {"tailor_suggestions": said}
    assert profile(consents=[over, noted]).consents["tailor_suggestions"].state == "expired"


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
                "id": "answer-1",
                "question": "gift_or_self",
                "version": 1,
                "value": "gift",
                "label": "A gift",
                "detail": {"relation": "sister"},
                "subject": "self",
                "kind": "declared",
                "source": "shopper",
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
                "fresh_until": None,
            }
        ],
        "conflicts": [],
        "expired": [],
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
                "valid_until": None,
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
        "linked_to": None,
    }


def test_the_json_tells_what_contradicts_and_what_is_old() -> None:
    old = replace(ANSWER, id="answer-0", question="size", fresh_until=NOW - HOUR)

    held = as_json(profile(answers=[ANSWER, KNOWN, old]))

    (conflict,) = held["conflicts"]
    assert (conflict["id"], conflict["kind"], conflict["source"]) == ("known-1", "imported", "crm")
    assert (conflict["against"], conflict["value"]) == ("answer-1", "self")
    assert [(one["id"], one["fresh_until"]) for one in held["expired"]] == [
        ("answer-0", "2026-11-22T11:00:00Z")
    ]


def test_the_json_says_nothing_of_a_purchase_where_there_is_none() -> None:
    assert (
        as_json(profile(answers=[replace(ANSWER, about=None)]))["preferences"][0]["about"] is None
    )


def test_times_are_told_in_utc_whatever_zone_they_came_in() -> None:
    berlin = replace(ANSWER, answered_at=NOW.astimezone(timezone(timedelta(hours=1))))

    told = as_json(profile(answers=[berlin]))["preferences"][0]

    assert told["answered_at"] == "2026-11-22T12:00:00Z"
