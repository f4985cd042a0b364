"""What is sent, looked at from outside: pywa builds the same, and knows the same errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession
from pydantic import SecretStr
from pywa import WhatsApp, errors, types

from bot.channels.channel import Address
from bot.channels.instagram import open_channel as open_instagram
from bot.channels.messenger import open_channel as open_messenger
from bot.channels.meta import classify
from bot.channels.twilio import open_channel as open_twilio
from bot.channels.whatsapp import open_channel as open_whatsapp
from bot.messages import Choice, Outbound
from preferences.catalogue import load_catalogue
from preferences.settings import Settings
from tests.bot.channels.bodies import BSUID, NUMBER, PHONE
from tests.bot.channels.platform import SETTINGS as SETTINGS_HERE
from tests.bot.channels.platform import Platform, _fits_messenger, _fits_whatsapp
from tests.bot.conftest import served

SETTINGS = Settings.model_construct()
VERSION = "v25.0"
OURS = {"wamid", "account"}  # what the platform of these tests notes beside a body
WHATSAPP, MESSENGER, INSTAGRAM, TWILIO = (
    open_channel(SETTINGS)
    for open_channel in (open_whatsapp, open_messenger, open_instagram, open_twilio)
)


def ask(*labels: str, text: str = "Which one?") -> Outbound:
    return Outbound(text, tuple(Choice(label, f"token-{label}"[:200]) for label in labels))


def buttons(*labels: str) -> list[types.Button]:
    return [types.Button(label, f"token-{label}") for label in labels]


def rows(*labels: str) -> types.SectionList:
    held = [types.SectionRow(title=label, callback_data=f"token-{label}") for label in labels]
    return types.SectionList("Choose", [types.Section(title="Choose", rows=held)])


TEN = [f"Option {number}" for number in range(10)]
LONG = [f"An option that is far too long {number}" for number in range(3)]
TOLD = "Which one?\n\n" + "\n".join(f"{at}. {label}" for at, label in enumerate(LONG, 1))
WHOLE: dict[str, tuple[Outbound, str, dict[str, Any]]] = {
    "text": (Outbound("See https://shop.example"), "text", {"text": "See https://shop.example"}),
    "buttons": (
        ask("For me", "A gift"),
        "buttons",
        {"text": "Which one?", "buttons": buttons("For me", "A gift")},
    ),
    "list": (ask(*TEN), "list", {"text": "Which one?", "buttons": rows(*TEN)}),
    "numbered": (ask(*LONG), "numbered", {"text": TOLD}),
}


@pytest.mark.parametrize("name", [PHONE, BSUID])
@pytest.mark.parametrize(("message", "form", "given"), WHOLE.values(), ids=list(WHOLE))
async def test_what_whatsapp_is_sent_is_what_pywa_sends_it_whole(
    platform: Platform, message: Outbound, form: str, given: dict[str, Any], name: str
) -> None:
    names = {"phone": f"+{name}"} if name == PHONE else {"whatsapp": name}
    async with served(platform.app()) as url, ClientSession() as http:
        channel = open_whatsapp(_settings(url))
        rendered = channel.render(message)
        await channel.send(http, Address(NUMBER, names), rendered, "a reference")

    with pywa_client() as (client, posted):
        client.send_message(name, tracker="a reference", **given)
    sent = {key: told for key, told in platform.delivered[0].items() if key not in OURS}
    assert rendered.form == form
    assert posted == [(f"/{VERSION}/{NUMBER}/messages", "Bearer whatsapp token", sent)]
    assert (platform.delivered[0]["account"], platform.tokens) == (NUMBER, {posted[0][1]})


async def test_read_and_typing_are_told_as_pywa_tells_them(platform: Platform) -> None:
    async with served(platform.app()) as url, ClientSession() as http:
        channel = open_whatsapp(_settings(url))
        await channel.read_and_type(http, Address(NUMBER, {}), "wamid.theirs")

    with pywa_client() as (client, posted):
        client.indicate_typing("wamid.theirs")
    assert [body for _, _, body in posted] == platform.typing


@contextmanager
def pywa_client() -> Iterator[tuple[WhatsApp, list[tuple[str, str, Any]]]]:
    """Give a client of pywa's, and what it posts: path, token and body."""
    posted: list[tuple[str, str, Any]] = []

    def take(request: httpx.Request) -> httpx.Response:
        posted.append(
            (request.url.path, request.headers["Authorization"], json.loads(request.content))
        )
        told = {"contacts": [{"input": PHONE, "wa_id": PHONE}], "messages": [{"id": "wamid.1"}]}
        return httpx.Response(200, json={"messaging_product": "whatsapp", "success": True} | told)

    with httpx.Client(transport=httpx.MockTransport(take)) as session:
        yield WhatsApp(NUMBER, "whatsapp token", session=session, api_version=VERSION[1:]), posted


