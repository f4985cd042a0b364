"""What the assistant does when a shopper does not follow the script."""

from dataclasses import replace
from itertools import pairwise

import pytest

from preferences.catalogue import WORDS, load_catalogue
from preferences.conversation import (
    Answered,
    Ask,
    Choice,
    Closed,
    ConsentAct,
    Known,
    Pending,
    Put,
    Speaks,
    Suppress,
    Suppression,
    Turn,
    Unclear,
)
from preferences.dialogue import language
from preferences.dialogue.answers import about_ask
from preferences.dialogue.asks import DONE, consent_ask, question_ask, read_back_ask
from preferences.dialogue.respond import Pressed, Said
from preferences.dialogue.volunteered import correct, note, unasked
from preferences.dialogue.wishes import sensitive, stop_channel
from preferences.lexicon.channels import Statement
from preferences.texts import LOCALES
from preferences.understanding import Guess, Heard, Reading
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    DRESS,
    GIVEN,
    NOW,
    PURPOSE,
    STOPPED,
    VOICE,
    a_candidate,
    a_scene,
    a_state,
    a_state_with,
    a_volunteered,
    an_answer,
    an_ask,
    asked_for,
    asking,
    every_ask,
    pressed,
    records,
    respond,
    said,
    texts,
)

GIFT = asked_for("gift_or_self")
READ_BACK = an_ask("confirm")
MATTERS = asked_for("matters")
MOTIVE = asked_for("motive")
VOLUNTEERED = read_back_ask(a_scene(a_state(turn=5)), a_volunteered(), None)


def hears(
    ask: Ask, reading: Reading, words: str | None = "so", *, yes: bool = False, **state: object
) -> Turn:
    """What comes of a reading while something is open."""
    return about_ask(a_scene(a_state_with(ask, **state)), ask, reading, words, permitted=yes)


def answer(question: str, *values: str, confidence: float = 0.9, **more: object) -> Reading:
    given = {"question": question, "values": values, "value": ",".join(values)}
    return Reading("answer", confidence, **given | more)


def kept(turn: Turn) -> list[str]:
    return [record.value for record in records(turn, Answered)]


def put(turn: Turn) -> Ask:
    (one,) = records(turn, Put)
    return one.ask


def press(ask: Ask, label: str) -> Pressed:
    return Pressed(next(choice for choice in ask.choices if choice.label.startswith(label)))


# Several answers


def test_several_options_in_one_sentence_are_one_answer() -> None:
    turn = hears(MATTERS, answer("matters", "speed", "price"), "price, and that it is quick")

    assert kept(turn) == ["price,speed"]
    assert "Price (en), Speed (en)" in texts(turn)[0]


def test_of_two_that_may_be_picked_three_are_asked_again() -> None:
    turn = hears(MOTIVE, answer("motive", "taste", "price", "habit"))

    assert kept(turn) == []
    assert records(turn, Unclear) == [Unclear(1)]


def test_after_the_first_pick_the_rest_is_shown_with_a_button_to_leave_it_there() -> None:
    turn = respond(press(MATTERS, "Price"), a_state_with(MATTERS))

    again = put(turn)
    assert kept(turn) == []
    assert not records(turn, Closed)
    assert [choice.value for choice in again.choices] == ["speed", "service", None, None]
    assert [choice.act for choice in again.choices[2:]] == [DONE, "decline"]
    assert "“Price (en)”" in again.wording
    assert (again.begun, again.candidate) == (MATTERS.id, MATTERS.candidate)


def test_what_was_picked_is_kept_when_that_is_all() -> None:
    again = put(respond(press(MATTERS, "Price"), a_state_with(MATTERS)))

    turn = respond(press(again, "That's all"), a_state_with(again))

    assert kept(turn) == ["price"]
    assert records(turn, Closed) == [Closed("answered")]


def test_the_second_of_two_is_the_last_and_any_number_ends_with_the_options() -> None:
    second = put(respond(press(MOTIVE, "Taste"), a_state_with(MOTIVE)))
    assert kept(respond(press(second, "Habit"), a_state_with(second))) == ["habit,taste"]

    ask = MATTERS
    for label in ("Price", "Service"):
        ask = put(respond(press(ask, label), a_state_with(ask)))
        assert ask.begun == MATTERS.id
    assert kept(respond(press(ask, "Speed"), a_state_with(ask))) == ["price,service,speed"]


