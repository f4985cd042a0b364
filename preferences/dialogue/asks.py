"""Puts a question: first whether it may be kept, then the question itself, one at a time."""

from hashlib import sha256

from preferences.catalogue import Question
from preferences.choosing import choose
from preferences.conversation import Ask, Candidate, Choice, Decision, Put, Turn
from preferences.dialogue.scene import Scene, shown


def ask_or_be_silent(scene: Scene, trigger: str) -> Turn:
    """Let the decision be made, and put what it chose; its reasons are recorded either way."""
    decision = choose(trigger, scene.state, scene.catalogue, scene.policy)
    return Turn(records=(decision,)) + _put(scene, decision)


def _put(scene: Scene, decision: Decision) -> Turn:
    chosen = [found for found in scene.state.candidates if found.id == decision.candidate]
    if not chosen:
        return Turn()
    question = scene.catalogue.questions[chosen[0].question]
    if not scene.may_keep(question.purpose):
        return _put_ask(consent_ask(scene, question.purpose))
    return _put_ask(question_ask(scene, question, chosen[0]))


def _put_ask(ask: Ask) -> Turn:
    return Turn((shown(ask),), (Put(ask),))


def question_ask(scene: Scene, question: Question, candidate: Candidate) -> Ask:
    """Word a question for this shopper and occasion."""
    locale = scene.state.locale
    return Ask(
        id=_ask_id(scene),
        kind="question",
        question=question.id,
        version=question.version,
        purpose=question.purpose,
        wording=scene.voice.fill(question.wording[locale], product=candidate.about.product),
        choices=_choices(scene, question),
        locale=locale,
        asked_at=scene.state.now,
        about=candidate.about,
        candidate=candidate.id,
    )


def consent_ask(scene: Scene, purpose: str) -> Ask:
    """Word the notice that asks for permission; yes and no are of equal rank."""
    locale = scene.state.locale
    notice = scene.catalogue.purposes[purpose]
    return Ask(
        id=_ask_id(scene),
        kind="consent",
        question=purpose,
        version=notice.version,
        purpose=purpose,
        wording=scene.voice.fill(notice.wording[locale]),
        choices=(
            Choice(notice.agree[locale], act="affirm"),
            Choice(notice.refuse[locale], act="deny"),
        ),
        locale=locale,
        asked_at=scene.state.now,
    )


def erase_ask(scene: Scene) -> Ask:
    """Word the one confirmation before everything is deleted."""
    locale = scene.state.locale
    return Ask(
        id=_ask_id(scene),
        kind="erase",
        question="erase_data",
        version=1,
        purpose="",
        wording=scene.voice.say("erase_ask", locale),
        choices=(
            Choice(scene.voice.say("erase_yes", locale), act="affirm"),
            Choice(scene.voice.say("erase_no", locale), act="deny"),
        ),
        locale=locale,
        asked_at=scene.state.now,
    )


def _choices(scene: Scene, question: Question) -> tuple[Choice, ...]:
    """Give the buttons: the first two change places from shopper to shopper, the way out is last."""
    locale = scene.state.locale
    options = [option for option in question.options if option.offered]
    if question.rotate and sha256(scene.state.shopper.encode()).digest()[0] % 2:
        options[:2] = reversed(options[:2])
    shown_options = tuple(Choice(option.label[locale], option.value) for option in options)
    way_out = Choice(scene.voice.say("decline_label", locale), act="decline")
    return (*shown_options, way_out)


def _ask_id(scene: Scene) -> str:
    """One ask at most comes of one turn, so the turn names it: a turn done twice puts it once."""
    return f"{scene.state.conversation}.{scene.state.turn}"
