"""Takes what a shopper says unasked: permission first, then it is read back, then it is stored."""

from dataclasses import replace

from preferences.choosing import forbidding
from preferences.conversation import About, Ask, Known, Pending, Resting, Turn, Unclear
from preferences.dialogue.asks import (
    consent_ask,
    put,
    put_again,
    question_anew,
    question_ask,
    read_back_ask,
    rested_ask,
)
from preferences.dialogue.keeping import keep, said, value_of
from preferences.dialogue.scene import Scene
from preferences.understanding import CHANNELS, Reading

MOST_UNCLEAR = 2


def unasked(scene: Scene, reading: Reading, words: str) -> Pending | None:
    """Give what was said to a question that is not the open one; None where it is nothing of it.

    Whatever is said to a question for own words is its answer, though it sounds like one to another;
    but for a wish about channels, which the words tell by themselves.
    """
    question = scene.catalogue.questions.get(reading.question or "")
    ask = scene.state.ask
    if _wants_own_words(scene, ask) and reading.question != CHANNELS:
        return None
    is_open = ask is not None and ask.kind in {"question", "confirm"} and question is not None
    if is_open and ask is not None and question is not None and ask.question == question.id:
        return None
    if question is None or question.kind == "open" or not reading.sure:
        return None
    return None if value_of(question, reading, words) is None else said(question, reading, words)


def _wants_own_words(scene: Scene, ask: Ask | None) -> bool:
    if ask is None or ask.kind != "question":
        return False
    return scene.catalogue.questions[ask.question].kind == "open"


def note(scene: Scene, pending: Pending) -> Turn:
    """Read it back, or ask first whether anything may be kept; a question that was open rests."""
    if forbidding(scene.state):
        return scene.say("not_now")
    purpose = scene.catalogue.questions[pending.question].purpose
    about = _about(scene, pending)
    ask = scene.state.ask
    pending = replace(pending, rests=_resting(ask))
    if scene.may_keep(purpose):
        return scene.close("skipped") + put(read_back_ask(scene, pending, about))
    notice = replace(consent_ask(scene, purpose, pending), about=about)
    if ask is not None and (ask.kind, ask.purpose) == ("consent", purpose):
        return put(replace(notice, begun=ask.begun or ask.id, candidate=ask.candidate))
    return scene.close("skipped") + put(notice)


def _resting(ask: Ask | None) -> Resting | None:
    """Give the question that was open, to be put again once this is settled."""
    if ask is None:
        return None
    told = ask.pending
    if ask.kind != "question" and (told is None or not told.asked):
        return told.rests if told else None
    picked = told if ask.kind == "question" else None
    return Resting(ask.question, ask.begun or ask.id, ask.about, ask.candidate, picked)


def _put_what_rested(scene: Scene, pending: Pending) -> Turn:
    """Put the question again that was open before, if it may still be asked."""
    rests = pending.rests
    question = scene.catalogue.questions.get(rests.question) if rests else None
    if rests is None or question is None or not scene.may_keep(question.purpose):
        return Turn()
    return put(rested_ask(scene, question, rests))


def _about(scene: Scene, pending: Pending) -> About | None:
    """Give the purchase it is about: the one that made this very question worth asking."""
    found = [one for one in scene.state.candidates if one.question == pending.question]
    return max(found, key=lambda one: one.at).about if found else None


def read_back_answered(
    scene: Scene, ask: Ask, reading: Reading, words: str | None, *, yes: bool
) -> Turn | None:
    """Answer what came to a read-back; None where it decides nothing."""
    question, pending = scene.catalogue.questions[ask.question], ask.pending
    if pending is None:
        return None
    if yes or (reading.sure and reading.act == "affirm"):
        return keep(scene, ask, pending) + _put_what_rested(scene, pending)
    if reading.sure and reading.act == "deny":
        return _misread(scene, ask, pending)
    if not reading.sure or value_of(question, reading, words) is None:
        return None
    corrected = replace(said(question, reading, words, pending.asked), rests=pending.rests)
    if corrected.value == pending.value or pending.asked:
        return keep(scene, ask, corrected) + _put_what_rested(scene, corrected)
    return scene.close("unclear") + put(read_back_ask(scene, corrected, ask.about))


def _misread(scene: Scene, ask: Ask, pending: Pending) -> Turn:
    """Ask once more what was misread, or note nothing of what was not asked for."""
    count = scene.state.unclear + 1
    if not pending.asked:
        noted = scene.close("unclear") + scene.say("not_noted")
        return noted + _put_what_rested(scene, pending)
    if count > MOST_UNCLEAR:
        return Turn(records=(Unclear(0),)) + scene.close("unclear") + scene.say("unclear_end")
    return Turn(records=(Unclear(count),)) + put(question_anew(scene, ask))


def after_permission(scene: Scene, ask: Ask, pending: Pending) -> Turn:
    """Read back what was said before permission was asked for."""
    return put(read_back_ask(scene, pending, ask.about))


def correct(scene: Scene, reading: Reading, words: str) -> Turn:
    """Ask anew what was answered wrongly, or read the right answer back: the newest one counts."""
    wrong = _wrong(scene, reading)
    if wrong is None or forbidding(scene.state):
        return scene.say("correct" if scene.state.known else "correct_nothing") + put_again(scene)
    question = scene.catalogue.questions[wrong.question]
    if value_of(question, reading, words) is not None and reading.question == question.id:
        right = read_back_ask(scene, said(question, reading, words), wrong.about)
        return scene.close("skipped") + put(right)
    again = question_ask(scene, question, wrong.about)
    return scene.close("skipped") + scene.say("correcting") + put(again)


def _wrong(scene: Scene, reading: Reading) -> Known | None:
    """Give the newest answer that may be kept, of the question meant if one is.

    What was said elsewhere is shown back only to whom the shop vouched for.
    """
    questions = scene.catalogue.questions
    known = [
        one
        for one in scene.state.known
        if (one.here or scene.state.verified)
        and one.question in questions
        and scene.may_keep(questions[one.question].purpose)
    ]
    meant = [one for one in known if one.question == reading.question]
    found = meant or known
    return max(found, key=lambda one: one.answered_at) if found else None