def test_the_last_button_ends_picking_though_the_catalogue_knows_more_options() -> None:
    few = replace(MATTERS, choices=(MATTERS.choices[0], *MATTERS.choices[-2:]))

    assert kept(respond(pressed(few, 0), a_state_with(few))) == ["price"]


def test_who_picks_one_and_then_rather_does_not_say_has_said_nothing() -> None:
    again = put(respond(press(MATTERS, "Price"), a_state_with(MATTERS)))

    turn = respond(press(again, "Rather not"), a_state_with(again))

    assert turn.records[0] == Closed("declined")
    assert not records(turn, Answered)


def test_a_pick_and_then_words_are_one_answer() -> None:
    again = put(respond(press(MATTERS, "Price"), a_state_with(MATTERS)))

    assert kept(hears(again, answer("matters", "speed"), "and speed")) == ["price,speed"]


def test_that_is_all_without_a_pick_is_no_answer() -> None:
    assert kept(hears(MATTERS, Reading(DONE, 1.0))) == []


# Own words, yes and no


def test_an_open_question_takes_the_words_as_they_are() -> None:
    ask = asked_for("wishes")

    turn = hears(ask, Reading("out_of_scope", 0.2, sure=False), "softer wool, please")

    (given,) = records(turn, Answered)
    assert (given.value, given.words) == ("words", "softer wool, please")
    assert "softer wool, please" in texts(turn)[0]
    assert [choice.act for choice in ask.choices] == ["decline", "mute"]


@pytest.mark.parametrize("words", ["", "🤷", None])
def test_an_open_question_takes_no_empty_words(words: str | None) -> None:
    assert kept(hears(asked_for("wishes"), Reading("unsure", 0.0, sure=False), words)) == []


@pytest.mark.parametrize(("act", "value"), [("affirm", "yes"), ("deny", "no")])
def test_a_question_for_yes_or_no_takes_either_as_an_answer(act: str, value: str) -> None:
    assert kept(hears(asked_for("still_true"), Reading(act, 0.9), act)) == [value]


# Reading back


def test_middling_confidence_is_read_back_before_it_is_stored() -> None:
    turn = hears(GIFT, answer("gift_or_self", "gift", confidence=0.5, sure=False), "well, a friend")

    back = put(turn)
    assert kept(turn) == []
    assert back.kind == "confirm"
    assert "“A gift”" in back.wording
    assert [choice.act for choice in back.choices] == ["affirm", "deny", "decline"]
    assert kept(respond(press(back, "Yes"), a_state_with(back))) == ["gift"]


def test_low_confidence_is_asked_again_and_nothing_is_guessed() -> None:
    turn = hears(GIFT, answer("gift_or_self", "gift", confidence=0.3, sure=False))

    assert turn.records == (Unclear(1),)


def test_words_that_may_as_well_be_another_answer_are_asked_again() -> None:
    other = Guess("answer", 0.85, "gift_or_self", "self")
    unlike = Guess("answer", 0.9, "channel", "sms")
    reading = answer("gift_or_self", "gift", alternatives=(unlike, other))

    assert hears(GIFT, reading).records == (Unclear(1),)
    assert kept(hears(GIFT, replace(reading, confidence=0.99))) == ["gift"]


@pytest.mark.parametrize("yes", [True, False])
def test_a_yes_to_what_was_read_back_keeps_what_was_said_before(*, yes: bool) -> None:
    (given,) = records(hears(READ_BACK, Reading("affirm", 0.9), "yep", yes=yes), Answered)

    assert (given.value, given.words, given.confidence) == ("gift", "for my sister", 0.5)


def test_what_was_misread_is_asked_once_more_and_then_left() -> None:
    again = hears(READ_BACK, Reading("deny", 0.9), "no")
    assert put(again).choices == GIFT.choices
    assert put(again).begun == GIFT.id
    assert records(again, Unclear) == [Unclear(1)]

    given_up = hears(READ_BACK, Reading("deny", 0.9), "no", unclear=2)
    assert given_up.records == (Unclear(0), Closed("unclear"))


def test_a_no_with_the_right_answer_is_that_answer() -> None:
    turn = hears(READ_BACK, answer("gift_or_self", "self"), "no, for me")

    assert kept(turn) == ["self"]


