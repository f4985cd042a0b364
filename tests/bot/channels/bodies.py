"""Webhook bodies of our own, written from the platforms' documented shapes."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

type Place = tuple[str | int, ...]
"""Where in a body a key is."""

NUMBER, PAGE = "106540352242922", "PAGE-1"
PHONE, BSUID, PSID = "34600111222", "ES.1122334455", "7766554433"


def stamp(at: datetime | None = None) -> str:
    return str(int((at or datetime.now(UTC)).timestamp()))


def whatsapp(*messages: dict[str, Any], **value: Any) -> dict[str, Any]:
    told = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
        **({"messages": list(messages)} if messages else {}),
        **value,
    }
    change = {"field": "messages", "value": told}
    return {"object": "whatsapp_business_account", "entry": [{"id": "WABA", "changes": [change]}]}


def changed(name: str, value: dict[str, Any]) -> dict[str, Any]:
    body = whatsapp(**value)
    body["entry"][0]["changes"][0]["field"] = name
    return body


def message(kind: str = "text", content: object = None, **more: Any) -> dict[str, Any]:
    content = {"body": "Hola"} if kind == "text" and content is None else content
    told = {"from": PHONE, "id": f"wamid.{kind}", "timestamp": stamp(), "type": kind}
    told = {**told, kind: content, **more}
    return {name: value for name, value in told.items() if value is not None}


def status(name: str, wamid: str = "wamid.ours", **more: Any) -> dict[str, Any]:
    told = {"id": wamid, "status": name, "timestamp": stamp(), "recipient_id": PHONE, **more}
    return whatsapp(statuses=[told], contacts=[{"wa_id": PHONE, "user_id": BSUID}])


def contact(**more: Any) -> dict[str, Any]:
    return {"profile": {"name": "Ana"}, "wa_id": PHONE, "user_id": BSUID, **more}


def page(*items: dict[str, Any], channel: str = "page", key: str = "messaging") -> dict[str, Any]:
    return {"object": channel, "entry": [{"id": PAGE, "time": 1, key: list(items)}]}


def said(text: str | None = "Hola", mid: str = "m_1", **more: Any) -> dict[str, Any]:
    content = {"mid": mid, **({"text": text} if text is not None else {}), **more}
    return event(message=content)


def event(**more: Any) -> dict[str, Any]:
    at = int(stamp()) * 1000
    return {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": at, **more}


WHATSAPP: dict[str, tuple[dict[str, Any], list[str]]] = {
    "text with both names": (whatsapp(message(), contacts=[contact()]), ["user_message"]),
    "two in one": (whatsapp(message(), message(id="wamid.2")), ["user_message"] * 2),
    "reply button": (
        whatsapp(
            message(
                "interactive", {"type": "button_reply", "button_reply": {"id": "x", "title": "X"}}
            )
        ),
        ["user_choice"],
    ),
    "list row": (
        whatsapp(message("interactive", {"list_reply": {"id": "x", "title": "X"}})),
        ["user_choice"],
    ),
    "template button": (
        whatsapp(message("button", {"payload": "p", "text": "Yes"})),
        ["user_choice"],
    ),
    "flow": (
        whatsapp(message("interactive", {"nfm_reply": {"response_json": '{"a":'}})),
        ["flow_reply"],
    ),
    "interactive of nothing": (whatsapp(message("interactive", None)), ["unsupported"]),
    "picture": (whatsapp(message("image", {"id": "1", "caption": "this"})), ["user_media"]),
    "voice": (whatsapp(message("audio", {"id": "1", "voice": True})), ["user_media"]),
    "sticker": (whatsapp(message("sticker", {"id": "1"})), ["user_media"]),
    "place": (whatsapp(message("location", {"latitude": 1, "longitude": 2})), ["user_location"]),
    "cards": (whatsapp(message("contacts", [{"name": {}}])), ["user_contacts"]),
    "cart": (whatsapp(message("order", {"catalog_id": "1"})), ["user_order"]),
    "reaction": (whatsapp(message("reaction", {"message_id": "m", "emoji": ""})), ["reaction"]),
    "deleted": (
        whatsapp(message("revoke", {"original_message_id": "wamid.text"})),
        ["message_deleted"],
    ),
    "edited": (
        whatsapp(
            message(
                "edit",
                {
                    "original_message_id": "wamid.text",
                    "message": {"type": "text", "text": {"body": "Adiós"}},
                },
            )
        ),
        ["message_edited"],
    ),
    "new number": (
        whatsapp(message("system", {"type": "user_changed_number", "new_wa_id": "34600999888"})),
        ["identity_change"],
    ),
    "new id": (
        changed(
            "user_id_update", {"user_id_update": [{"user_id": {"previous": "a", "current": "b"}}]}
        ),
        ["identity_change"],
    ),
    "status": (status("delivered", biz_opaque_callback_data="ours"), ["status"]),
    "unknown status": (status("pondering", pricing={"billable": False}), ["status"]),
    "staff": (
        changed(
            "smb_message_echoes", {"message_echoes": [{"to": PHONE, "id": "e", "type": "text"}]}
        ),
        ["echo"],
    ),
    "marketing": (
        changed("user_preferences", {"user_preferences": [{"value": "stop"}, {"value": "huh"}]}),
        ["marketing_opt_out", "ignored_field"],
    ),
    "errors": (whatsapp(errors=[{"code": 131000, "title": "t"}]), ["ops_alert"]),
    "account": (changed("phone_number_quality_update", {"event": "FLAGGED"}), ["ops_alert"]),
    "template": (changed("template_category_update", {"new_category": "X"}), ["ops_alert"]),
    "group": (whatsapp(message(group_id="g")), ["group_message"]),
    "nobody": (whatsapp(message(**{"from": None})), ["unsupported"]),
    "unknown": (changed("teleports", {}), ["ignored_field"]),
    "from an advertisement": (
        whatsapp(message(referral={"source_type": "ad", "source_id": "7", "ctwa_clid": "c"})),
        ["user_message"],
    ),
}
MESSENGER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "text": (page(said()), ["user_message"]),
    "two in one": (page(said(), said(mid="m_2")), ["user_message"] * 2),
    "quick reply": (page(said(quick_reply={"payload": "p"})), ["user_choice"]),
    "button": (page(event(postback={"payload": "p", "title": "P"})), ["user_choice"]),
    "button of nothing": (page(event(postback={})), ["unsupported"]),
    "picture": (page(said(None, attachments=[{"type": "image"}])), ["user_media"]),
    "place": (page(said(None, attachments=[{"type": "location"}])), ["user_location"]),
    "sticker": (page(said(None, sticker_id=1)), ["user_media"]),
    "template": (page(said(None, attachments=[{"type": "template"}])), ["unsupported"]),
    "deleted": (page(said(None, is_deleted=True)), ["message_deleted"]),
    "edited": (page(event(message_edit={"mid": "m_1", "text": "Adiós"})), ["message_edited"]),
    "reaction": (page(event(reaction={"action": "unreact"})), ["reaction"]),
    "read": (page(event(read={"watermark": 1700000000000})), ["status"]),
    "delivered": (page(event(delivery={"mids": ["m_9"]})), ["status"]),
    "link": (page(event(referral={"ref": "flyer", "source": "SHORTLINK"})), ["referral"]),
    "checkbox": (page({"optin": {"user_ref": "u"}}), ["optin"]),
    "echo": (page(said(is_echo=True, metadata="x")), ["echo"]),
    "taken": (page(event(take_thread_control={"previous_owner_app_id": "1"})), ["handover"]),
    "passed": (page(event(pass_thread_control={"new_owner_app_id": "2"})), ["handover"]),
    "requested": (page(event(request_thread_control={})), ["handover"]),
    "standing by": (page(said(), key="standby"), ["standby"]),
    "echo standing by": (page(said(is_echo=True), key="standby"), ["echo"]),
    "changes": (page(key="changes"), ["ignored_field"]),
    "blocked": (page(event(policy_enforcement={"action": "block"})), ["ops_alert"]),
    "marketing ended": (
        page(event(optin={"notification_messages_status": "STOP_NOTIFICATIONS"})),
        ["marketing_opt_out"],
    ),
    "game": (page(event(game_play={"game_id": "1"})), ["ignored_field"]),
    "nobody": (page({"message": {"text": "Hola"}}), ["unsupported"]),
}


def gaps(body: Any) -> Iterator[tuple[Place, Any]]:
    """Give the body again and again, each time without another one of its keys, and say which."""
    for place in list(_places(body)):
        copy = deepcopy(body)
        inner = copy
        for step in place[:-1]:
            inner = inner[step]
        del inner[place[-1]]
        yield place, copy


def _places(value: Any, before: Place = ()) -> Iterator[Place]:
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, inner in inside:
        if isinstance(value, dict):
            yield (*before, key)
        yield from _places(inner, (*before, key))


def raw(body: object) -> bytes:
    """Write a body as Meta does: escaped, slashes too."""
    return json.dumps(body).replace("/", "\\/").encode()
