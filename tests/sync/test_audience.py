"""Audience files: who is in them, what is in them, and what never is."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError
from preferences.evidence import ConsentEvent, Ledgers
from preferences.profile import Profile, SuppressionEntry, as_json, fold
from preferences.store.engine import Store
from preferences.store.tables import ShopperRow
from sync.audience import Audience, Choice
from sync.mapping import load_mapping
from tests.preferences.store.seeds import add_answer, add_consent, add_identity, add_shopper
from tests.preferences.test_profile import ANSWER, GIVEN, HOUR, LEFT_ALONE, NOW
from tests.sync.contacts import FOR_A_WHILE, NO_EMAIL
from tests.sync.pages import CATALOGUE
from tests.sync.test_commands import Desk, desk

__all__ = ["desk"]

PURPOSE = "contact_wishes"
MAY = replace(GIVEN, id="event-9", purpose=PURPOSE, seq=2)
SAID = replace(
    ANSWER,
    question="matters_most",
    value="price,speed",
    about=None,
    detail={},
    own_words="cheap, and call me on +49 171 2345678",
)
MAIL, PHONE = ("email", "ana@shop.example"), ("phone", "+491712345678")
NO_SMS = replace(NO_EMAIL, target="sms")


def audience(name: str = "mail", *said: str) -> Audience:
    page = load_mapping(name, CATALOGUE)
    assert page
    return Audience(page, PURPOSE, [Choice.of(one, CATALOGUE) for one in said])


def person(
    *wishes: SuppressionEntry,
    names: Sequence[tuple[str, str]] = (MAIL, PHONE),
    consents: Sequence[ConsentEvent] = (GIVEN, MAY),
) -> dict[str, Any]:
    profile: Profile = fold("s-1", Ledgers(names, [SAID], consents, wishes), NOW)
    return as_json(profile)


def test_a_row_has_the_names_the_attributes_and_the_words_without_what_leads_to_a_person() -> None:
    assert audience().row(person()) == {
        "shopper_id": "s-1",
        "email": "ana@shop.example",
        "phone": "+491712345678",
        "ask_matters_most": "price,speed",
        "ask_matters_most_words": "cheap, and call me on [number]",
    }


def test_advertising_tools_get_hashes_as_they_take_them_and_nothing_else() -> None:
    def hashed(name: str) -> str:
        return sha256(name.encode()).hexdigest()

    mail = hashed("ana@shop.example")
    assert audience("google").row(person()) == {"Email": mail, "Phone": hashed("+491712345678")}
    assert audience("meta").row(person()) == {"email": mail, "phone": hashed("491712345678")}
    assert audience("google").columns == ["Email", "Phone"]
    assert audience("meta").columns == ["email", "phone"]


@pytest.mark.parametrize("state", ["refused", "withdrawn", "expired", "objected", "asked"])
def test_who_does_not_permit_the_purpose_is_not_in_it(state: str) -> None:
    assert audience().row(person(consents=[GIVEN, replace(MAY, state=state)])) is None


def test_a_permission_for_something_else_or_one_that_is_over_is_none() -> None:
    over = replace(MAY, occurred_at=NOW - 2 * HOUR, valid_until=NOW - HOUR)

    assert audience().row(person(consents=[GIVEN])) is None
    assert audience().row(person(consents=[GIVEN, over])) is None


@pytest.mark.parametrize("wish", [LEFT_ALONE, FOR_A_WHILE], ids=["for good", "for a while"])
def test_who_wants_to_be_left_alone_is_not_in_it_even_if_only_for_a_while(
    wish: SuppressionEntry,
) -> None:
    assert audience("google").row(person(wish)) is None


def test_a_channel_that_was_left_takes_its_name_out() -> None:
    without = audience().row(person(NO_EMAIL))

    assert without
    assert without["phone"] == "+491712345678"
    assert "email" not in without
    assert audience().row(person(NO_EMAIL, NO_SMS)) is None
    assert audience().row(person(replace(NO_EMAIL, until=NOW + HOUR), names=[MAIL])) is None


def test_who_cannot_be_reached_is_not_in_it() -> None:
    assert audience().row(person(names=[("shopify", "42")])) is None


def test_an_answer_whose_own_permission_ended_is_no_column_and_chooses_nobody() -> None:
    withdrawn = replace(GIVEN, id="event-3", seq=3, state="withdrawn")
    profile = person(consents=[GIVEN, MAY, withdrawn])

    assert audience().row(profile) == {
        "shopper_id": "s-1",
        "email": "ana@shop.example",
        "phone": "+491712345678",
    }
    assert audience("mail", "matters_most=price").row(profile) is None


def test_those_are_chosen_who_said_all_of_it() -> None:
    assert audience("google", "matters_most=speed").row(person())
    assert audience("google", "matters_most=speed", "matters_most=price").row(person())
    assert audience("google", "matters_most=speed", "matters_most=ethics").row(person()) is None


@pytest.mark.parametrize("kind", ["imported", "observed", "inferred"])
def test_what_somebody_else_tells_of_them_is_nothing_that_they_said(kind: str) -> None:
    told = replace(SAID, kind=kind, source="till", consent=None, answered_at=NOW)
    profile = as_json(fold("s-1", Ledgers([MAIL], [told], [GIVEN, MAY]), NOW))

    assert audience().row(profile)
    assert audience("mail", "matters_most=price").row(profile) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nothing=price", "no answer of the catalogue"),
        ("matters_most=nothing", "no answer of the catalogue"),
        ("matters_most", "no answer of the catalogue"),
        ("gift_or_self=gift", "gift_or_self is a delicate question"),
    ],
)
def test_a_choice_that_cannot_be_made_says_why(words: str, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        Choice.of(words, CATALOGUE)


async def test_every_person_is_read_once_and_who_is_two_is_one(store: Store) -> None:
    async with store.begin() as session:
        for name in ("ann", "ben"):
            await _permits(session, name)
        (await session.get_one(ShopperRow, "ben")).head_id = "ann"

    rows = [row async for row in audience().rows(store)]

    assert [row["shopper_id"] for row in rows] == ["ann"]


async def test_the_command_prints_a_file_and_says_that_it_grows_old(desk: Desk) -> None:
    async with desk.store.begin() as session:
        await _permits(session, "ann", words="=HYPERLINK(1)")
        await add_shopper(session, "ben")

    code, said = await desk.types(
        "audience mail --purpose contact_wishes --who-said matters_most=price"
    )

    assert code == 0
    page, _, end = said.rpartition("1 shoppers.")
    assert end == " Whoever withdraws stays in a file: make it anew before each use.\n"
    (row,) = csv.DictReader(StringIO(page))
    assert (row["shopper_id"], row["email"]) == ("ann", "ann@shop.example")
    assert row["ask_matters_most"] == "price"
    assert row["ask_matters_most_words"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("audience nowhere --purpose contact_wishes", "There is no page nowhere.yml"),
        ("audience mail --purpose nothing", "There is no purpose nothing; purposes.yml has"),
    ],
)
async def test_a_command_that_cannot_be_done_names_the_remedy(
    desk: Desk, words: str, sentence: str
) -> None:
    code, said = await desk.types(words)

    assert code == 2
    assert sentence in said


async def _permits(session: AsyncSession, shopper: str, words: str = "cheap") -> None:
    await add_shopper(session, shopper)
    await add_identity(session, shopper, "email", f"{shopper}@shop.example")
    await add_consent(session, shopper, 1, "given")
    await add_consent(session, shopper, 2, "given", PURPOSE)
    await add_answer(
        session, shopper, value="price", words=words, question_id="matters_most", about=None
    )