def test_what_is_no_answer_to_a_read_back_is_remembered_as_what_it_is() -> None:
    assert hears(READ_BACK, Reading("decline", 0.9)).records[0] == Closed("declined")
    assert hears(READ_BACK, Reading("out_of_scope", 0.2, sure=False)).records == (Unclear(1),)
    assert hears(READ_BACK, Reading("complaint", 0.9)).records == (Unclear(1),)
    bare = replace(READ_BACK, pending=None)
    assert hears(bare, Reading("affirm", 0.9)).records == (Unclear(1),)


# Said unasked


def test_what_is_said_unasked_needs_permission_first_and_is_read_back_then() -> None:
    scene = a_scene(a_state())
    told = unasked(scene, answer("channel", "sms", polarity="wants"), "text me")
    assert told is not None

    asks = put(note(scene, told))
    assert (asks.kind, asks.pending) == ("consent", told)

    permitted = respond(press(asks, "Yes"), a_state_with(asks))
    assert [act.state for act in records(permitted, ConsentAct)] == ["given"]
    back = put(permitted)
    assert (back.kind, back.begun) == ("confirm", None)
    assert "Sms" in back.wording

    given = respond(said("yes"), a_state_with(back))
    (record,) = records(given, Answered)
    assert (record.value, record.words, record.detail) == ("sms", "text me", {"polarity": "wants"})


def test_with_permission_it_is_read_back_at_once_and_the_open_question_rests() -> None:
    told = a_volunteered()

    turn = note(a_scene(a_state_with(GIFT)), told)

    assert records(turn, Closed) == [Closed("skipped")]
    assert put(turn).kind == "confirm"


def test_while_permission_is_asked_for_it_waits_for_that_very_permission() -> None:
    notice = an_ask("consent")

    turn = note(a_scene(a_state_with(notice)), a_volunteered())

    assert (put(turn).kind, put(turn).begun) == ("consent", notice.id)
    assert not records(turn, Closed)


def test_whoever_wants_to_be_left_alone_hears_that_nothing_is_noted() -> None:
    turn = note(a_scene(a_state(suppressions=(STOPPED,))), a_volunteered())

    assert (texts(turn), turn.records) == ([VOICE.say("not_now", "en")], ())


def test_it_is_about_the_purchase_that_made_the_question_worth_asking() -> None:
    told = Pending("gift_or_self", "gift", {}, "it was a present", 0.9)
    state = a_state(consents=GIVEN, candidates=(a_candidate(),))

    back = put(note(a_scene(state), told))

    assert back.about == DRESS
    assert back.wording == "So: “Summer dress” – “A gift”?"


def test_a_volunteered_wish_arrives_through_a_whole_turn() -> None:
    message = said("please text me instead", "answer", 0.9, question="channel", value="sms")

    turn = respond(message, a_state(consents=GIVEN))

    assert put(turn).kind == "confirm"


@pytest.mark.parametrize(
    "reading",
    [
        answer("unheard_of", "sms"),
        answer("channel", "pigeon"),
        answer("wishes", "words"),
        answer("channel", "sms", sure=False),
        answer("gift_or_self", "gift", polarity="does_not_want"),
        Reading("greet", 0.9),
    ],
)
def test_what_is_not_surely_an_answer_is_nothing_to_note(reading: Reading) -> None:
    assert unasked(a_scene(a_state()), reading, "so") is None


def test_what_answers_the_open_question_is_not_said_unasked() -> None:
    assert unasked(a_scene(a_state_with(GIFT)), answer("gift_or_self", "gift"), "so") is None


def test_what_is_said_to_a_question_for_own_words_is_its_answer_whatever_it_sounds_like() -> None:
    open_one = asked_for("wishes")
    message = said("that it comes quickly", "answer", 0.99, question="matters", value="speed")

    turn = respond(message, a_state_with(open_one))

    (kept_words,) = records(turn, Answered)
    assert (kept_words.value, kept_words.words) == (WORDS, "that it comes quickly")


def test_but_a_wish_about_channels_is_one_there_too() -> None:
    shop = load_catalogue().questions["channel_preference"]
    both = CATALOGUE.model_copy(update={"questions": {**CATALOGUE.questions, shop.id: shop}})
    scene = replace(a_scene(a_state_with(asked_for("wishes"))), catalogue=both)

    told = unasked(scene, answer("channel_preference", "sms", polarity="wants"), "text me")

    assert told is not None
    assert (told.question, told.value) == ("channel_preference", "sms")


