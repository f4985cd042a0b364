"""Invites who is glad of the shop to bring a friend: terms first, one tap, then a link of their own."""

from preferences.conversation import Ask, Choice, Closed, Invited, Link, Reply, Turn
from preferences.dialogue.naming import ask_id
from preferences.dialogue.scene import Scene
from preferences.errors import CatalogueError
from preferences.referral import QUESTION, Referral, share_ways

_OPENED = ("mail", "whatsapp", "messenger", "sms")


def invite_ask(scene: Scene, candidate: str | None) -> Ask:
    """Word the invitation: both rewards and the conditions, and no link before there is a yes."""
    page, locale = _page(scene), scene.state.locale
    return Ask(
        id=ask_id(scene.state),
        kind="invite",
        question=QUESTION,
        version=page.version,
        purpose="",
        wording=" ".join(page.terms[locale]),
        choices=(
            Choice(scene.voice.say("invite_yes", locale), act="affirm"),
            Choice(scene.voice.say("invite_no", locale), act="decline"),
        ),
        locale=locale,
        asked_at=scene.state.now,
        candidate=candidate,
    )


def accepted(scene: Scene, code: str) -> Turn:
    """Give the link, in words that may be passed on as they are, and the ways to share it."""
    page, locale = _page(scene), scene.state.locale
    ways = share_ways(page, page.link.replace("{code}", code), locale)
    links = [Link("copy", scene.voice.say("share_copy", locale), ways["link"])]
    links += [Link(way, scene.voice.say(f"share_{way}", locale), ways[way]) for way in _OPENED]
    links += [Link("sheet", scene.voice.say("share_sheet", locale), ways["sheet"])]
    told = scene.voice.say("invite_link", locale)
    replies = (Reply("say", told), Reply("say", ways["sheet"], links=tuple(links)))
    return Turn(replies, (Invited(code, page.promotion_days), Closed("answered")))


def _page(scene: Scene) -> Referral:
    if scene.referral is None:
        message = "Nobody can be invited without a page of terms; load referral.yml."
        raise CatalogueError(message)
    return scene.referral
