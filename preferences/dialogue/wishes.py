"""What a shopper may want at any moment: obeyed from every state, before anything else."""

from dataclasses import replace

from preferences.conversation import (
    Claimed,
    ConsentAct,
    Erased,
    HandedOff,
    Known,
    Lifted,
    Reply,
    Suppress,
    Suppression,
    Turn,
)
from preferences.dates import written
from preferences.dialogue.asks import erase_ask, put, put_again
from preferences.dialogue.scene import Scene
from preferences.sensitive import sensitive_words
from preferences.understanding import Reading

_MOMENT = "sensitive_moment"


def stop(scene: Scene) -> Turn:
    """Ask nothing more anywhere, withdraw every permission, confirm once."""
    given = [purpose for purpose, held in scene.state.consents.items() if held.state == "given"]
    withdrawn = tuple(ConsentAct(purpose, "withdrawn", "stop_keyword") for purpose in given)
    forbid = Suppress(Suppression("all", "", "shopper_said_stop"))
    ended = scene.close("withdrawn", "stopped")
    return ended + Turn(records=(*withdrawn, forbid)) + scene.say("stopped")


def start(scene: Scene) -> Turn:
    """Allow questions again; permissions stay withdrawn until they are given anew."""
    return Turn(records=(Lifted(),)) + scene.say("started")


def stop_channel(scene: Scene, reading: Reading) -> Turn:
    """Leave the channels that are named, or else this one, and keep the rest."""
    refused = {told.value for told in reading.statements if told.polarity == "does_not_want"}
    one = reading.value or reading.detail.get("channel") or scene.state.channel
    left = sorted(refused) or [one]
    forbid = [Suppress(Suppression("channel", name, "shopper_left_channel")) for name in left]
    if scene.state.channel in left:
        ended = scene.close("declined", "stopped")
        return ended + Turn(records=tuple(forbid)) + scene.say("stop_channel")
    noted = Turn(records=tuple(forbid)) + scene.say("stop_channel_elsewhere")
    return noted if scene.state.handed_off else noted + put_again(scene)


def pause(scene: Scene) -> Turn:
    """Ask nothing for some days, withdraw nothing."""
    forbid = Suppress(Suppression("all", "", "shopper_paused"), scene.policy.days_between_questions)
    return Turn(records=(forbid,)) + scene.say("paused")


def hand_off(scene: Scene) -> Turn:
    """Call a person and be silent."""
    return scene.close("skipped") + Turn(records=(HandedOff(),)) + scene.say("handed_off")


def erase(scene: Scene) -> Turn:
    """Ask once whether really everything is to go."""
    return scene.close("skipped") + put(erase_ask(scene))


def erase_confirmed(scene: Scene, *, really: bool) -> Turn:
    """Delete everything, or leave it as it is.

    What was said on this device before somebody signed in goes with it, if nobody decided on it yet.
    """
    if really:
        stranger = scene.state.claimable
        unclaimed = () if stranger is None else (Claimed(stranger, accepted=False),)
        return Turn(records=(*unclaimed, Erased())) + scene.say("erased")
    return scene.close("answered") + scene.say("erase_kept")


def sensitive(scene: Scene, reading: Reading, text: str = "") -> Turn:
    """Say one sentence of sympathy, once, and ask nothing for a long time.

    What the loss is about is not touched for longer still. Who despairs hears where help is, and no
    condolence.
    """
    kind = reading.detail.get("kind")
    if kind == "despair":
        occasion = "despair"
    elif any(held.reason == _MOMENT for held in scene.state.suppressions):
        occasion = "sensitive_again"
    else:
        occasion = "sensitive"
    event = None if kind == "despair" else sensitive_words().event(kind, text)
    days = event.pause_days if event else scene.policy.days_after_sensitive_moment
    silence = [Suppress(Suppression("all", "", _MOMENT), days)]
    if event is not None:
        silence += [
            Suppress(Suppression("category", category, _MOMENT), event.days)
            for category in event.categories
        ]
    return scene.close("sensitive") + Turn(records=tuple(silence)) + scene.say(occasion)


def wanted_again(scene: Scene, text: str) -> Turn | None:
    """Lift in one step what fell silent after a loss; None where nothing of it is spoken of."""
    categories = sensitive_words().wanted_again(text)
    held = [one for one in scene.state.suppressions if one.reason == _MOMENT]
    if not any(one.scope == "all" or one.target in categories for one in held) or not categories:
        return None
    return Turn(records=(Lifted(categories),)) + scene.say("started")


def complaint(scene: Scene) -> Turn:
    """Offer help, not a question, and ask nothing for some days."""
    forbid = Suppress(Suppression("all", "", "complaint"), scene.policy.days_after_complaint)
    ended = scene.close("skipped", "complained")
    return ended + Turn(records=(forbid,)) + scene.say("complaint")


def why(scene: Scene) -> Turn:
    """Give the reason of what is being asked, and put the same again."""
    ask, locale = scene.state.ask, scene.state.locale
    if ask is None:
        return scene.say("why_nothing")
    if ask.kind == "erase":
        return put_again(scene)
    if ask.kind == "claim":
        return scene.say("claim_why") + put_again(scene)
    if ask.kind == "invite":
        return scene.say("invite_why") + put_again(scene)
    if ask.kind == "consent":
        reason = scene.catalogue.purposes[ask.purpose].reason[locale]
    else:
        reason = scene.catalogue.questions[ask.question].reason[locale]
    return Turn((Reply("say", scene.voice.fill(reason)),)) + put_again(scene)


def capabilities(scene: Scene) -> Turn:
    """Tell what can be done here, and within which limits anything is asked."""
    state, voice = scene.state, scene.voice
    offer = voice.say("offer", state.locale, state.spoken)
    promise = voice.say("promise", state.locale, 0, **scene.policy.promised)
    return Turn((Reply("say", f"{offer} {promise}"),)) + put_again(scene)


def tell_data(scene: Scene) -> Turn:
    """Play back what is known and where it came from.

    What was said elsewhere, and what was bought, is told only to whom the shop vouched for.
    """
    state, voice = scene.state, scene.voice
    facts = [_fact(scene, known) for known in state.known if known.here or state.verified]
    if state.purchases and state.verified:
        count, source = str(sum(state.purchases.values())), ", ".join(state.purchases)
        bought = voice.say("data_purchases", state.locale, count=count)
        facts.append(voice.say("data_from", state.locale, fact=bought, source=source))
    told = scene.say("data_known", facts="; ".join(facts)) if facts else scene.say("data_nothing")
    shown = replace(told, replies=tuple(replace(one, page=True) for one in told.replies))
    return shown + put_again(scene)


def _fact(scene: Scene, known: Known) -> str:
    locale = scene.state.locale
    occasion = "data_unwanted" if known.unwanted else "quoted"
    place = "data_fact_here" if known.here else "data_fact"
    return scene.voice.say(
        "data_fact_shop" if known.source else place,
        locale,
        question=known.wording,
        answer=scene.voice.say(occasion, locale, answer=known.label),
        channel=known.channel,
        source=known.source,
        date=written(known.answered_at, locale),
    )