def test_a_volunteered_wish_that_was_misread_is_not_noted_or_read_back_anew() -> None:
    no = hears(VOLUNTEERED, Reading("deny", 0.9), "no")
    assert no.records == (Closed("unclear"),)

    corrected = hears(VOLUNTEERED, answer("channel", "email"), "no, email")
    assert kept(corrected) == []
    assert records(corrected, Closed) == [Closed("unclear")]
    assert "Email" in put(corrected).wording

    again = hears(VOLUNTEERED, answer("channel", "sms"), "sms, as I said")
    assert kept(again) == ["sms"]


@pytest.mark.parametrize(
    ("polarity", "other", "words"),
    [
        ("wants", "does_not_want", "So: “Email (en)”, but not “Sms (en)”?"),
        ("does_not_want", "wants", "So: not “Email (en)”, but “Sms (en)”?"),
    ],
)
def test_wishes_about_two_channels_are_read_back_together(
    polarity: str, other: str, words: str
) -> None:
    statements = (Statement("sms", other),)  # type: ignore[arg-type]
    reading = answer("channel", "email", polarity=polarity, statements=statements, purpose="offers")
    scene = a_scene(a_state(consents=GIVEN))
    told = unasked(scene, reading, "so")
    assert told is not None
    assert told.detail == {"polarity": polarity, "purpose": "offers"} | (
        {} if polarity == other else {other: "sms"}
    )

    assert put(note(scene, told)).wording == words


def test_what_is_given_for_an_option_is_not_given_to_who_does_not_want_it() -> None:
    shop = load_catalogue()
    ask = question_ask(
        replace(a_scene(a_state()), catalogue=shop), shop.questions["channel_preference"], None
    )
    unwanted = answer("channel_preference", "sms", polarity="does_not_want")

    scene = replace(a_scene(a_state_with(ask)), catalogue=shop)
    (told,) = texts(about_ask(scene, ask, unwanted, "no texts", permitted=False))

    assert told.endswith(shop.questions["channel_preference"].give["en"])


def test_what_is_not_wanted_is_kept_as_that_and_met_in_its_own_words() -> None:
    turn = hears(asked_for("channel"), answer("channel", "sms", polarity="does_not_want"))

    (given,) = records(turn, Answered)
    assert (given.value, given.detail) == ("sms", {"polarity": "does_not_want"})
    assert texts(turn) == ["Not that, noted (en). Something back. (en)"]


# Correcting


def known(question: str, value: str, *, days: int, here: bool = True) -> Known:
    return Known(question, value, value, f"{question}?", NOW - days * DAY, "web", here, DRESS)


def test_what_was_wrong_is_asked_again_about_the_same_purchase() -> None:
    state = a_state(consents=GIVEN, known=(known("gift_or_self", "gift", days=1),))

    turn = respond(said("that is wrong", "correct_data"), state)

    assert (put(turn).question, put(turn).about) == ("gift_or_self", DRESS)


def test_the_question_that_is_meant_comes_before_the_newest() -> None:
    both = (known("gift_or_self", "gift", days=2), known("matters", "price", days=1))
    scene = a_scene(a_state(consents=GIVEN, known=both))

    assert put(correct(scene, Reading("correct_data", 0.9), "so")).question == "matters"
    meant = Reading("correct_data", 0.9, question="gift_or_self")
    assert put(correct(scene, meant, "so")).question == "gift_or_self"


def test_a_correction_that_says_what_is_right_is_read_back() -> None:
    scene = a_scene(a_state(consents=GIVEN, known=(known("gift_or_self", "gift", days=1),)))

    turn = correct(scene, Reading("correct_data", 0.9, "self", question="gift_or_self"), "mine")

    assert (put(turn).kind, put(turn).about) == ("confirm", DRESS)


def test_without_anything_to_correct_that_is_said() -> None:
    turn = respond(said("that is wrong", "correct_data"), a_state())
    assert texts(turn) == [VOICE.say("correct_nothing", "en")]

    withdrawn = respond(said("that is wrong", "correct_data"), a_state(known=(an_answer(),)))
    assert texts(withdrawn) == [VOICE.say("correct", "en")]


def test_whoever_wants_to_be_left_alone_is_not_asked_what_is_right() -> None:
    state = a_state(consents=GIVEN, known=(an_answer(),), suppressions=(STOPPED,))

    assert not asking(respond(said("that is wrong", "correct_data"), state))


