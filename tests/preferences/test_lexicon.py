from dataclasses import replace

import pytest

from preferences.catalogue import Catalogue, load_catalogue
from preferences.lexicon.channels import wishes
from preferences.lexicon.signals import grief, is_no_grief, is_no_stop, short_act, stops
from preferences.lexicon.words import bare, is_slip, signs
from preferences.texts import LOCALES
from preferences.understanding import Guess, Heard, Reading, gives_permission, read
from tests.preferences.scenes import an_ask

CHANNELS: Catalogue = load_catalogue()
CHANNEL_ASK = replace(an_ask("question"), question="channel_preference", choices=())


def meant(text: str, *guesses: Guess) -> Reading:
    return read(Heard(text, guesses), None, CHANNELS)


def asked(text: str, *guesses: Guess) -> Reading:
    return read(Heard(text, guesses), CHANNEL_ASK, CHANNELS)


@pytest.mark.parametrize(
    "text",
    [
        "please stop sending me these",
        "STOP MESSAGING ME!!!",
        "stopppp",
        "unsubscibe",
        "stpo pls",
        "don't contact me any more",
        "I hereby withdraw my consent",
        "leave me in peace",
        "no me escribas más",
        "quiero darme de baja",
        "retiro mi consentimiento",
        "hör endlich auf",
        "lasst mich bitte in Ruhe",
        "ich widerrufe meine Einwilligung",
        "basta, no more messages",
        "no email, no texts, no calls, nothing",
    ],
)
def test_a_wish_to_end_it_is_one_whatever_the_model_thinks(text: str) -> None:
    assert meant(text, Guess("thank", 0.99)).act == "stop"


def test_a_word_of_stopping_stops_alone_too() -> None:
    assert stops("Stopp!")


@pytest.mark.parametrize(
    "text",
    [
        "the bus stop is round the corner",
        "I can't stop wearing them",
        "please cancel my order",
        "no paro de ponérmelos",
        "wo ist die Haltestelle",
        "shop",
        "for my mother",
    ],
)
def test_other_uses_of_such_words_end_nothing(text: str) -> None:
    assert not stops(text)


def test_a_model_that_hears_a_stop_in_a_stop_valve_is_not_believed() -> None:
    assert is_no_stop("does it have a stop valve")
    assert (
        meant("does it have a stop valve", Guess("stop", 0.6), Guess("thank", 0.3)).act == "thank"
    )


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("my mum died", "person"),
        ("we lost our son in May", "person"),
        ("grandpa past away last nite", "person"),
        ("our cat had to be put to sleep", "pet"),
        ("murió mi abuela", "person"),
        ("se nos murió el perro", "pet"),
        ("meine Oma ist gestern gestorben", "person"),
        ("wir mussten den Hund einschläfern", "pet"),
        ("bin seit kurzem Witwer", "person"),
        ("I want to die", "despair"),
    ],
)
def test_a_death_is_heard_whatever_the_model_thinks(text: str, whose: str) -> None:
    reading = meant(text, Guess("thank", 0.99))

    assert reading.act == "sensitive_event"
    assert reading.sure
    assert reading.detail == {"kind": whose}


@pytest.mark.parametrize(
    "text",
    [
        "I'm dying to try it",
        "the battery died",
        "drop dead gorgeous",
        "me muero de risa",
        "la batería está muerta",
        "ich lach mich tot",
        "mein Handy ist tot",
        "it is for my mother",
        "a present for my dog",
    ],
)
def test_what_only_sounds_like_a_death_is_none(text: str) -> None:
    assert grief(text) is None


def test_a_model_that_mourns_a_battery_is_not_believed() -> None:
    text = "the battery died"

    assert is_no_grief(text)
    assert meant(text, Guess("sensitive_event", 0.7), Guess("complaint", 0.3)).act == "complaint"


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("👍", "affirm"),
        ("👍🏽👍🏽", "affirm"),
        ("👎", "deny"),
        ("🛑", "stop"),
        ("🙏", "thank"),
        ("👋", "greet"),
        ("🤷", "dont_know"),
        ("🤷‍♀️", "dont_know"),
        ("idk", "dont_know"),
        ("Egal", "no_preference"),
        ("¿por qué?", "ask_why"),
        ("k", "unsure"),
        ("👍👎", None),
        ("🧦", None),
        ("a long sentence", None),
    ],
)
def test_what_is_too_short_for_a_model_has_its_meaning(text: str, act: str | None) -> None:
    assert short_act(text) == act


@pytest.mark.parametrize(
    "text", ["👍", "✅", "ok cool", "k", "if you must", "vale vale", "von mir aus"]
)
@pytest.mark.parametrize("kind", ["consent", "erase"])
def test_nothing_half_hearted_gives_permission(text: str, kind: str) -> None:
    heard = Heard(text, (Guess("affirm", 0.99),))

    assert not gives_permission(heard, an_ask(kind))


@pytest.mark.parametrize(
    ("text", "channel", "polarity"),
    [
        ("please don't text, email me instead", "email", "wants"),
        ("not email, use whatsapp", "whatsapp", "wants"),
        ("I'd rather get a text than an email", "sms", "wants"),
        ("lieber eine Mail statt Anrufe", "email", "wants"),
        ("prefiero whatsapp en vez de llamadas", "whatsapp", "wants"),
        ("from now on write me by snail mail, not on my phone", "post", "wants"),
    ],
)
def test_a_channel_that_is_liked_better_is_understood_unasked(
    text: str, channel: str, polarity: str
) -> None:
    reading = meant(text, Guess("stop", 0.5))

    assert (reading.act, reading.question) == ("answer", "channel_preference")
    assert (reading.value, reading.polarity) == (channel, polarity)
    assert reading.sure


