"""Reads the webhooks of Messenger and of Instagram, which are alike: every entry and every item."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bot.channels.shapes import guarded, moment, read_object, thing, things, word, words
from bot.messages import Action, Inbound, Receipt

_MEDIA = {"image": "image", "video": "video", "audio": "audio", "file": "document"}
_HANDOVERS = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
_SWITCH: dict[str, Action] = {
    "STOP_NOTIFICATIONS": "marketing_opt_out",
    "STOP NOTIFICATIONS": "marketing_opt_out",
    "RESUME_NOTIFICATIONS": "marketing_opt_in",
    "RESUME NOTIFICATIONS": "marketing_opt_in",
}
_REFERRAL = ("ref", "source", "type", "ad_id")


def parse(raw: bytes, channel: str, app: str = "") -> list[Inbound]:
    """Read a body whole; `app` is the id of the shop's own app, where it is known.

    :raises BadInputError: it is no JSON object at all.
    """
    found: list[Inbound] = []
    for entry in things(read_object(raw).get("entry")):
        account = word(entry.get("id"))
        read = [
            replace(one, account=account)
            for item in things(entry.get("messaging"))
            for one in guarded(partial(_item, item, channel, app), channel, account=account)
        ]
        read += [
            replace(one, account=account)
            for item in things(entry.get("standby"))
            for one in guarded(partial(_standby, item, channel), channel, account=account)
        ]
        found += read or [Inbound("ignored_field", account=account)]
    return found or [Inbound("ignored_field")]


def _item(item: dict[str, Any], channel: str, app: str) -> Iterator[Inbound]:
    message = thing(item.get("message"))
    if message.get("is_echo") is True:
        yield _echo(item, message, channel)
        return
    told = _told(item, channel)
    if message:
        yield _message(replace(told, message_id=word(message.get("mid")) or None), message)
        return
    for key, value in item.items():
        if isinstance(value, dict) and (read := _other(told, key, value, app)):
            yield read
            return
    yield replace(told, action="ignored_field")


def _told(item: dict[str, Any], channel: str) -> Inbound:
    sender = word(thing(item.get("sender")).get("id"))
    names = {channel: sender} if sender else {}
    referral = thing(item.get("referral")) or thing(thing(item.get("postback")).get("referral"))
    referral = referral or thing(thing(item.get("message")).get("referral"))
    return Inbound(
        "unsupported",
        sender=sender or None,
        names=names,
        at=moment(item.get("timestamp")),
        source={name: told for name in _REFERRAL if (told := word(referral.get(name)))},
    )


def _message(told: Inbound, message: dict[str, Any]) -> Inbound:
    said, pressed = words(message.get("text")), thing(message.get("quick_reply"))
    if message.get("is_deleted") is True:
        told = replace(told, action="message_deleted", about=told.message_id)
    elif not told.names:
        pass
    elif payload := words(pressed.get("payload")):
        told = replace(told, action="user_choice", reply=True, payload=payload, title=said)
    elif said:
        told = replace(told, action="user_message", reply=True, kind="text", text=said)
    else:
        told = _attached(told, message)
    return told


def _attached(told: Inbound, message: dict[str, Any]) -> Inbound:
    attachments = things(message.get("attachments"))
    kinds = [word(one.get("type")) for one in attachments]
    stuck = [message, *(thing(one.get("payload")) for one in attachments)]
    if any(one.get("sticker_id") for one in stuck):
        told = replace(told, action="user_media", kind="sticker")
    elif shown := next((_MEDIA[kind] for kind in kinds if kind in _MEDIA), None):
        told = replace(told, action="user_media", reply=True, kind=shown)
    elif "location" in kinds:
        told = replace(told, action="user_location", reply=True)
    return told


def _other(told: Inbound, key: str, value: dict[str, Any], app: str) -> Inbound | None:
    match key:
        case "postback":
            read = _postback(told, value)
        case "referral":
            read = replace(told, action="referral", reply=bool(told.names))
        case "optin":
            read = _optin(told, value)
        case "policy_enforcement":
            read = replace(told, action="ops_alert", kind=word(value.get("action")) or None)
        case "reaction":
            read = replace(told, action="reaction")
        case "message_edit":
            about, now = word(value.get("mid")), words(value.get("text"))
            read = replace(told, action="message_edited", about=about, text=now)
        case "read" | "delivery":
            read = _status(told, key, value)
        case _ if key in _HANDOVERS:
            read = replace(told, action="handover", pauses=_pauses(key, value, app))
        case _:
            return None
    return read


def _optin(told: Inbound, value: dict[str, Any]) -> Inbound:
    """Read a checkbox that was ticked, or what somebody did with a subscription to marketing."""
    switched = _SWITCH.get(word(value.get("notification_messages_status")).upper())
    if switched is not None:
        return replace(told, action=switched)
    return replace(told, action="optin", reply=True)


def _postback(told: Inbound, value: dict[str, Any]) -> Inbound:
    payload, title = words(value.get("payload")), words(value.get("title"))
    mid = word(value.get("mid")) or None
    told = replace(told, message_id=mid, payload=payload or title, title=title)
    known = told.payload is not None and told.names
    return replace(told, action="user_choice", reply=True) if known else told


def _status(told: Inbound, key: str, value: dict[str, Any]) -> Inbound:
    mids = value.get("mids") if isinstance(value.get("mids"), list) else [value.get("mid")]
    receipt = Receipt(
        "read" if key == "read" else "delivered",
        tuple(mid for one in mids or [] if (mid := word(one))),
        until=moment(value.get("watermark")),
    )
    return replace(told, action="status", receipt=receipt)


def _pauses(key: str, value: dict[str, Any], app: str) -> bool | None:
    """Tell whether somebody else talks from now on; only passing it on to us ends a pause."""
    if key == "pass_thread_control":
        return word(value.get("new_owner_app_id")) != app
    return True if key == "take_thread_control" else None


def _echo(item: dict[str, Any], message: dict[str, Any], channel: str) -> Inbound:
    """Read what the page said: ours if it carries our reference, else somebody else talks."""
    receiver = word(thing(item.get("recipient")).get("id"))
    mid, reference = word(message.get("mid")), word(message.get("metadata"))
    return Inbound(
        "echo",
        message_id=mid or None,
        names={channel: receiver} if receiver else {},
        at=moment(item.get("timestamp")),
        receipt=Receipt("sent", (mid,) if mid else (), reference),
        pauses=True,
    )


def _standby(item: dict[str, Any], channel: str) -> Iterator[Inbound]:
    """Read what is said while another app has the thread: it is not ours to answer."""
    message = thing(item.get("message"))
    if message.get("is_echo") is True:
        yield _echo(item, message, channel)
        return
    told = _told(item, channel)
    mid = word(message.get("mid")) or None
    yield replace(
        told, action="standby", message_id=mid, text=words(message.get("text")), pauses=True
    )
