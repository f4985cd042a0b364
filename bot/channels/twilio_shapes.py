"""Reads Twilio's webhooks, which are forms: one message, or one status, of SMS or WhatsApp."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from bot.channels.shapes import guarded, number, word, words
from bot.messages import Inbound, Receipt, State
from preferences.errors import BadInputError

NAME = "twilio"
_PREFIX = "whatsapp:"
_MOST_FIELDS = 200
_STATES: dict[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
}
_DOCUMENT = "document"
_CARDS = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
_REFERRAL = {
    "ReferralSourceType": "source_type",
    "ReferralSourceId": "source_id",
    "ReferralCtwaClid": "ctwa_clid",
}


def fields(raw: bytes) -> list[tuple[str, str]]:
    """Read a form.

    :raises BadInputError: it is none.
    """
    try:
        return parse_qsl(
            raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="ignore"
        )
    except ValueError:
        message = "The body must be a form as Twilio sends it."
        raise BadInputError(message) from None


def parse(raw: bytes) -> list[Inbound]:
    """Read a body: a message or a status.

    :raises BadInputError: it is no form at all.
    """
    form = dict(fields(raw))
    if not form:
        message = "The body must be a form as Twilio sends it."
        raise BadInputError(message)
    return guarded(partial(_read, form), NAME, account=word(form.get("To")))


def _read(form: dict[str, str]) -> Iterator[Inbound]:
    sid = word(form.get("MessageSid")) or word(form.get("SmsSid"))
    status = word(form.get("MessageStatus")) or word(form.get("SmsStatus"))
    if status and status not in ("received", "receiving"):
        error = number(form.get("ErrorCode"))
        receipt = Receipt(_STATES.get(status), (sid,), error=error)
        yield Inbound("status", account=word(form.get("From")), receipt=receipt)
        return
    told = Inbound(
        "unsupported",
        sender=word(form.get("From")) or None,
        message_id=sid or None,
        account=word(form.get("To")),
        names=_names(form),
        source={
            ours: told for theirs, ours in _REFERRAL.items() if (told := word(form.get(theirs)))
        },
    )
    yield _message(told, form) if told.names else told


def _message(told: Inbound, form: dict[str, str]) -> Inbound:
    said = words(form.get("Body"))
    payload = words(form.get("ButtonPayload")) or words(form.get("ListId"))
    if payload:
        title = words(form.get("ButtonText")) or words(form.get("ListTitle")) or said
        return replace(told, action="user_choice", reply=True, payload=payload, title=title)
    if number(form.get("NumMedia")):
        return _media(told, form, said)
    if said:
        return replace(told, action="user_message", reply=True, kind="text", text=said)
    if form.get("Latitude"):
        return replace(told, action="user_location", reply=True)
    return told


def _media(told: Inbound, form: dict[str, str], said: str | None) -> Inbound:
    content = word(form.get("MediaContentType0")).partition(";")[0].casefold()
    if content in _CARDS:
        return replace(told, action="user_contacts", reply=True)
    if word(form.get("MessageType")) == "sticker":
        return replace(told, action="user_media", kind="sticker")
    kind = content.partition("/")[0]
    kind = kind if kind in ("image", "video", "audio") else _DOCUMENT
    return replace(told, action="user_media", reply=True, kind=kind, title=said)


def _names(form: dict[str, str]) -> dict[str, str]:
    """Give who wrote: a number, and on WhatsApp the business-scoped id that Twilio tells."""
    sender = word(form.get("From"))
    own = word(form.get("ExternalUserId"))
    phone = sender.removeprefix(_PREFIX)
    names = {"whatsapp": own} if own else {}
    if phone.startswith("+") and phone[1:].isdigit():
        names["phone"] = phone
    elif phone and not own:
        names[NAME] = phone
    return names
