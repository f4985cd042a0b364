"""Reads the webhooks of the WhatsApp Business Cloud API: every entry, change, message and status."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bot.channels.shapes import guarded, moment, number, read_object, thing, things, word, words
from bot.messages import Action, Inbound, Receipt, State

NAME = "whatsapp"
_MEDIA = ("image", "video", "audio", "document", "sticker")
_STATES: dict[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_ALERTS = (
    "account_",
    "business_",
    "flows",
    "message_template_",
    "payment_configuration_",
    "phone_number_",
    "security",
    "template_",
)
_UNHEARD: dict[str, Action] = {
    "location": "user_location",
    "contacts": "user_contacts",
    "order": "user_order",
}
_SWITCH: dict[str, Action] = {"stop": "marketing_opt_out", "resume": "marketing_opt_in"}
_BSUID = re.compile(r"\b[A-Z]{2}(?:\.ENT)?\.[A-Za-z0-9]{1,128}\b")
_REFERRAL = ("source_type", "source_id", "ctwa_clid")


def parse(raw: bytes) -> list[Inbound]:
    """Read a body whole.

    :raises BadInputError: it is no JSON object at all.
    """
    found: list[Inbound] = []
    for entry in things(read_object(raw).get("entry")):
        for change in things(entry.get("changes")):
            found += _change(word(change.get("field")), thing(change.get("value")))
    return found or [Inbound("ignored_field")]


def _change(name: str, value: dict[str, Any]) -> list[Inbound]:
    account = word(thing(value.get("metadata")).get("phone_number_id"))
    kinds: list[tuple[str, Callable[[dict[str, Any], dict[str, Any]], Iterator[Inbound]]]] = []
    match name:
        case "messages" | "":  # some relays leave the name out
            kinds = [("messages", _message), ("statuses", _status), ("errors", _alert)]
        case "smb_message_echoes":
            kinds = [("message_echoes", _echo)]
        case "user_preferences":
            kinds = [("user_preferences", _preference)]
        case "user_id_update":
            kinds = [("user_id_update", _new_id)]
        case _ if name.startswith(_ALERTS):
            return [Inbound("ops_alert", kind=name, account=account)]
    found = [
        replace(one, account=account)
        for key, read in kinds
        for item in things(value.get(key))
        for one in guarded(partial(read, item, value), NAME, account=account)
    ]
    return found or [Inbound("ignored_field", account=account)]


def _message(item: dict[str, Any], value: dict[str, Any]) -> Iterator[Inbound]:
    kind = word(item.get("type"))
    names = _names(word(item.get("from")), word(item.get("from_user_id")), value)
    told = Inbound(
        "unsupported",
        sender=word(item.get("from")) or word(item.get("from_user_id")) or None,
        message_id=word(item.get("id")) or None,
        names=names,
        at=moment(item.get("timestamp")),
        source=_source(item),
    )
    if item.get("group_id"):
        yield replace(told, action="group_message")
    elif things(item.get("errors")) or not names:
        yield _nameless(told, kind, item)
    else:
        yield _read(told, kind, item)


def _nameless(told: Inbound, kind: str, item: dict[str, Any]) -> Inbound:
    return _system(told, item) if kind == "system" else told


def _read(told: Inbound, kind: str, item: dict[str, Any]) -> Inbound:
    content = thing(item.get(kind))
    match kind:
        case "text" if said := words(content.get("body")):
            told = replace(told, action="user_message", reply=True, kind="text", text=said)
        case "interactive":
            told = _interactive(told, content)
        case "button":
            told = _chosen(told, content.get("payload"), content.get("text"))
        case _ if kind in _MEDIA:
            shown = "voice" if content.get("voice") is True else kind
            caption, reply = words(content.get("caption")), kind != "sticker"
            told = replace(told, action="user_media", reply=reply, kind=shown, title=caption)
        case _ if kind in _UNHEARD:
            told = replace(told, action=_UNHEARD[kind], reply=True)
        case "reaction":
            told = replace(told, action="reaction")
        case "system":
            told = _system(told, item)
        case "revoke":
            about = word(content.get("original_message_id"))
            told = replace(told, action="message_deleted", about=about)
        case "edit":
            told = _edited(told, content)
    return told


def _interactive(told: Inbound, content: dict[str, Any]) -> Inbound:
    for kind in ("button_reply", "list_reply"):
        reply = thing(content.get(kind))
        if reply:
            return _chosen(told, reply.get("id"), reply.get("title"))
    if isinstance(content.get("nfm_reply"), dict):
        return replace(told, action="flow_reply", reply=True)
    return told


def _chosen(told: Inbound, payload: object, title: object) -> Inbound:
    payload, title = words(payload) or words(title), words(title)
    if payload is None:
        return told
    return replace(told, action="user_choice", reply=True, payload=payload, title=title)


def _edited(told: Inbound, content: dict[str, Any]) -> Inbound:
    message = thing(content.get("message"))
    inner = thing(message.get(word(message.get("type")) or "text"))
    now = words(inner.get("body")) or words(inner.get("caption"))
    about = word(content.get("original_message_id"))
    return replace(told, action="message_edited", about=about, text=now)


def _system(told: Inbound, item: dict[str, Any]) -> Inbound:
    system = thing(item.get("system"))
    old_number, number_now = word(item.get("from")), word(system.get("new_wa_id"))
    id_now = word(system.get("user_id"))
    told_ids = _BSUID.findall(word(system.get("body")))  # the old one may stand in the text alone
    old_id = word(item.get("from_user_id")) or next(iter(told_ids), "")
    number_now = number_now or word(system.get("wa_id"))
    renamed = None
    if old_number.isdigit() and number_now.isdigit():
        renamed = ("phone", f"+{old_number}", f"+{number_now}")
    elif old_id and id_now and old_id != id_now:
        renamed = (NAME, old_id, id_now)
    return replace(told, action="identity_change", renamed=renamed, source={})


def _status(item: dict[str, Any], value: dict[str, Any]) -> Iterator[Inbound]:
    """Read a status; statuses carry contacts too, which makes no message of them."""
    errors = things(item.get("errors"))
    price = thing(item.get("pricing"))
    kind, billable = word(price.get("type")), price.get("billable")
    free = (
        kind.startswith("free") if kind else (not billable if billable in (True, False) else None)
    )
    receipt = Receipt(
        _STATES.get(word(item.get("status"))),
        (word(item.get("id")),),
        word(item.get("biz_opaque_callback_data")),
        error=number(errors[0].get("code")) if errors else None,
        free=free,
    )
    yield Inbound(
        "status",
        names=_names(word(item.get("recipient_id")), word(item.get("recipient_user_id")), value),
        at=moment(item.get("timestamp")),
        receipt=receipt,
    )


def _alert(item: dict[str, Any], _value: dict[str, Any]) -> Iterator[Inbound]:
    yield Inbound("ops_alert", kind=word(item.get("code")) or None)


def _echo(item: dict[str, Any], value: dict[str, Any]) -> Iterator[Inbound]:
    """Read what somebody of the shop typed in the Business app: a person talks there."""
    yield Inbound(
        "echo",
        message_id=word(item.get("id")) or None,
        names=_names(word(item.get("to")), word(item.get("to_user_id")), value),
        at=moment(item.get("timestamp")),
        pauses=True,
    )


def _preference(item: dict[str, Any], value: dict[str, Any]) -> Iterator[Inbound]:
    yield Inbound(
        _SWITCH.get(word(item.get("value")), "ignored_field"),
        names=_names(word(item.get("wa_id")), word(item.get("user_id")), value),
        at=moment(item.get("timestamp")),
    )


def _new_id(item: dict[str, Any], _value: dict[str, Any]) -> Iterator[Inbound]:
    ids = thing(item.get("user_id"))
    old, new = word(ids.get("previous")), word(ids.get("current"))
    renamed = (NAME, old, new) if old and new and old != new else None
    yield Inbound("identity_change", renamed=renamed)


def _names(phone: str, own: str, value: dict[str, Any]) -> dict[str, str]:
    """Give the names of whoever wrote: the number, and the id that the contact of it has."""
    contacts = things(value.get("contacts"))
    if not own and phone:
        same = [one for one in contacts if word(one.get("wa_id")) == phone]
        own = next((word(one.get("user_id")) for one in same), "")
    if own and not phone:
        same = [one for one in contacts if word(one.get("user_id")) == own]
        phone = next((word(one.get("wa_id")) for one in same), "")
    names = {NAME: own} if own else {}
    if phone.isascii() and phone.isdigit():
        names["phone"] = f"+{phone}"
    elif phone and not own:
        names[NAME] = phone
    return names


def _source(item: dict[str, Any]) -> dict[str, str]:
    referral = thing(item.get("referral"))
    return {name: told for name in _REFERRAL if (told := word(referral.get(name)))}
