"""Puts a question: first whether it may be kept, then the question itself, one at a time."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Literal

from preferences.catalogue import GOOD_MOMENT, Question
from preferences.choosing import choose
from preferences.choosing.experiments import assigned
from preferences.conversation import (
    About,
    Ask,
    Candidate,
    Choice,
    Decision,
    Pending,
    Put,
    Recalled,
    Resting,
    Turn,
)
from preferences.dialogue.inviting import invite_ask
from preferences.dialogue.naming import ask_id
from preferences.dialogue.scene import Scene, shown
from preferences.referral import QUESTION as REFERRAL

DONE = "done"
"""The act of the button that ends picking."""


def ask_or_be_silent(scene: Scene, trigger: str) -> Turn:
    """Let the decision be made, and put what it chose; its reasons are recorded either way."""
    decision = choose(trigger, scene.state, scene.catalogue, scene.policy, scene.referral)
    return Turn(records=(decision,)) + _put(scene, decision)


def _put(scene: Scene, decision: Decision) -> Turn:
    chosen = [found for found in scene.state.candidates if found.id == decision.candidate]
    if not chosen:
        return Turn()
    if chosen[0].question == REFERRAL:
        return put(invite_ask(scene, chosen[0].id))
    if chosen[0].question == GOOD_MOMENT:
        return put(consent_ask(scene, GOOD_MOMENT))
    question = scene.catalogue.questions[chosen[0].question]
    if not scene.may_keep(question.purpose):
        return put(consent_ask(scene, question.purpose))
    ask, promise = candidate_ask(scene, question, chosen[0]), _promise(scene, chosen[0])
    if not promise:
        return put(ask)
    told = scene.voice.say("came_by", scene.state.locale, promise=promise)
    return put(replace(ask, wording=f"{told} {ask.wording}")) + Turn(records=(Recalled(),))


def _promise(scene: Scene, candidate: Candidate) -> str:
    """Give what the shopper came for, before the first question about a purchase that came of it."""
    came_by = scene.state.came_by
    entry = scene.catalogue.entries.get(came_by[0]) if came_by else None
    if came_by is None or entry is None or not candidate.about.sku or candidate.at < came_by[1]:
        return ""
    return entry.promise[scene.state.locale]


def put(ask: Ask) -> Turn:
    """Show an ask, which is the open one from now on."""
    return Turn((shown(ask),), (Put(ask),))


def put_again(scene: Scene, wording: str = "", *, unsure: bool = False) -> Turn:
    """Show the open ask once more, in other words if there are any, in the language spoken now.

    `unsure` says before it that the answer was not understood.
    """
    ask = scene.state.ask
    if ask is None:
        return Turn()
    is_foreign = ask.locale != scene.state.locale
    ask = translated(scene, ask) if is_foreign else ask
    before = f"{scene.voice.say('unclear', scene.state.locale)} " if unsure else ""
    again = replace(ask, wording=f"{before}{wording or ask.wording}")
    return put(again) if is_foreign else Turn((shown(again),))


def candidate_ask(scene: Scene, question: Question, candidate: Candidate) -> Ask:
    """Word the question of an occasion; who is known for sure hears what they said before."""
    about = candidate.about if candidate.about.sku else None
    ask = question_ask(scene, question, about)
    if scene.state.verified and (before := named(scene, question, candidate.said)):
        told = scene.voice.say("said_before", scene.state.locale, answer=before)
        ask = replace(ask, wording=f"{told} {ask.wording}")
    begun = candidate.begun or None
    return replace(ask, candidate=candidate.id, category=candidate.category, begun=begun)


def question_ask(scene: Scene, question: Question, about: About | None) -> Ask:
    """Word a question for this shopper, about a purchase or in general."""
    locale = scene.state.locale
    product = about.product if about else ""
    found = assigned(
        question.id, scene.state.head or scene.state.shopper, scene.policy, scene.state.paused
    )
    wording = question.variants.get(found.arm, question.wording) if found else question.wording
    return Ask(
        id=ask_id(scene.state),
        kind="question",
        question=question.id,
        version=question.version,
        purpose=question.purpose,
        wording=scene.voice.fill(wording[locale], product=product),
        choices=(*_options(scene, question), _way_out(scene), *_taps(scene, question)),
        locale=locale,
        asked_at=scene.state.now,
        about=about,
        experiment=found.told if found else "",
    )


def question_anew(scene: Scene, ask: Ask) -> Ask:
    """Word the question of an ask once more, in its help's words."""
    question = scene.catalogue.questions[ask.question]
    again = question_ask(scene, question, ask.about)
    wording = scene.voice.fill(question.unclear[scene.state.locale])
    return replace(_following(again, ask), wording=wording)


def pick_ask(scene: Scene, ask: Ask, picked: Pending) -> Ask:
    """Word the same question with the options that are left, and a button to leave it there."""
    question, locale = scene.catalogue.questions[ask.question], scene.state.locale
    chosen = question.chosen(picked.value)
    left = {choice.value for choice in ask.choices} - {option.value for option in chosen}
    labels = named(scene, question, picked.value)
    done = Choice(scene.voice.say("done_label", locale), act=DONE)
    again = replace(
        question_ask(scene, question, ask.about),
        wording=scene.voice.say("picked", locale, scene.state.spoken, answer=labels),
        choices=(*_options(scene, question, left), done, _way_out(scene)),
        pending=picked,
    )
    return _following(again, ask)


