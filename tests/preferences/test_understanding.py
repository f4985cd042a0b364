from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.conversation import Ask, Choice
from preferences.texts import LOCALES
from preferences.understanding import (
    Guess,
    Heard,
    Reading,
    gives_permission,
    is_stop,
    may_mean,
    plain,
    read,
)
from tests.preferences.scenes import CATALOGUE, an_ask

OPEN = [None, an_ask("question"), an_ask("consent"), an_ask("erase")]
NAMES = ["no ask", "question", "consent", "erase"]
STOPS = [
    "stop",
    "STOP",
    "S T O P",
    "stoooop",
    "bastaaa",
    " Stop! ",
    "stop.",
    "Stop 🙏",
    "ＳＴＯＰ",
    "StopAll",
    "quit",
    "END",
    "revoke",
    "cancel",
    "Unsubscribe",
    "opt-out",
    "Opt out",
    "please stop!",
    "stop it",
    "¡Para!",
    "basta",
    "BAJA",
    "cancelar",
    "Stopp",
    "aufhören",
    "aufho\u0308ren",
    "Bitte aufhören.",
    "abmelden",
]
NO_STOPS = [
    "the bus stop",
    "don't stop",
    "stopover",
    "para mí",
    "ending",
    "non-stop",
    "",
]


def heard(text: str, *guesses: Guess, **entities: str) -> Heard:
    return Heard(text, guesses, entities)


def meant(text: str, ask: Ask | None, *guesses: Guess) -> Reading:
    return read(heard(text, *guesses), ask, CATALOGUE)


def answer(value: str, confidence: float = 1.0, **detail: str) -> Reading:
    about = {"question": "gift_or_self", "values": (value,)}
    return Reading("answer", confidence, value, detail, **about)  # type: ignore[arg-type]


def picked(choice: Choice) -> Reading:
    if choice.value is None:
        return Reading(choice.act or "", 1.0)
    return answer(choice.value)


@pytest.mark.parametrize("ask", OPEN, ids=NAMES)
@pytest.mark.parametrize("text", STOPS)
def test_words_of_stopping_stop_whatever_is_open_and_whatever_a_model_thinks(
    text: str, ask: Ask | None
) -> None:
    sure_of_something_else = Guess("thank", 0.99)

    assert meant(text, ask, sure_of_something_else) == Reading("stop", 1.0)
    assert is_stop(text)


@pytest.mark.parametrize("text", NO_STOPS)
def test_words_that_only_contain_such_a_word_are_left_to_the_model(text: str) -> None:
    assert not is_stop(text)
    assert meant(text, None, Guess("thank", 0.99)).act != "stop"


@pytest.mark.parametrize("ask", OPEN, ids=NAMES)
@pytest.mark.parametrize("text", ["start", "START!", "unstop"])
def test_start_lets_it_ask_again(text: str, ask: Ask | None) -> None:
    assert meant(text, ask) == Reading("start", 1.0)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_typed_label_is_the_button_whatever_its_spelling(locale: str) -> None:
    ask = an_ask("question", locale=locale)

    for choice in ask.choices:
        for text in (choice.label, choice.label.upper(), f"“{choice.label}”!"):
            wanted = picked(choice)
            assert meant(text, ask, Guess("thank", 0.99)) == wanted


@pytest.mark.parametrize("position", [1, 2, 3, 4, 5])
def test_the_number_of_a_button_is_the_button(position: int) -> None:
    ask = an_ask("question")
    choice = ask.choices[position - 1]

    assert meant(f"{position}.", ask) == picked(choice)


def test_a_number_that_no_button_has_is_left_to_the_model() -> None:
    ask = an_ask("question")

    assert meant(f"{len(ask.choices) + 1}", ask).sure is False


def test_labels_of_every_language_are_understood_and_so_is_what_is_on_no_button() -> None:
    ask = an_ask("question", locale="en")

    assert meant("un regalo", ask) == answer("gift")
    assert meant("Noch offen", ask) == answer("unknown")


def test_labels_mean_nothing_while_nothing_is_asked() -> None:
    assert meant("a gift", None) == Reading("out_of_scope", 0.0, sure=False)


