import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.channels import messenger_shapes, twilio_shapes, whatsapp_shapes
from bot.channels.shapes import guarded, moment, number
from bot.inspecting import PARSERS
from bot.launch.command import command
from bot.messages import Choice, Inbound, Outbound, fits, numbered
from preferences.errors import BadInputError
from tests.bot.channels.bodies import (
    BSUID,
    MESSENGER,
    NUMBER,
    PAGE,
    PHONE,
    PSID,
    WHATSAPP,
    contact,
    event,
    gaps,
    message,
    page,
    raw,
    said,
    status,
    whatsapp,
)
from tests.bot.channels.hostile import values

messenger = partial(messenger_shapes.parse, channel="messenger")
SMS = {
    "MessageSid": "SM1",
    "From": "+34600111222",
    "To": "+15550000000",
    "Body": "Hola",
    "NumMedia": "0",
}


@pytest.mark.parametrize("name", WHATSAPP)
def test_every_shape_of_whatsapp_is_concluded_from(name: str) -> None:
    body, actions = WHATSAPP[name]
    found = whatsapp_shapes.parse(raw(body))

    assert [one.action for one in found] == actions
    assert {one.account for one in found} == {NUMBER}


@pytest.mark.parametrize("name", MESSENGER)
def test_every_shape_of_messenger_is_concluded_from(name: str) -> None:
    body, actions = MESSENGER[name]
    found = messenger(raw(body))

    assert [one.action for one in found] == actions
    assert {one.account for one in found} == {PAGE}


@pytest.mark.parametrize(
    ("more", "action", "kind"),
    [
        ({}, "user_message", "text"),
        ({"From": "whatsapp:+34600111222"}, "user_message", "text"),
        ({"ButtonPayload": "p", "ButtonText": "P"}, "user_choice", None),
        ({"ListId": "p"}, "user_choice", None),
        ({"NumMedia": "1", "MediaContentType0": "image/png", "Body": ""}, "user_media", "image"),
        ({"NumMedia": "1", "MediaContentType0": "application/pdf"}, "user_media", "document"),
        ({"Body": "", "Latitude": "1.0"}, "user_location", None),
        ({"NumMedia": "1", "MediaContentType0": "text/x-vcard; a=b"}, "user_contacts", None),
        ({"NumMedia": "1", "MessageType": "sticker"}, "user_media", "sticker"),
        ({"Body": ""}, "unsupported", None),
        ({"From": ""}, "unsupported", None),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, "status", None),
    ],
)
def test_every_form_of_twilio_is_concluded_from(
    more: dict[str, str], action: str, kind: str | None
) -> None:
    (found,) = twilio_shapes.parse(urlencode(SMS | more).encode())

    assert (found.action, found.kind) == (action, kind)


def test_whoever_writes_has_the_names_of_their_own_contact_only() -> None:
    both = whatsapp(message(), contacts=[contact(wa_id="1", user_id="X"), contact()])
    other = whatsapp(message(), contacts=[contact(wa_id="5491100000000")])
    unnumbered = whatsapp(message(**{"from": None, "from_user_id": BSUID}), contacts=[contact()])

    assert _names(both) == {"whatsapp": BSUID, "phone": f"+{PHONE}"}
    assert _names(other) == {"phone": f"+{PHONE}"}
    assert _names(unnumbered) == {"whatsapp": BSUID, "phone": f"+{PHONE}"}


def test_what_twilio_tells_of_whatsapp_links_the_id_and_the_number() -> None:
    form = SMS | {"From": "whatsapp:+34600111222", "ExternalUserId": BSUID}
    (found,) = twilio_shapes.parse(urlencode(form).encode())

    assert found.names == {"whatsapp": BSUID, "phone": f"+{PHONE}"}
    assert found.sender == "whatsapp:+34600111222"


def test_an_advertisement_that_twilio_tells_of_is_the_source() -> None:
    told = {"ReferralSourceType": "ad", "ReferralSourceId": "7", "ReferralCtwaClid": "c"}
    (found,) = twilio_shapes.parse(urlencode(SMS | told).encode())

    assert found.source == {"source_type": "ad", "source_id": "7", "ctwa_clid": "c"}


