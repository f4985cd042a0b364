"""Takes what a shopper said to a question: as clear, to be read back, to go on with, or not at all."""

from preferences.catalogue import WORDS, Question
from preferences.conversation import Answered, Ask, Closed, Pending, Turn
from preferences.dialogue.asks import pick_ask, put, reading_back
from preferences.dialogue.giving import give
from preferences.dialogue.resting import after_answer
from preferences.dialogue.scene import Scene
from preferences.dialogue.suggesting import beside
from preferences.understanding import Reading, plain

_CLEAR = 0.75  # from here on it is stored as it was understood
_MIDDLING = 0.45  # from here on it is read back; below it is asked again
_CERTAIN = 0.95  # what the words say by themselves no guess contradicts
_NEAR = 0.1
_MOST_PICKS = {"pick_two": 2}
_YES_OR_NO = {"affirm": "yes", "deny": "no"}
_NOTHING_MORE = frozenset({"deny", "dont_know", "no_preference"})  # to "what else?"
_NOTHING_ELSE = frozenset({"answer", "out_of_scope", "affirm", "deny", "unsure"})


def value_of(question: Question, reading: Reading, words: str | None) -> str | None:
    """Give the value that a reading has for a question; None where it is no answer to it."""
    if question.kind == "open":
        own = plain(words or "") and (reading.act in _NOTHING_ELSE or not reading.sure)
        return WORDS if own else None
    if reading.question not in {None, question.id}:
        return None
    if question.kind == "confirm" and reading.act in _YES_OR_NO:
        return _YES_OR_NO[reading.act]
    value = ",".join(sorted(set(reading.values))) if reading.values else reading.value
    if value is None or not question.holds(value):
        return None
    unwanted = reading.polarity == "does_not_want"
    return None if unwanted and question.unwanted is None else value


def said(question: Question, reading: Reading, words: str | None, asked: str = "") -> Pending:
    """Give what was said to a question of which the reading has a value.

    What was said of other options in the same breath stands in the detail: `wants`, `does_not_want`.
    """
    value = value_of(question, reading, words) or ""
    about = {"polarity": reading.polarity, "purpose": reading.purpose}
    for polarity in ("wants", "does_not_want"):
        others = {other.value for other in reading.statements if other.polarity == polarity}
        about[polarity] = ",".join(sorted(others - {value}))
    detail = {**reading.detail, **{name: told for name, told in about.items() if told}}
    return Pending(question.id, value, detail, words, reading.confidence, asked)


def take(scene: Scene, ask: Ask, reading: Reading, words: str | None) -> Turn | None:
    """Take a reading as an answer to the open question; None where it is none, or too unclear."""
    question = scene.catalogue.questions[ask.question]
    earlier = ask.pending
    nothing_more = reading.act == "done" or (reading.sure and reading.act in _NOTHING_MORE)
    if earlier is not None and nothing_more:
        return keep(scene, ask, earlier)
    if value_of(question, reading, words) is None:
        return None
    pending = _with_earlier(said(question, reading, words, ask.id), earlier)
    if words is None:
        return _picked(scene, ask, question, pending)
    is_clear = question.kind == "open" or (reading.sure and reading.confidence >= _CLEAR)
    if question.kind != "open" and _contradicts_itself(reading):
        return None
    if not question.holds(pending.value) or not (is_clear or reading.confidence >= _MIDDLING):
        return None
    return keep(scene, ask, pending) if is_clear else put(reading_back(scene, ask, pending))


def _contradicts_itself(reading: Reading) -> bool:
    """Whether the words may as well be another answer to the same question."""
    others = [
        other.confidence
        for other in reading.alternatives
        if (other.act, other.question) == ("answer", reading.question)
        and other.value not in {None, reading.value, *reading.values}
    ]
    return reading.confidence < _CERTAIN and max(others, default=0.0) > reading.confidence - _NEAR


def _with_earlier(pending: Pending, earlier: Pending | None) -> Pending:
    """Add what was picked before to what was said now."""
    if earlier is None:
        return pending
    values = {*earlier.value.split(","), *pending.value.split(",")}
    return Pending(
        pending.question,
        ",".join(sorted(values)),
        {**earlier.detail, **pending.detail},
        pending.words,
        pending.confidence,
        earlier.asked,
    )


def _picked(scene: Scene, ask: Ask, question: Question, pending: Pending) -> Turn:
    """Go on picking until it is enough; a question that takes one option has enough at once."""
    if question.kind not in {"several", "pick_two"}:
        return keep(scene, ask, pending)
    options = {choice.value for choice in ask.choices if choice.value is not None}
    picks = pending.value.split(",")
    is_enough = len(picks) >= _MOST_PICKS.get(question.kind, len(question.options))
    if is_enough or options <= set(picks):
        return keep(scene, ask, pending)
    return put(pick_ask(scene, ask, pending))


def keep(scene: Scene, ask: Ask, pending: Pending) -> Turn:
    """Store an answer, say what it changes, and give something back."""
    answer = Answered(ask, pending.value, pending.detail, pending.words, pending.confidence)
    thanks = _thanks(scene, ask, pending)
    given = give(scene, ask, beside=bool(thanks.records))
    told = Turn(records=(answer, Closed("answered"))) + thanks + given
    return told + after_answer(scene, ask, pending)


def _thanks(scene: Scene, ask: Ask, pending: Pending) -> Turn:
    """Say what it changes, and what is given for it."""
    reply, tip = _texts(scene, pending)
    return beside(scene, reply, tip, ask, pending.question)


def _texts(scene: Scene, pending: Pending) -> tuple[str, str]:
    question, locale = scene.catalogue.questions[pending.question], scene.state.locale
    options = question.chosen(pending.value)
    reply, give = question.reply or {}, question.give
    if pending.detail.get("polarity") == "does_not_want" and question.unwanted is not None:
        reply = question.unwanted
    elif len(options) == 1:
        reply, give = options[0].reply, options[0].give
    labels = ", ".join(option.label[locale] for option in options)
    answer = labels or pending.words or ""
    said, given = (scene.voice.fill(text[locale], answer=answer) for text in (reply, give))
    return said, given
