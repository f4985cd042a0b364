"""What is sent, looked at from outside: pywa builds the same, and knows the same errors."""

import json
from collections.abc import Iterator

import pytest
from pywa import errors, types

from bot.channels.instagram import open_channel as open_instagram
from bot.channels.messenger import open_channel as open_messenger
from bot.channels.meta import classify
from bot.channels.twilio import open_channel as open_twilio
from bot.channels.whatsapp import open_channel as open_whatsapp
from bot.messages import Choice, Outbound
from preferences.catalogue import load_catalogue
from preferences.settings import Settings
from tests.bot.channels.platform import _fits_messenger, _fits_whatsapp

SETTINGS = Settings.model_construct()
WHATSAPP, MESSENGER, INSTAGRAM, TWILIO = (
    open_channel(SETTINGS)
    for open_channel in (open_whatsapp, open_messenger, open_instagram, open_twilio)
)


def ask(*labels: str, text: str = "Which one?") -> Outbound:
    return Outbound(text, tuple(Choice(label, f"token-{label}"[:200]) for label in labels))


def test_three_short_options_are_buttons_as_pywa_builds_them() -> None:
    rendered = WHATSAPP.render(ask("For me", "A gift"))
    buttons = [types.Button("For me", "token-For me"), types.Button("A gift", "token-A gift")]

    built = [button.to_dict() for button in buttons]
    assert rendered.form == "buttons"
    assert rendered.body["interactive"]["action"]["buttons"] == built


def test_ten_options_are_a_list_as_pywa_builds_it() -> None:
    labels = [f"Option {number}" for number in range(10)]
    rendered = WHATSAPP.render(ask(*labels))
    rows = [types.SectionRow(title=label, callback_data=f"token-{label}") for label in labels]
    section = types.SectionList("Choose", [types.Section(title="Choose", rows=rows)])

    assert rendered.form == "list"
    assert json.dumps(rendered.body["interactive"]["action"]) == json.dumps(section.to_dict())


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
