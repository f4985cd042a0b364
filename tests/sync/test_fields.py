from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from preferences.evidence import Ledgers
from preferences.profile import ERASED, Profile, SuppressionEntry, as_json, fold
from sync.fields import Before, fields_of, filled, settled, to_look_at
from tests.preferences.test_profile import ANSWER, GIVEN, LEFT_ALONE, NOW
from tests.sync.pages import mapping

QUESTION = {"from": "answers.gift_or_self.value", "to": "for_whom"}
STOP = {"from": "suppressions.all", "to": "leave_alone"}
MAIL = {"from": "identities.email", "to": "email"}
NEVER = Before()
TOLD = Before(told=True, fields=frozenset({"for_whom", "email"}))
UNSURE = Before(told=True, certain=False)

SAID = replace(ANSWER, question="gift_or_self", value="gift")
WITHDRAWN = replace(GIVEN, id="event-2", seq=2, state="withdrawn")
NAMED = [("email", "ana@shop.example")]


def body(**ledgers: Any) -> dict[str, Any]:
    held = {"answers": [SAID], "consents": [GIVEN], "identities": NAMED} | ledgers
    profile: Profile = fold("s-1", Ledgers(**held), NOW)
    return as_json(profile)


def test_an_answer_a_name_and_a_wish_go_into_their_fields(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL, STOP)

    assert fields_of(crm, body(suppressions=[LEFT_ALONE]), NEVER) == {
        "for_whom": "gift",
        "email": "ana@shop.example",
        "leave_alone": True,
    }


def test_what_is_owed_and_what_replaces_a_promotion_goes_into_its_fields(tmp_path: Path) -> None:
    crm = mapping(
        tmp_path,
        {"from": "promises.owed", "to": "owed", "transform": "semicolons"},
        {"from": "promises.points_20.kept_at", "to": "points_kept", "transform": "date"},
        {"from": "promises.points_20.value", "to": "points"},
        {"from": "referral.replaces_next_promotion_until", "to": "no_promo_until"},
    )
    promise = {"give": "points_20", "kind": "points", "value": "20", "kept_at": None}
    older = promise | {"value": "10", "kept_at": "2026-03-01T09:00:00+00:00"}
    other = promise | {"give": "free_return_shipping"}
    until = "2026-05-01T00:00:00+00:00"
    told = body() | {
        "promises": [promise, older, other],
        "referral": {"invited_at": until, "replaces_next_promotion_until": until},
    }

    owed = {"owed": "free_return_shipping;points_20", "points": "20", "no_promo_until": until}
    assert fields_of(crm, told, NEVER) == owed
    kept = told | {"promises": [older]}
    assert fields_of(crm, kept, Before(told=True, fields=frozenset(owed))) == {
        "owed": None,
        "points_kept": "2026-03-01",
        "points": "10",
        "no_promo_until": until,
    }
    assert fields_of(crm, body(), NEVER) == {}
    assert fields_of(crm, told | {"erased": True}, Before(told=True, fields=frozenset(owed))) == (
        dict.fromkeys(owed)
    )


def test_what_is_not_permitted_is_never_sent(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL | {"purpose": "contact_wishes"})

    assert fields_of(crm, body(), NEVER) == {"for_whom": "gift"}
    assert fields_of(crm, body(consents=[]), NEVER) == {}


@pytest.mark.parametrize("when_null", ["overwrite", "never", "fill_empty"])
def test_what_was_taken_back_is_emptied_whatever_the_page_says(
    tmp_path: Path, when_null: str
) -> None:
    crm = mapping(tmp_path, QUESTION | {"when_null": when_null})
    taken_back = body(consents=[GIVEN, WITHDRAWN])

    assert fields_of(crm, taken_back, TOLD) == {"for_whom": None}
    assert fields_of(crm, taken_back, UNSURE) == {"for_whom": None}
    assert fields_of(crm, taken_back, NEVER) == {}


def test_a_permission_whose_time_is_over_is_taken_back(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION)
    over = replace(GIVEN, valid_until=NOW - timedelta(days=1))

    assert fields_of(crm, body(consents=[over]), TOLD) == {"for_whom": None}


@pytest.mark.parametrize(
    ("when_null", "left"), [("overwrite", {"for_whom": None}), ("never", {}), ("fill_empty", {})]
)
def test_what_is_not_known_any_more_is_emptied_where_the_page_says_so(
    tmp_path: Path, when_null: str, left: dict[str, None]
) -> None:
    crm = mapping(tmp_path, QUESTION | {"when_null": when_null})

    assert fields_of(crm, body(answers=[]), TOLD) == left


def test_nothing_that_we_did_not_write_is_emptied(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION)

    assert fields_of(crm, body(answers=[]), Before(told=True)) == {}
    assert fields_of(crm, body(consents=[GIVEN, WITHDRAWN]), Before(told=True)) == {}


def test_of_an_erased_shopper_everything_is_emptied_that_we_wrote(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL, STOP, {"from": "erased", "to": "gone"})
    erased = SuppressionEntry("all", "", "shopper", ERASED, since=NOW)

    assert fields_of(crm, body(suppressions=[erased]), TOLD) == {
        "for_whom": None,
        "email": None,
        "gone": True,
    }


