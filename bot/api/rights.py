"""A shopper's rights, exercised by the shop: a copy, a receipt, a check, and the end of it all."""

from pydantic import JsonValue, RootModel

from bot.api.models import View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from bot.parts import SETTINGS
from preferences.store.erasure import erase_shopper
from preferences.store.export import export_shopper
from preferences.store.receipts import receipt
from preferences.store.verifying import verify


class PersonExport(RootModel[dict[str, JsonValue]]):
    """Every row of every table that holds a person; `python -m preferences import` takes it in."""


class Receipt(RootModel[dict[str, JsonValue]]):
    """To what a person said yes or no, in the fields of ISO/IEC TS 27560."""


class FindingView(View):
    """Something that does not fit."""

    what: str
    remedy: str


class Verification(View):
    """Whether what is held of a person fits its own proof."""

    intact: bool
    findings: list[FindingView]


@operation("GET", "/v1/shoppers/{id}/export", {"export"}, problems=[NOT_FOUND])
async def export_person(call: Call, path: ShopperPath) -> PersonExport:
    """Export everything that is held of a shopper."""
    return PersonExport(await export_shopper(call.store, await person(call, path.id)))


@operation("GET", "/v1/shoppers/{id}/receipt", {"export"}, problems=[NOT_FOUND])
async def read_receipt(call: Call, path: ShopperPath) -> Receipt:
    """Give the receipt of a shopper's permissions."""
    settings = call.request.app[SETTINGS]
    return Receipt(await receipt(call.store, await person(call, path.id), settings, call.now))


@operation("GET", "/v1/shoppers/{id}/verify", {"export"}, problems=[NOT_FOUND])
async def verify_person(call: Call, path: ShopperPath) -> Verification:
    """Check what is held of a shopper against its own proof."""
    findings = await verify(call.store, await person(call, path.id))
    return Verification(
        intact=not findings,
        findings=[FindingView(what=found.what, remedy=found.remedy) for found in findings],
    )


@operation("DELETE", "/v1/shoppers/{id}", {"erase"}, status=204, problems=[NOT_FOUND])
async def erase_person(call: Call, path: ShopperPath) -> None:
    """Erase a shopper.

    Everything that is held of the person goes, here and in every CRM; what stays is a random id
    and the keyed hashes of their names, so that the wish to be left alone is known again. It cannot
    be undone.
    """
    await erase_shopper(call.store, await person(call, path.id), call.destinations, call.now)
    await call.announce()


OPERATIONS = (export_person, read_receipt, verify_person, erase_person)
