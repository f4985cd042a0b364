"""SMS by Twilio: signed forms in, numbered text out."""

import base64
import hmac
from hashlib import sha1
from urllib.parse import parse_qsl, urlencode

import pytest

from bot.channels.twilio import trouble_of
from bot.parts import CHANNELS
from preferences.store.tables import ConsentRow
from tests.bot.channels.bodies import PHONE
from tests.bot.channels.conftest import Dial, Line

PUBLIC, NUMBER = "https://chat.shop.example", "+15550000000"
SETTINGS = {
    "channels": "twilio",
    "public_url": f"{PUBLIC}/",
    "twilio_account": "AC1",
    "twilio_token": "twilio token",
    "twilio_number": NUMBER,
}
FORM = {"From": f"+{PHONE}", "To": NUMBER, "NumMedia": "0"}


def signature(body: bytes, address: str, key: str = "twilio token") -> str:
    form = "".join(map("".join, sorted(parse_qsl(body.decode(), keep_blank_values=True))))
    told = hmac.digest(key.encode(), f"{address}{form}".encode(), sha1)
    return base64.b64encode(told).decode()


async def report(line: Line, form: dict[str, str], **wrong: str) -> int:
    body = urlencode(form).encode()
    right = signature(body, f"{PUBLIC}/v1/channels/twilio")
    headers = {
        "X-Twilio-Signature": wrong.get("signature", right),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return await line.platform.post("twilio", body, headers=headers)


async def test_options_are_numbered_and_the_number_is_the_option(dial: Dial) -> None:
    async with dial(**SETTINGS) as line:
        await line.is_a_customer()
        assert await report(line, FORM | {"MessageSid": "SM1", "ButtonPayload": "opened"}) == 200
        (notice,) = await line.receives(1)
        assert notice.startswith("Hello, I am the automated assistant of Corner Shop")
        assert notice.endswith("\n\n1. Yes, you may\n2. No, thanks")
        await line.ends_as("sent")
        assert await report(line, FORM | {"MessageSid": "SM2", "Body": "1."}) == 200
        await line.receives(2)

        assert [row.state for row in await line.rows(ConsentRow)] == ["given"]
        sent = line.platform.delivered[0]
        assert (sent["To"], sent["From"]) == (f"+{PHONE}", NUMBER)
        assert sent["StatusCallback"] == f"{PUBLIC}/v1/channels/twilio"
        status = {"MessageSid": sent["wamid"], "MessageStatus": "delivered", "From": NUMBER}
        assert await report(line, status) == 200
        await line.ends_as("delivered", "sent")


@pytest.mark.parametrize(
    ("number", "has_window", "receiver"),
    [(NUMBER, False, f"+{PHONE}"), (f"whatsapp:{NUMBER}", True, f"whatsapp:+{PHONE}")],
)
async def test_whatsapp_by_twilio_has_its_window_and_its_addresses_and_sms_has_none(
    dial: Dial, number: str, receiver: str, *, has_window: bool
) -> None:
    async with dial(**SETTINGS | {"twilio_number": number}) as line:
        form = {"MessageSid": "SM1", "From": receiver, "To": number, "Body": "Hola"}
        assert await report(line, FORM | form) == 200
        await line.receives(1)

        assert (line.platform.delivered[0]["From"], line.platform.delivered[0]["To"]) == (
            number,
            receiver,
        )
        assert line.gateway.app[CHANNELS]["twilio"].has_window is has_window


async def test_only_what_twilio_signed_for_this_address_is_taken(dial: Dial) -> None:
    async with dial(**SETTINGS) as line:
        form = FORM | {"MessageSid": "SM1", "Body": "Hola & adiós"}
        body = urlencode(form).encode()
        elsewhere = signature(body, "https://other.example/v1/channels/twilio")
        for wrong in ("", "é", elsewhere, signature(body, PUBLIC, "another token")):
            assert await report(line, form, signature=wrong) == 401
        assert await line.platform.post("twilio", body, headers={}) == 401
        assert (
            await line.platform.post("twilio", b"\xff", headers={"X-Twilio-Signature": "x"}) == 401
        )
        async with line.gateway.http.get(f"{line.gateway.url}/v1/channels/twilio") as response:
            assert response.status == 405
        assert await report(line, form) == 200


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [(429, 20429, "retry"), (503, None, "retry"), (401, 20003, "stop"), (400, 21610, "final")],
)
def test_an_error_says_what_to_do_next(status: int, code: int | None, trouble: str) -> None:
    error = trouble_of(status, {"code": code})

    assert error is not None
    assert error.trouble == trouble