@pytest.mark.parametrize("kind", ["consent", "erase"])
@pytest.mark.parametrize("text", ["yes", "Sure!", "sí", "Ja, gern."])
def test_a_plain_yes_is_a_yes_whatever_a_model_thinks(kind: str, text: str) -> None:
    assert meant(text, an_ask(kind), Guess("greet", 0.99)) == Reading("affirm", 1.0)


def test_a_yes_is_no_answer_to_an_open_question() -> None:
    assert meant("yes", an_ask("question"), Guess("affirm", 0.9)).act == "affirm"
    assert meant("yes", an_ask("question"), Guess("affirm", 0.9)).value is None


@pytest.mark.parametrize(
    "text", ["yes", "YES!", "Sí, claro", "si", "ja gerne", "Klar 👍", "I agree."]
)
@pytest.mark.parametrize("kind", ["consent", "erase"])
def test_a_plain_yes_gives_permission(kind: str, text: str) -> None:
    assert gives_permission(heard(text), an_ask(kind))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["consent", "erase"])
def test_the_label_of_the_yes_button_gives_permission_and_that_of_the_no_button_never(
    kind: str, locale: str
) -> None:
    agree, refuse = an_ask(kind, locale=locale).choices

    assert gives_permission(heard(agree.label), an_ask(kind, locale=locale))
    assert not gives_permission(heard(refuse.label), an_ask(kind, locale=locale))


@pytest.mark.parametrize(
    "text", ["yes but no", "maybe", "I guess", "1", "ok", "yesterday", "if I must", "no", "", "👍"]
)
def test_anything_else_gives_no_permission(text: str) -> None:
    assert not gives_permission(heard(text), an_ask("consent"))


def test_an_answer_counts_more_for_the_open_question() -> None:
    guess, other = Guess("answer", 0.4, "gift_or_self", "gift"), Guess("thank", 0.6)

    reading = read(heard("for my sister", guess, other, relation="sister"), OPEN[1], CATALOGUE)

    assert reading.act == "answer"
    assert reading.question == "gift_or_self"
    assert reading.confidence > 0.8
    assert reading.detail == {"relation": "sister"}
    assert [guess.act for guess in reading.alternatives] == ["answer", "thank"]


@pytest.mark.parametrize("ask", [OPEN[0], OPEN[2], OPEN[3]], ids=["no ask", "consent", "erase"])
def test_what_is_said_unasked_is_understood_with_its_question(ask: Ask | None) -> None:
    reading = meant("it goes to my sister", ask, Guess("answer", 0.8, "gift_or_self", "gift"))

    assert reading == answer("gift", 0.8)


def test_an_answer_to_another_question_than_the_open_one_is_unlikely() -> None:
    other, thanks = Guess("answer", 0.6, "another_question", "gift"), Guess("thank", 0.4)

    assert meant("some words", OPEN[1], other, thanks).act == "thank"


def test_the_options_of_one_question_are_likely_together() -> None:
    gift, own = (Guess("answer", 0.3, "gift_or_self", value) for value in ("gift", "self"))

    reading = meant("some words", None, gift, own, Guess("thank", 0.4))

    assert reading == replace(answer("gift", 0.3), sure=False)


def test_somebody_named_speaks_for_a_gift() -> None:
    own = Guess("answer", 0.5, "gift_or_self", "self")
    guesses = (own, Guess("answer", 0.3, "gift_or_self", "gift"), Guess("thank", 0.2))

    assert read(heard("some words", *guesses), OPEN[1], CATALOGUE).value == "self"
    named = heard("some words", *guesses, relation="sister")
    assert read(named, OPEN[1], CATALOGUE).value == "gift"


def test_what_was_found_in_the_words_belongs_to_an_answer_alone() -> None:
    reading = read(
        heard("thanks from my sister", Guess("thank", 0.9), relation="sister"), None, CATALOGUE
    )

    assert reading.detail == {}


@pytest.mark.parametrize(
    ("act", "confidence", "sure"),
    [
        ("thank", 0.55, True),
        ("thank", 0.54, False),
        ("stop", 0.40, True),
        ("stop", 0.39, False),
        ("handoff", 0.45, True),
        ("decline", 0.45, True),
        ("decline", 0.44, False),
    ],
)
def test_it_is_sure_sooner_where_missing_it_would_hurt(
    act: str, confidence: float, *, sure: bool
) -> None:
    reading = meant("some words", None, Guess(act, confidence))

    assert (reading.act, reading.sure) == (act, sure)


