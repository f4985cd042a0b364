"""What is left alone for a time after an answer or a refusal: a topic, a kind of goods, everything."""

from preferences.catalogue import Question
from preferences.conversation import Ask, Outcome, Pending, Suppress, Suppression, Turn
from preferences.dialogue.scene import Scene
from preferences.policy import Policy


def after_outcome(scene: Scene, ask: Ask | None, outcome: Outcome) -> Turn:
    """Leave alone what is taken care of, or does not concern the shopper.

    What is taken care of is the kind of goods, where it is known.
    """
    if ask is None or ask.kind not in {"question", "confirm", "invite"}:
        return Turn()
    if ask.kind == "invite":
        days = _days(outcome, scene.policy)
        return _mute(ask, outcome, days) if days else Turn()
    kind = ask.category if outcome == "already_sorted" else ""
    left = left_alone(scene.catalogue.questions[ask.question], outcome, scene.policy, kind)
    return Turn(records=(left,)) if left else Turn()


def left_alone(
    question: Question, outcome: Outcome | None, policy: Policy, category: str = ""
) -> Suppress | None:
    """Give what rests after a question ended so, wherever it was asked; None where nothing does.

    `category` is the kind of goods that it was about, where that is known.
    """
    days = _days(outcome, policy)
    if days is None or outcome is None:
        return None
    goods = category or question.category
    scope, target = ("category", goods) if goods else ("topic", question.id)
    return Suppress(Suppression(scope, target, outcome), days)


def _days(outcome: Outcome | None, policy: Policy) -> int | None:
    return {
        "already_sorted": policy.days_after_already_sorted,
        "not_relevant": policy.days_after_not_relevant,
    }.get(outcome or "")


def never_again(scene: Scene, ask: Ask | None) -> Turn:
    """Leave a question alone for the time that a shopper's word holds."""
    return Turn() if ask is None else _mute(ask, "shopper_muted", scene.policy.days_muted)


def _mute(ask: Ask, reason: str, days: int) -> Turn:
    return Turn(records=(Suppress(Suppression("topic", ask.question, reason), days),))


def after_answer(scene: Scene, ask: Ask, pending: Pending) -> Turn:
    """Be silent where a person has to help, and leave alone what an answer says is taken care of."""
    question, policy = scene.catalogue.questions[pending.question], scene.policy
    if pending.detail.get("polarity") == "does_not_want":
        return Turn()
    leads = {option.leads_to for option in question.chosen(pending.value)}
    if "help" in leads:
        silence = Suppress(Suppression("all", "", "complaint"), policy.days_after_complaint)
        return Turn(records=(silence,))
    if "rest" in leads and ask.category:
        sorted_ = Suppression("category", ask.category, "already_sorted")
        return Turn(records=(Suppress(sorted_, policy.days_after_already_sorted),))
    return Turn()