@pytest.mark.parametrize(
    ("told", "free"),
    [
        ({}, None),
        ({"pricing": {"type": "regular", "category": "service"}}, False),
        ({"pricing": {"type": "free_entry_point"}}, True),
        ({"pricing": {"billable": True}}, False),
    ],
)
def test_a_status_tells_what_it_is_about_and_what_it_costs(
    told: dict[str, Any],
    free: Any,
) -> None:
    (found,) = whatsapp_shapes.parse(raw(status("failed", errors=[{"code": 131026}], **told)))

    assert found.receipt is not None
    assert (found.receipt.ids, found.receipt.state) == (("wamid.ours",), "failed")
    assert (found.receipt.error, found.receipt.free) == (131026, free)


def test_only_a_thread_that_is_passed_to_us_ends_a_pause() -> None:
    def pauses(key: str, value: dict[str, str]) -> bool | None:
        (found,) = messenger(raw(page(event(**{key: value}))), app="42")
        return found.pauses

    assert pauses("pass_thread_control", {"new_owner_app_id": "42"}) is False
    assert pauses("pass_thread_control", {"new_owner_app_id": "7"}) is True
    assert pauses("take_thread_control", {"previous_owner_app_id": "42"}) is True
    assert pauses("request_thread_control", {}) is None


def test_an_echo_is_about_whom_it_was_sent_to() -> None:
    echo = said(is_echo=True, metadata="our-reference")
    echo |= {"sender": {"id": PAGE}, "recipient": {"id": PSID}}
    (found,) = messenger(raw(page(echo)))

    assert (found.names, found.receipt and found.receipt.reference) == (
        {"messenger": PSID},
        "our-reference",
    )


def test_what_has_no_id_of_its_own_is_named_by_what_it_holds() -> None:
    press = event(postback={"payload": "p"})
    (one,), (again,) = messenger(raw(page(press))), messenger(raw(page(press)))
    (other,) = messenger(raw(page(event(postback={"payload": "q"}))))

    assert one.message_id is None
    assert one.key == again.key != other.key
    assert len(Inbound("user_message", message_id="m" * 300).key) == 64


@pytest.mark.parametrize("name", WHATSAPP)
def test_any_one_key_of_whatsapp_may_be_missing(name: str) -> None:
    for _, body in gaps(WHATSAPP[name][0]):
        assert "unreadable" not in {one.action for one in whatsapp_shapes.parse(raw(body))}


@pytest.mark.parametrize("name", MESSENGER)
def test_any_one_key_of_messenger_may_be_missing(name: str) -> None:
    for _, body in gaps(MESSENGER[name][0]):
        assert "unreadable" not in {one.action for one in messenger(raw(body))}


def test_three_hundred_hostile_values_spoil_nothing_beside_them() -> None:
    assert len(values()) == 300
    for value in values():
        beside = message(id="wamid.good")
        for bad in (
            message("text", {"body": value}),
            message("text", value),
            message("interactive", value),
            message(id=value, **{"from": value}),
            message(timestamp=value, type=value),
        ):
            found = whatsapp_shapes.parse(raw(whatsapp(bad, beside, contacts=value)))
            assert found[-1].message_id == "wamid.good"
            assert "unreadable" not in {one.action for one in found}
        for item in (said(value), event(message=value), event(postback=value), event(read=value)):
            found = messenger(raw(page(item, said(mid="good"))))
            assert found[-1].message_id == "good"
            assert "unreadable" not in {one.action for one in found}
        form = urlencode(SMS | {"Body": str(value)}, errors="surrogatepass").encode()
        assert len(twilio_shapes.parse(form)) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"entry": ', b"\xff", b"[" * 100_000, b'"x"']
)
def test_what_is_no_json_object_is_refused_whole(body: bytes) -> None:
    for parse in (whatsapp_shapes.parse, messenger):
        with pytest.raises(BadInputError):
            parse(body)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join([b"a=1"] * 300)])
def test_what_is_no_form_is_refused_whole(body: bytes) -> None:
    with pytest.raises(BadInputError):
        twilio_shapes.parse(body)