def _settings(url: str) -> Settings:
    secrets = {
        name: SecretStr(SETTINGS_HERE[name]) for name in ("meta_app_secret", "whatsapp_token")
    }
    return Settings.model_construct(
        meta_url=url, meta_version=VERSION, whatsapp_number=NUMBER, **secrets
    )


@pytest.mark.parametrize("words", [10, 1100, 5000])
@pytest.mark.parametrize("length", [1, 18, 19, 22, 23, 60])
def test_no_option_is_ever_dropped_and_no_limit_passed(length: int, words: int) -> None:
    for count in range(31):
        _shows_all(count, length, words)


def _shows_all(count: int, length: int, words: int) -> None:
    labels = [
        f"{number:x}".ljust(length, "é") if length > 1 else chr(65 + number)
        for number in range(count)
    ]
    message = ask(*labels, text="w" * words)
    whatsapp, messenger = WHATSAPP.render(message), MESSENGER.render(message)
    instagram, twilio = INSTAGRAM.render(message), TWILIO.render(message)

    assert _fits_whatsapp(dict(whatsapp.body))
    assert _fits_messenger(dict(messenger.body))
    assert len(instagram.body["text"]) <= 1000 or count * length > 900
    for rendered in (whatsapp, messenger, instagram, twilio):
        shown = str(rendered.body)
        assert all(label in shown for label in labels)


def test_every_question_of_the_catalogue_fits_every_channel_in_every_language() -> None:
    for question in load_catalogue().questions.values():
        for locale in ("en", "es", "de"):
            labels = [option.label[locale] for option in question.options]
            message = ask(*labels, text="What was it?")
            assert _fits_whatsapp(dict(WHATSAPP.render(message).body))
            assert _fits_messenger(dict(MESSENGER.render(message).body))


def test_on_instagram_the_options_stand_in_the_text_too() -> None:
    body = INSTAGRAM.render(ask("For me", "A gift")).body

    assert body["text"] == "Which one?\n\n1. For me\n2. A gift"
    assert [one["title"] for one in body["quick_replies"]] == ["For me", "A gift"]


def test_an_emoji_counts_as_the_strictest_may_count_it() -> None:
    assert WHATSAPP.render(ask("🎁" * 9, "x")).form == "buttons"
    assert WHATSAPP.render(ask("🎁" * 10, "x")).form == "list"
    assert WHATSAPP.render(ask("🎁" * 12, "x")).form == "numbered"


def families() -> Iterator[tuple[str, type[errors.WhatsAppError], int]]:
    """Every error that pywa knows of sending, with the family that it is in there."""
    told = {
        "stop": (errors.AuthorizationError, errors.IntegrityError),
        "retry": (errors.ThrottlingError,),
        "final": (errors.SendMessageError,),
    }
    for trouble, parents in told.items():
        for parent in parents:
            for kind in parent.__subclasses__():
                for code in kind.__error_codes__ or ():
                    yield trouble, kind, code


# A number that cannot send at all is no fault of the message; what passes is tried again.
OTHERWISE = {
    errors.SpamRateLimitHit: "stop",
    errors.RegistrationOrDeregistrationFailed: "final",
    errors.MessageFailedToReachMessagingLimit: "final",
    errors.MediaDownloadError: "retry",
    errors.MediaUploadError: "retry",
    errors.UnknownError: "retry",
    errors.ServiceUnavailable: "retry",
    errors.AccountInMaintenanceMode: "retry",
    errors.AccessDenied: "stop",
    errors.BusinessPaymentIssue: "stop",
    errors.IncorrectCertificate: "stop",
    errors.PhoneNumberDisplayNameNotApproved: "stop",
}


def test_the_errors_that_pywa_knows_are_judged_by_their_family() -> None:
    known = list(families())
    judged = {kind: classify(400, code) for _, kind, code in known}

    assert len(known) > 120
    assert judged == {kind: OTHERWISE.get(kind, trouble) for trouble, kind, _ in known}