def test_of_who_was_found_to_be_another_only_that_is_left(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL, STOP, {"from": "linked_to", "to": "same_as"})

    linked = body(answers=[], consents=[], identities=[]) | {"linked_to": "s-2"}

    assert fields_of(crm, linked, TOLD) == {"for_whom": None, "email": None, "same_as": "s-2"}


def test_a_crm_is_not_told_its_own_facts(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION)
    known = replace(SAID, kind="imported", source="crm/crm", consent=None)
    other = replace(known, source="crm/another")

    assert fields_of(crm, body(answers=[known]), NEVER) == {}
    assert fields_of(crm, body(answers=[other]), NEVER) == {"for_whom": "gift"}


def test_what_is_only_pulled_is_never_written(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION | {"direction": "pull"})

    assert fields_of(crm, body(), NEVER) == {}
    assert fields_of(crm, body(consents=[GIVEN, WITHDRAWN]), UNSURE) == {}


def test_an_option_that_is_not_wanted_is_no_value(tmp_path: Path) -> None:
    unwanted = QUESTION | {"from": "answers.gift_or_self.unwanted", "to": "not_for"}
    crm = mapping(tmp_path, QUESTION, unwanted)
    no = replace(SAID, detail={"polarity": "does_not_want"})

    assert fields_of(crm, body(answers=[no]), NEVER) == {"not_for": "gift"}


def test_a_detail_the_words_and_the_time_of_an_answer_have_fields(tmp_path: Path) -> None:
    crm = mapping(
        tmp_path,
        {"from": "answers.gift_or_self.detail.relation", "to": "relation"},
        {"from": "answers.gift_or_self.own_words", "to": "words"},
        {"from": "answers.gift_or_self.answered_at", "to": "day", "transform": "date"},
        {"from": "consents.tailor_suggestions.state", "to": "may"},
        {"from": "shopper", "to": "who"},
    )
    said = replace(SAID, detail={"relation": "sister"}, own_words="for my sister")

    assert fields_of(crm, body(answers=[said]), NEVER) == {
        "relation": "sister",
        "words": "for my sister",
        "day": SAID.answered_at.date().isoformat(),
        "may": "given",
        "who": "s-1",
    }


@pytest.mark.parametrize(
    ("transform", "written"),
    [
        ("as_is", "price,A_GIFT"),
        ("semicolons", "price;A_GIFT"),
        ("list", ["price", "A_GIFT"]),
        ("upper", "PRICE,A_GIFT"),
        ("lower", "price,a_gift"),
    ],
)
def test_several_options_are_written_in_the_words_and_the_form_of_the_crm(
    tmp_path: Path, transform: str, written: object
) -> None:
    crm = mapping(tmp_path, QUESTION | {"values": {"gift": "A_GIFT"}, "transform": transform})

    said = body(answers=[replace(SAID, value="price,gift")])

    assert fields_of(crm, said, NEVER) == {"for_whom": written}


@pytest.mark.parametrize(
    ("transform", "written"),
    [("milliseconds", 1_767_229_261_000), ("midnight", 1_767_225_600_000), ("date", "2026-01-01")],
)
def test_a_time_is_written_in_the_form_of_the_crm(
    tmp_path: Path, transform: str, written: object
) -> None:
    line = {"from": "answers.gift_or_self.answered_at", "to": "at", "transform": transform}
    crm = mapping(tmp_path, line)
    page = body()
    page["preferences"][0]["answered_at"] = "2026-01-01T01:01:01Z"

    assert fields_of(crm, page, NEVER) == {"at": written}


def test_a_wish_is_told_in_the_words_of_the_crm(tmp_path: Path) -> None:
    channel = {"from": "suppressions.channel.email", "to": "mail"}
    crm = mapping(
        tmp_path,
        STOP | {"values": {"true": "out", "false": "in"}},
        channel | {"transform": "yes_no"},
    )
    no_mail = replace(LEFT_ALONE, scope="channel", target="email")

    assert fields_of(crm, body(suppressions=[no_mail]), NEVER) == {
        "leave_alone": "in",
        "mail": "yes",
    }
    assert fields_of(crm, body(suppressions=[LEFT_ALONE]), NEVER)["mail"] == "yes"


def test_what_is_filled_once_stays_as_the_crm_has_it(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL | {"when_null": "fill_empty"})
    fields = fields_of(crm, body(), NEVER)

    assert to_look_at(crm) == ("email",)
    assert settled(crm, fields, {"email": "own@crm.example"}, NEVER) == {"for_whom": "gift"}
    assert settled(crm, fields, {"email": ""}, NEVER) == fields
    assert settled(crm, fields, None, NEVER) == fields


def test_where_the_crm_wins_its_own_value_stays_and_ours_is_renewed(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION | {"conflict": "crm"})
    fields = fields_of(crm, body(), NEVER)

    assert to_look_at(crm) == ("for_whom",)
    assert settled(crm, fields, {"for_whom": "self"}, NEVER) == {}
    assert settled(crm, fields, {"for_whom": "self"}, TOLD) == fields


def test_what_is_emptied_is_not_ours_any_more() -> None:
    assert filled({"a": 1, "b": None}, {"b", "c"}) == {"a", "c"}
