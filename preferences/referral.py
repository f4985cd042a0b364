"""Who may be asked to bring a friend: only who is glad of the shop, on its terms, in their own time."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from preferences.catalogue import HERE, Texts, read_yaml
from preferences.errors import CatalogueError
from preferences.texts import LOCALES

QUESTION = "referral"
"""Under this name an invitation stands in the ledger of asks, and may be silenced as a topic."""

SIGN = "referral"
"""For what the keyed hash stands that signs a code."""

_SENTENCES = 3
_LONGEST = 120
_BODY, _SIGN = 8, 5  # letters of a code: who it is, and that we made it


def _short(terms: dict[str, list[str]]) -> dict[str, list[str]]:
    for locale in LOCALES:
        told = terms.get(locale, [])
        if len(told) != _SENTENCES or any(not 0 < len(one) <= _LONGEST for one in told):
            message = f"has to have three sentences of at most {_LONGEST} characters in {locale}"
            raise ValueError(message)
    return terms


def _linked(link: str) -> str:
    if not link.startswith("https://") or "{code}" not in link:
        message = "has to be an https address with {code} in it"
        raise ValueError(message)
    return link


class Referral(BaseModel):
    """The page: who is invited, on which terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    enabled: bool
    link: Annotated[str, AfterValidator(_linked)]
    signals: int = Field(ge=2)
    regular_orders: int = Field(ge=2)
    days_between: int = Field(ge=1)
    promotion_days: int = Field(ge=1)
    terms: Annotated[dict[str, list[str]], AfterValidator(_short)]
    message: Texts


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks for an invitation: orders of a year, and how it went, by whom it was told.

    `good` and `praised` count good experiences that the shopper told us, and that another system of
    the shop knows of (a review, a rating); `bad` tells that the newest one was not good, `glad_at`
    of when the newest good one is.
    """

    orders: int = 0
    good: int = 0
    praised: int = 0
    bad: bool = False
    silenced: bool = False
    invited_at: datetime | None = None
    glad_at: datetime | None = None


def load_referral(folder: Path = HERE) -> Referral:
    """Read `referral.yml`.

    :raises CatalogueError: a sentence is missing or too long, or the page cannot be read.
    """
    file = folder / "referral.yml"
    try:
        return Referral.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{file}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
        raise CatalogueError(message) from None


def signals_of(standing: Standing, page: Referral) -> Sequence[str]:
    """Name the signs that somebody is glad; no two of them rest on the same thing."""
    found = {
        "regular": standing.orders >= page.regular_orders,
        "good_experience": standing.good > 0,
        "praise": standing.praised > 0,
    }
    return [name for name, is_there in found.items() if is_there]


def against_inviting(standing: Standing, page: Referral, now: datetime) -> Iterator[str]:
    """Say what speaks against an invitation: safety and wishes first."""
    if standing.silenced:
        yield "silenced"
    if standing.bad:
        yield "bad_experience"
    if not page.enabled:
        yield "no_referrals"
    rest = timedelta(days=page.days_between)
    if standing.invited_at is not None and now - standing.invited_at < rest:
        yield "invited_lately"
    if len(signals_of(standing, page)) < page.signals:
        yield "too_few_signals"


def code_of(body: bytes, sign: str) -> str:
    """Write a personal code: random letters, and some of a keyed hash of them."""
    return f"{body_of(body)}-{sign_of(sign)}"


def body_of(body: bytes) -> str:
    """Write random bytes as the first part of a code."""
    return base64.b32encode(body).decode().rstrip("=")[:_BODY]


def sign_of(digest: str) -> str:
    """Write a keyed hash, `key.hex`, as the second part of a code."""
    return base64.b32encode(bytes.fromhex(digest.partition(".")[2])).decode()[:_SIGN]


def parts_of(code: str) -> tuple[str, str]:
    """Give both parts of a code as somebody typed it; it need not be one."""
    body, _, sign = code.strip().upper().partition("-")
    return body, sign


def share_ways(page: Referral, link: str, locale: str) -> Mapping[str, str]:
    """Give the addresses that share a link, by way: nobody's address book is looked at.

    `sheet` is the text for the system's own sharing (`navigator.share`).
    """
    text = page.message[locale].replace("{link}", link)
    said, address = quote(text, safe=""), quote(link, safe="")
    return {
        "link": link,
        "mail": f"mailto:?body={said}",
        "whatsapp": f"https://wa.me/?text={said}",
        "messenger": f"fb-messenger://share/?link={address}",
        "sms": f"sms:?&body={said}",
        "sheet": text,
    }