def test_a_yes_that_nothing_called_for_is_rather_something_else() -> None:
    guesses = Guess("affirm", 0.5), Guess("unsure", 0.4)

    assert meant("some words", None, *guesses).act == "unsure"
    assert meant("some words", an_ask("consent"), *guesses).act == "affirm"


def test_a_thanks_beside_other_words_is_their_polite_end() -> None:
    guesses = Guess("thank", 0.6), Guess("already_sorted", 0.3)

    assert meant("covered, thanks", None, *guesses).act == "already_sorted"
    assert meant("many thanks for that", None, *guesses).act == "thank"


def test_what_is_said_to_a_question_is_less_likely_where_none_is_open() -> None:
    guesses = Guess("no_preference", 0.6), Guess("greet", 0.3)

    assert meant("evenin folk", None, *guesses).act == "greet"
    assert meant("evenin folk", an_ask("question"), *guesses).act == "no_preference"


def test_a_stop_that_may_be_is_asked_after_rather_than_a_guess_as_unsure() -> None:
    maybe = meant("some words", None, Guess("complaint", 0.5), Guess("stop", 0.25))

    assert (maybe.act, maybe.sure) == ("stop", False)
    assert (
        meant("some words", None, Guess("complaint", 0.75), Guess("stop", 0.15)).act == "complaint"
    )


def test_grief_without_a_word_of_it_needs_a_surer_model() -> None:
    thanks = Guess("thank", 0.28)

    assert meant("some words", None, Guess("sensitive_event", 0.3), thanks).act == "thank"
    assert meant("some words", None, Guess("sensitive_event", 0.95)).sure


def test_what_the_words_may_mean_besides_is_told() -> None:
    words = heard("some words", Guess("stop", 0.3), Guess("thank", 0.2))

    assert may_mean(words, "stop")
    assert not may_mean(words, "handoff")


def test_below_a_fifth_nothing_is_taken_to_be_meant() -> None:
    assert meant("some words", None, Guess("thank", 0.19)) == Reading(
        "out_of_scope", 0.19, sure=False
    )


def test_the_best_guess_counts_whatever_its_place() -> None:
    assert meant("some words", None, Guess("greet", 0.2), Guess("thank", 0.7)).act == "thank"


@pytest.mark.parametrize("text", ["", "  ", "!?", "🧦", "…"])
def test_no_words_are_never_a_guess(text: str) -> None:
    assert meant(text, an_ask("question"), Guess("affirm", 0.99)) == Reading(
        "unsure", 0.0, sure=False
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  It's  FOR\nme! ", "its for me"),
        ("It’s", "its"),
        ("¿Para mí?", "para mí"),
        ("für\u00a0mich", "für mich"),
        ("ﬁne", "fine"),
    ],
)
def test_words_alone_are_left(text: str, words: str) -> None:
    assert plain(text) == words


@given(st.text())
def test_plain_words_stay_as_they_are(text: str) -> None:
    words = plain(text)

    assert words == " ".join(words.split())
    assert plain(words) == words


@given(st.text(), st.sampled_from(OPEN), st.floats(0, 1), st.sampled_from(["answer", "stop"]))
def test_whatever_is_written_is_read(
    text: str, ask: Ask | None, confidence: float, act: str
) -> None:
    answer = Guess("answer", confidence, "gift_or_self", "gift")

    reading = meant(text, ask, answer if act == "answer" else Guess(act, confidence))

    assert 0 <= reading.confidence <= 1
    assert (reading.value is None) == (reading.question is None)


def test_an_answer_keeps_of_what_was_named_what_its_question_asks_for() -> None:
    guess = Guess("answer", 0.9, "gift_or_self", "gift")
    named = heard("x", guess, relation="cat", species="cat", time="tomorrow")

    assert read(named, None, CATALOGUE).detail == {"relation": "cat"}


def test_a_question_that_asks_for_nothing_besides_keeps_all_but_the_time() -> None:
    guess = Guess("answer", 0.9, "elsewhere", "play")
    named = heard("x", guess, species="cat", time="tomorrow")

    assert read(named, None, CATALOGUE).detail == {"species": "cat"}
