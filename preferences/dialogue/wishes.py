"""What a shopper may want at any moment: obeyed from every state, before anything else."""

from preferences.conversation import (
    ConsentAct,
    Erased,
    HandedOff,
    Lifted,
    Put,
    Reply,
    Suppress,
    Suppression,
    Turn,
)
from preferences.dialogue.asks import erase_ask
from preferences.dialogue.scene import Scene, shown


def stop(scene: Scene) -> Turn:
    """Ask nothing more anywhere, withdraw every permission, confirm once."""
    given = [purpose for purpose, held in scene.state.consents.items() if held.state == "given"]
    withdrawn = tuple(ConsentAct(purpose, "withdrawn", "stop_keyword") for purpose in given)
    forbid = Suppress(Suppression("all", "", "shopper_said_stop"))
    return scene.close("withdrawn") + Turn(records=(*withdrawn, forbid)) + scene.say("stopped")


def start(scene: Scene) -> Turn:
    """Allow questions again; permissions stay withdrawn until they are given anew."""
    return Turn(records=(Lifted(),)) + scene.say("started")


def stop_channel(scene: Scene) -> Turn:
    """Ask nothing more on this channel, keep the rest."""
    here = Suppression("channel", scene.state.channel, "shopper_left_channel")
    return scene.close("declined") + Turn(records=(Suppress(here),)) + scene.say("stop_channel")


def hand_off(scene: Scene) -> Turn:
    """Call a person and be silent."""
    return scene.close("skipped") + Turn(records=(HandedOff(),)) + scene.say("handed_off")


def erase(scene: Scene) -> Turn:
    """Ask once whether really everything is to go."""
    ask = erase_ask(scene)
    return scene.close("skipped") + Turn((shown(ask),), (Put(ask),))


def erase_confirmed(scene: Scene, *, really: bool) -> Turn:
    """Delete everything, or leave it as it is."""
    if really:
        return Turn(records=(Erased(),)) + scene.say("erased")
    return scene.close("answered") + scene.say("erase_kept")


def sensitive(scene: Scene) -> Turn:
    """Say one sentence of sympathy, and ask nothing for a long time."""
    days = scene.policy.days_after_sensitive_moment
    forbid = Suppress(Suppression("all", "", "sensitive_moment"), days)
    return scene.close("sensitive") + Turn(records=(forbid,)) + scene.say("sensitive")


def complaint(scene: Scene) -> Turn:
    """Offer help, not a question."""
    return scene.close("skipped") + scene.say("complaint")


def why(scene: Scene) -> Turn:
    """Give the reason of what is being asked, and put the same again."""
    ask, locale = scene.state.ask, scene.state.locale
    if ask is None:
        return scene.say("why_nothing")
    if ask.kind == "question":
        reason = scene.catalogue.questions[ask.question].reason[locale]
    elif ask.kind == "consent":
        reason = scene.catalogue.purposes[ask.purpose].reason[locale]
    else:
        return scene.put_again()
    return Turn((Reply("say", scene.voice.fill(reason)),)) + scene.put_again()


def tell_data(scene: Scene) -> Turn:
    """Play back what is known and where it came from."""
    state, voice = scene.state, scene.voice
    facts = [
        voice.say(
            "data_fact",
            state.locale,
            question=known.wording,
            answer=known.label,
            date=known.answered_at.date().isoformat(),
        )
        for known in state.known
    ]
    if state.purchases:
        facts.append(voice.say("data_purchases", state.locale, count=str(state.purchases)))
    told = scene.say("data_known", facts="; ".join(facts)) if facts else scene.say("data_nothing")
    return told + scene.put_again()
