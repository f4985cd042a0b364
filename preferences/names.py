"""Writes a name that people write in many ways in one, so that whoever bears it is found again."""

import unicodedata

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    parse,
)

from preferences.errors import BadInputError

_INTERNATIONAL = "00"
_MEXICO, _MEXICAN_DIGITS = 52, 10


def normal(kind: str, value: str) -> str:
    """Give the one spelling of a name of a kind: `email`, `phone`, or one kept as it is.

    :raises BadInputError: it is empty, no address, or no number with its country code.
    """
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        message = "A name must not be empty."
        raise BadInputError(message, field="value")
    match kind:
        case "email":
            return _email(name)
        case "phone":
            return _phone(name)
    return name


def _email(name: str) -> str:
    local, at, domain = "".join(name.split()).lower().rpartition("@")
    if not (local and at and domain):
        message = "An email address has an @ in it, with something before and after it."
        raise BadInputError(message, field="value")
    return f"{local}@{domain}"


def _phone(name: str) -> str:
    if name.startswith(_INTERNATIONAL):
        name = f"+{name.removeprefix(_INTERNATIONAL)}"
    try:
        number = parse(name)
    except NumberParseException:
        number = None
    if number is not None and number.country_code == _MEXICO:
        _leave_out_the_one(number)
    if number is None or not is_possible_number(number):
        message = "A phone number begins with its country code, as in +49 30 123456."
        raise BadInputError(message, field="value")
    return format_number(number, PhoneNumberFormat.E164)


def _leave_out_the_one(number: PhoneNumber) -> None:
    """Write a Mexican mobile as it is since 2019; WhatsApp and many an address book still say +52 1."""
    digits = str(number.national_number)
    if len(digits) == _MEXICAN_DIGITS + 1 and digits.startswith("1"):
        number.national_number = int(digits[1:])