def rested_ask(scene: Scene, question: Question, rests: Resting) -> Ask:
    """Word a question again that rested: it is the same one, with what was picked before."""
    ask = question_ask(scene, question, rests.about)
    if rests.picked is not None:
        ask = pick_ask(scene, ask, rests.picked)
    return replace(ask, begun=rests.begun, candidate=rests.candidate)


def read_back_ask(scene: Scene, pending: Pending, about: About | None) -> Ask:
    """Word what was understood, to be confirmed by a yes before it is stored."""
    question, locale = scene.catalogue.questions[pending.question], scene.state.locale
    unwanted = pending.detail.get("polarity") == "does_not_want"
    occasion = "read_back_not" if unwanted else "read_back"
    answer = _with_others(scene, question, pending)
    if about is not None and not pending.asked:
        answer = scene.voice.say("read_back_about", locale, answer=answer, product=about.product)
    return Ask(
        id=ask_id(scene.state),
        kind="confirm",
        question=question.id,
        version=question.version,
        purpose=question.purpose,
        wording=scene.voice.say(occasion, locale, scene.state.spoken, answer=answer),
        choices=(
            Choice(scene.voice.say("yes_label", locale), act="affirm"),
            Choice(scene.voice.say("no_label", locale), act="deny"),
            _way_out(scene),
        ),
        locale=locale,
        asked_at=scene.state.now,
        about=about,
        pending=pending,
    )


def reading_back(scene: Scene, ask: Ask, pending: Pending) -> Ask:
    """Read back what was said to an ask."""
    return _following(read_back_ask(scene, pending, ask.about), ask)


def consent_ask(scene: Scene, purpose: str, pending: Pending | None = None) -> Ask:
    """Word the notice that asks for permission; yes and no are of equal rank."""
    locale = scene.state.locale
    notice = scene.catalogue.purposes[purpose]
    return Ask(
        id=ask_id(scene.state),
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
        pending=pending,
    )


def erase_ask(scene: Scene) -> Ask:
    """Word the one confirmation before everything is deleted."""
    return _yes_or_no(scene, "erase", "erase_data")


def claim_ask(scene: Scene) -> Ask:
    """Word the one question whether what was said before signing in may be kept with the account."""
    return _yes_or_no(scene, "claim", "claim_answers")


def _yes_or_no(scene: Scene, kind: Literal["erase", "claim"], about: str) -> Ask:
    """Word a question of our own, by the voice's sentences for its kind."""
    locale = scene.state.locale
    return Ask(
        id=ask_id(scene.state),
        kind=kind,
        question=about,
        version=1,
        purpose="",
        wording=scene.voice.say(f"{kind}_ask", locale),
        choices=(
            Choice(scene.voice.say(f"{kind}_yes", locale), act="affirm"),
            Choice(scene.voice.say(f"{kind}_no", locale), act="deny"),
        ),
        locale=locale,
        asked_at=scene.state.now,
    )


def translated(scene: Scene, ask: Ask) -> Ask:
    """Word an open ask in the language that is spoken now."""
    match ask.kind, ask.pending:
        case "question", None:
            question = scene.catalogue.questions[ask.question]
            again = question_ask(scene, question, ask.about)
        case "question", Pending() as picked:
            return pick_ask(scene, ask, picked)
        case "confirm", Pending() as pending:
            again = read_back_ask(scene, pending, ask.about)
        case "consent", pending:
            again = replace(consent_ask(scene, ask.purpose, pending), about=ask.about)
        case "claim", _:
            again = claim_ask(scene)
        case "invite", _:
            again = invite_ask(scene, ask.candidate)
        case _:
            again = erase_ask(scene)
    return _following(again, ask)


def named(scene: Scene, question: Question, value: str) -> str:
    """Name an answer in quotes, as its buttons do; one in own words has no name."""
    locale = scene.state.locale
    labels = [option.label[locale] for option in question.chosen(value)]
    quoted = [scene.voice.say("quoted", locale, answer=label) for label in labels]
    return ", ".join(quoted)


def _with_others(scene: Scene, question: Question, pending: Pending) -> str:
    """Name an answer with what was said of other options in the same breath."""
    answer, locale = named(scene, question, pending.value), scene.state.locale
    for occasion, told in (("but_not", "does_not_want"), ("but_also", "wants")):
        other = named(scene, question, pending.detail.get(told, ""))
        if other:
            answer = scene.voice.say(occasion, locale, answer=answer, other=other)
    return answer


def _following(again: Ask, ask: Ask) -> Ask:
    begun = ask.begun or ask.id
    return replace(
        again,
        begun=begun,
        candidate=ask.candidate,
        category=ask.category,
        experiment=ask.experiment,
    )


def _options(
    scene: Scene, question: Question, left: Collection[str | None] | None = None
) -> tuple[Choice, ...]:
    """Give the buttons; the first two change places from shopper to shopper."""
    locale = scene.state.locale
    options = [option for option in question.options if option.offered]
    if question.rotate and sha256(scene.state.shopper.encode()).digest()[0] % 2:
        options[:2] = reversed(options[:2])
    return tuple(
        Choice(option.label[locale], option.value)
        for option in options
        if left is None or option.value in left
    )


def _taps(scene: Scene, question: Question) -> Iterator[Choice]:
    """Give the buttons that say at once that it does not fit; each is respected for a time."""
    for tap in question.taps:
        yield Choice(scene.voice.say(f"{tap}_label", scene.state.locale), act=tap)


def _way_out(scene: Scene) -> Choice:
    """Give the button that stands behind the answers and asks no questions back."""
    return Choice(scene.voice.say("decline_label", scene.state.locale), act="decline")