# Playing back


def test_what_was_said_elsewhere_and_bought_is_told_to_whom_the_shop_vouched_for_alone() -> None:
    elsewhere = replace(an_answer(), here=False, channel="whatsapp")
    message = said("what do you know about me?", "ask_data")

    stranger = respond(message, a_state(known=(elsewhere,), purchases={"till": 1, "shopify": 2}))
    assert texts(stranger) == [VOICE.say("data_nothing", "en")]

    (told,) = texts(
        respond(
            message, a_state(known=(elsewhere,), purchases={"till": 1, "shopify": 2}, verified=True)
        )
    )
    assert "in another conversation: whatsapp" in told
    assert "3 purchases that Corner Shop reported to me (from “till, shopify”)" in told


def test_what_is_not_wanted_is_told_as_that() -> None:
    state = a_state(known=(replace(an_answer(), label="SMS", unwanted=True),))

    assert "not “SMS”" in texts(respond(said("what do you know?", "ask_data"), state))[0]


# Channels, pauses, moments


def test_a_channel_that_is_named_is_left_and_the_question_here_stays() -> None:
    scene = a_scene(a_state_with(GIFT))
    both = (Statement("sms", "does_not_want"), Statement("phone", "does_not_want"))

    turn = stop_channel(scene, Reading("stop_channel", 0.9, "sms", statements=both))

    left = [record.suppression.target for record in records(turn, Suppress)]
    assert left == ["phone", "sms"]
    assert asking(turn)[0].ask == GIFT.id
    assert not records(turn, Closed)


def test_a_pause_is_remembered_and_withdraws_nothing() -> None:
    turn = respond(said("later, maybe next week", "pause"), a_state(consents=GIVEN))

    paused = Suppress(Suppression("all", "", "shopper_paused"), 7)
    assert turn.records == (paused,)


def test_one_condolence_is_enough() -> None:
    held = a_state(suppressions=(Suppression("all", "", "sensitive_moment"),))

    (told,) = texts(sensitive(a_scene(held), Reading("sensitive_event", 0.9)))

    assert told == VOICE.say("sensitive_again", "en")


@pytest.mark.parametrize("locale", LOCALES)
def test_despair_gets_help_and_a_person_and_no_condolence(locale: str) -> None:
    reading = Reading("sensitive_event", 0.9, detail={"kind": "despair"})

    (told,) = texts(sensitive(a_scene(a_state(locale=locale)), reading))

    assert "112" in told
    assert told != VOICE.say("sensitive", locale)
    assert told == VOICE.say("despair", locale)


def test_while_a_person_talks_a_moment_is_kept_in_silence_and_a_channel_is_left() -> None:
    state = a_state(handed_off=True)

    moment = respond(said("my dog died", "sensitive_event"), state)
    forbidden = {
        (one.suppression.scope, one.suppression.target) for one in records(moment, Suppress)
    }
    assert (moment.replies, forbidden >= {("all", ""), ("category", "pets")}) == ((), True)
    left = respond(said("no more mails on this one", "stop_channel", value="sms"), state)
    assert [record.suppression.scope for record in records(left, Suppress)] == ["channel"]


def test_while_a_person_talks_despair_is_still_told_where_help_is() -> None:
    turn = respond(said("I want to die"), a_state(handed_off=True))

    assert texts(turn) == [VOICE.say("despair", "en")]


# Language


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("auf Deutsch bitte", "de"),
        ("English please", "en"),
        ("en español", "es"),
        ("Deutsch", "de"),
        ("¿podemos hablar en inglés?", "en"),
        ("a German cake for my dad", None),
        ("german shepherd toy", None),
        ("english or german please", None),
        ("I bought the book in English for the friend of my sister", None),
        ("hello", None),
    ],
)
def test_a_language_is_asked_for_by_its_name(text: str, locale: str | None) -> None:
    assert language.wanted(text) == locale


@pytest.mark.parametrize(
    ("text", "now", "locale"),
    [
        ("das ist ein Geschenk für meine Mutter", "en", "de"),
        ("es un regalo para mi hermana, por su cumpleaños", "en", "es"),
        ("it is a present for my sister and not for me", "de", "en"),
        ("it is a present for my sister", "en", None),
        ("ein Geschenk", "en", None),
        ("für meine Oma, it is her birthday", "en", None),
        ("", "en", None),
    ],
)
def test_the_language_is_changed_only_by_what_is_plainly_another(
    text: str, now: str, locale: str | None
) -> None:
    assert language.written(text, now) == locale