def test_a_channel_that_is_not_liked_is_understood_unasked() -> None:
    reading = meant("I'm not a fan of being called", Guess("stop", 0.5))

    assert (reading.value, reading.polarity) == ("phone", "does_not_want")


def test_every_channel_of_a_sentence_is_stated() -> None:
    reading = meant("please don't text, email me instead")

    assert [(one.value, one.polarity) for one in reading.statements] == [("sms", "does_not_want")]


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("stop texting me", "sms"),
        ("no more calls please, the rest is fine", "phone"),
        ("don't call me", "phone"),
        ("keine Mails mehr", "email"),
        ("basta de llamadas", "phone"),
        ("whatsapp bitte nicht mehr", "whatsapp"),
    ],
)
def test_the_end_of_one_channel_is_not_the_end_of_all(text: str, channel: str) -> None:
    reading = meant(text, Guess("stop", 0.9))

    assert (reading.act, reading.value) == ("stop_channel", channel)
    assert reading.polarity == "does_not_want"


@pytest.mark.parametrize(
    "text", ["text me the address of the shop", "schickt mir die Rechnung per mail"]
)
def test_a_channel_that_carries_something_is_no_wish(text: str) -> None:
    assert meant(text, Guess("out_of_scope", 0.9)).act == "out_of_scope"


def test_a_bare_channel_counts_where_the_model_thinks_of_one() -> None:
    guess = Guess("answer", 0.6, "channel_preference", "email")

    assert meant("the whatsapp thing", guess).value == "whatsapp"
    assert meant("the whatsapp thing", Guess("thank", 0.9)).act == "thank"


@pytest.mark.parametrize(
    ("text", "channel", "polarity"),
    [
        ("email", "email", "wants"),
        ("not the phone, my inbox please", "email", "wants"),
        ("anything but calls", "phone", "does_not_want"),
        ("whatsapp lieber nicht", "whatsapp", "does_not_want"),
        ("por wasap", "whatsapp", "wants"),
    ],
)
def test_a_channel_answers_the_question_for_channels(
    text: str, channel: str, polarity: str
) -> None:
    reading = asked(text, Guess("stop_channel", 0.5))

    assert (reading.act, reading.value, reading.polarity) == ("answer", channel, polarity)


@pytest.mark.parametrize(
    "text", ["nothing at all thanks", "none of those", "ninguno", "gar nichts"]
)
def test_no_channel_at_all_is_an_answer_too(text: str) -> None:
    assert asked(text, Guess("no_preference", 0.5)).value == "none"


def test_a_question_about_a_channel_is_no_answer() -> None:
    assert asked("why do you want my email", Guess("ask_why", 0.9)).act == "ask_why"
    assert asked("hm", Guess("ask_why", 0.9)).act == "unsure"


def test_what_for_and_how_often_are_kept() -> None:
    reading = asked("email, offers once a month please")

    assert reading.detail == {"purpose": "offers", "often": "monthly"}
    assert reading.purpose == "offers"


def test_a_shop_that_asks_for_no_channel_reads_none() -> None:
    catalogue = CHANNELS.model_copy(update={"questions": {}})

    assert read(Heard("email me instead", (Guess("thank", 0.9),)), None, catalogue).act == "thank"


def test_an_option_that_is_none_has_no_polarity() -> None:
    guess = Guess("answer", 0.9, "channel_preference", "none")

    assert asked("leave it all", guess).polarity is None
    assert asked("leave it all", Guess("answer", 0.9, "channel_preference", "x")).value == "x"


@pytest.mark.parametrize(
    ("word", "meant", "slip"),
    [
        ("stop", "stop", True),
        ("stpo", "stop", True),
        ("sto", "stop", True),
        ("stoop", "stop", True),
        ("stip", "stop", True),
        ("spto", "stop", False),
        ("st", "stop", False),
        ("stoops", "stop", False),
    ],
)
def test_one_slip_of_the_keyboard_is_forgiven(word: str, meant: str, *, slip: bool) -> None:
    assert is_slip(word, meant) == slip


def test_words_are_bare_of_all_haste() -> None:
    assert bare("¡STÓOOOOP! Größe, don't") == "stoop grosse dont"
    assert signs("👍🏽!") == ["👍"]
    assert signs("ok 👍") == []


def test_a_clause_without_a_channel_says_nothing() -> None:
    assert wishes("hello, no").statements == ()


@pytest.mark.parametrize("locale", LOCALES)
def test_no_label_of_an_option_is_taken_for_a_wish_to_stop_or_for_grief(locale: str) -> None:
    for question in CHANNELS.questions.values():
        for option in question.options:
            assert not stops(option.label[locale]), option.label
            assert grief(option.label[locale]) is None, option.label


def test_a_parse_of_rasa_is_heard() -> None:
    parsed = {
        "intent_ranking": [{"name": "answer", "confidence": 0.5, "question": "q", "value": "v"}],
        "entities": [{"entity": "relation", "value": "sister"}],
    }

    heard = Heard.of("words", parsed)

    assert heard == Heard("words", (Guess("answer", 0.5, "q", "v"),), {"relation": "sister"})