def test_a_body_that_reports_nothing_is_told_too() -> None:
    for parse in (whatsapp_shapes.parse, messenger):
        for body in (b"{}", b'{"entry": []}', b'{"object": "else", "entry": {"changes": 1}}'):
            assert [one.action for one in parse(body)] == ["ignored_field"]


def test_the_words_under_a_picture_may_be_edited() -> None:
    now = {"type": "image", "image": {"caption": "the blue one"}}
    body = whatsapp(message("edit", {"original_message_id": "wamid.1", "message": now}))
    (found,) = whatsapp_shapes.parse(raw(body))

    assert (found.about, found.text) == ("wamid.1", "the blue one")


def test_an_item_that_breaks_the_reader_is_told_and_not_raised() -> None:
    def broken() -> Any:
        raise KeyError
        yield

    assert guarded(broken, "whatsapp", account="1") == [Inbound("unreadable", account="1")]


def test_times_are_read_in_seconds_and_milliseconds_and_nonsense_is_none() -> None:
    assert moment("1700000000") == moment(1700000000000)
    assert [moment(bad) for bad in ("TIMESTAMP", None, -5, "9" * 18)] == [None] * 4
    assert number([1]) is None


def test_options_that_fit_are_shown_as_they_are_with_two_characters_to_spare() -> None:
    def one_of(*labels: str) -> Outbound:
        return Outbound("Which?", tuple(Choice(label, label) for label in labels))

    assert fits(one_of("a", "b" * 18), 3, 20)
    assert not fits(one_of("a", "b" * 19), 3, 20)
    assert not fits(one_of("a", "🎁" * 10), 3, 20)
    assert not fits(one_of("a", "b", "c", "d"), 3, 20)
    assert not fits(one_of("same", "Same "), 3, 20)
    assert not fits(Outbound("nothing to choose"), 3, 20)
    assert numbered(one_of("For me", "A gift")) == "Which?\n\n1. For me\n2. A gift"
    assert numbered(Outbound("Hello")) == "Hello"


def test_inspect_prints_a_line_for_each_thing(tmp_path: Any, capsys: Any) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(raw(whatsapp(message(), message("sticker", {"id": "1"}))))
    bad.write_bytes(b"nonsense")

    assert command(["inspect", "--channel", "whatsapp", str(good)]) == 0
    text, sticker = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert text == {
        "action": "user_message",
        "reply": True,
        "kind": "text",
        "text": "Hola",
        "payload": None,
        "sender": PHONE,
        "message_id": "wamid.text",
    }
    assert (sticker["action"], sticker["reply"], sticker["kind"]) == (
        "user_media",
        False,
        "sticker",
    )
    assert command(["inspect", "--channel", "whatsapp", str(bad), str(tmp_path / "none")]) == 1
    told = capsys.readouterr()
    assert "bad.json: The body must be a JSON object." in told.err
    assert json.loads(told.out.splitlines()[0])["action"] == "unreadable"


_SHOWN: dict[str, tuple[bytes, str]] = {
    "whatsapp": (raw(whatsapp(message())), "user_message"),
    "messenger": (raw(page(said())), "user_message"),
    "instagram": (raw(page(said(), channel="instagram")), "user_message"),
    "twilio": (b"From=%2B34600111222&Body=Hola&MessageSid=SM1", "user_message"),
    "shopify": (b'{"id": 1, "line_items": [], "order_number": 7}', "order"),
    "woocommerce": (b'{"id": 1, "line_items": [], "status": "processing"}', "order"),
}


@pytest.mark.parametrize("channel", _SHOWN)
def test_inspect_knows_every_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], channel: str
) -> None:
    body, action = _SHOWN[channel]
    (tmp_path / "body").write_bytes(body)

    assert _SHOWN.keys() == PARSERS.keys()
    assert command(["inspect", "--channel", channel, str(tmp_path / "body")]) == 0
    (line,) = [json.loads(told) for told in capsys.readouterr().out.splitlines()]
    fields = ("action", "reply", "kind", "text", "payload", "sender", "message_id")
    assert (line["action"], tuple(line)) == (action, fields)


def _names(body: dict[str, Any]) -> dict[str, str]:
    (found,) = whatsapp_shapes.parse(raw(body))
    return dict(found.names)