def test_what_is_open_is_put_in_the_language_that_was_asked_for() -> None:
    for ask in every_ask("en").values():
        turn = respond(said("auf Deutsch bitte", "change_language"), a_state_with(ask))

        assert records(turn, Speaks) == [Speaks("de")]
        assert texts(turn)[0] == "Gern, ab hier auf Deutsch."
        again = put(turn)
        assert (again.locale, again.kind, again.begun) == ("de", ask.kind, ask.begun or ask.id)
        assert len(again.choices) == len(ask.choices)
        assert [choice.value for choice in again.choices] == [one.value for one in ask.choices]


def test_without_a_question_it_goes_on_in_the_language_that_was_asked_for() -> None:
    turn = respond(said("auf Deutsch bitte", "change_language"), a_state())

    assert texts(turn) == ["Gern, ab hier auf Deutsch."]


def test_it_follows_a_shopper_who_plainly_writes_in_another_language() -> None:
    words = "das ist ein Geschenk für meine Mutter"
    turn = respond(said(words, "answer", question="gift_or_self", value="gift"), a_state_with(GIFT))

    assert records(turn, Speaks) == [Speaks("de")]
    assert texts(turn)[0].startswith("Danke, notiert: ein Geschenk.")


def test_while_a_person_talks_the_language_is_theirs() -> None:
    assert respond(said("auf Deutsch bitte"), a_state(handed_off=True)).records == ()


# Greetings and variety


@pytest.mark.parametrize(("returning", "occasion"), [(True, "hello_again"), (False, "hello")])
def test_who_comes_back_is_greeted_as_one_who_comes_back(*, returning: bool, occasion: str) -> None:
    turn = respond(said("hello", "greet"), a_state(disclosed=False, returning=returning))

    assert texts(turn)[0] == VOICE.say(occasion, "en")


def test_who_came_by_a_friend_is_welcomed_as_such_once() -> None:
    first = respond(said("hello", "greet"), a_state(disclosed=False, recommended=True))
    later = a_state(disclosed=False, recommended=True, returning=True)

    assert texts(first)[0] == VOICE.say("hello_friend", "en")
    assert texts(respond(said("hello", "greet"), later))[0] == VOICE.say("hello_again", "en")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("act", ["greet", "thank", "goodbye", "out_of_scope", "decline", "affirm"])
def test_the_same_is_not_said_twice_in_a_row(act: str, locale: str) -> None:
    told = [
        texts(respond(said("so", act), a_state(spoken=spoken, locale=locale)))[-1]
        for spoken in range(4)
    ]

    assert all(first != second for first, second in pairwise(told))


def test_every_locale_has_as_many_ways_to_say_a_thing() -> None:
    for occasion, variants in VOICE.pages["en"].items():
        assert {len(VOICE.pages[locale][occasion]) for locale in LOCALES} == {len(variants)}


# What the catalogue has no more


def test_what_was_to_be_read_back_of_a_question_that_is_gone_is_closed() -> None:
    gone = replace(VOLUNTEERED, pending=a_volunteered(question="gone"))

    turn = respond(said("hello", "greet"), a_state_with(gone))

    assert records(turn, Closed) == [Closed("ignored")]


def test_a_notice_that_carries_a_wish_is_worded_like_any_other() -> None:
    notice = consent_ask(a_scene(a_state()), PURPOSE, a_volunteered())

    assert notice.wording == an_ask("consent").wording
    assert notice.choices == (
        Choice(CATALOGUE.purposes[PURPOSE].agree["en"], act="affirm"),
        Choice(CATALOGUE.purposes[PURPOSE].refuse["en"], act="deny"),
    )


def test_who_says_something_else_while_deletion_is_asked_for_is_asked_again() -> None:
    wish = Said(Heard("text me", (Guess("answer", 0.9, "channel", "sms"),)))

    turn = respond(wish, a_state_with(an_ask("erase")))

    assert asking(turn)[0].text.endswith(VOICE.say("erase_ask", "en"))


def test_words_that_are_about_another_question_do_not_answer_the_open_one() -> None:
    assert hears(GIFT, answer("channel", "sms")).records == (Unclear(1),)
