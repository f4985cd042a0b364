"""Tells what the gateway concludes from webhook bodies: `python -m bot inspect --channel NAME FILE…`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from bot.channels import messenger_shapes, twilio_shapes, whatsapp_shapes
from bot.channels.shapes import read_object
from bot.messages import Inbound
from bot.orders import shopify_shapes, woocommerce
from preferences.errors import BadInputError

Parse = Callable[[bytes], list[Inbound]]


def command(arguments: Sequence[str]) -> int:
    """Print a line of JSON for each thing that each file reports; 1 if one cannot be read."""
    parser = ArgumentParser(
        prog="python -m bot inspect",
        description="Print what the gateway concludes from webhook bodies: JSON lines, one for each message, status or event. Nothing is stored or sent.",
    )
    parser.add_argument("--channel", required=True, choices=sorted(PARSERS))
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a body as it was posted"
    )
    given = parser.parse_args(arguments)
    failed = False
    for file in given.files:
        try:
            found = PARSERS[given.channel](file.read_bytes())
        except (BadInputError, OSError) as error:
            sys.stderr.write(f"{file}: {error}\n")
            found, failed = [Inbound("unreadable")], True
        for one in found:
            sys.stdout.write(f"{json.dumps(one.line)}\n")
    return 1 if failed else 0


def _shopify(raw: bytes) -> list[Inbound]:
    return list(_orders(raw, _is_shopify_purchase))


def _woocommerce(raw: bytes) -> list[Inbound]:
    if woocommerce.is_ping(raw):
        return [Inbound("ignored_field")]
    return list(_orders(raw, _is_woocommerce_purchase))


def _orders(raw: bytes, is_purchase: Callable[[dict[str, object]], bool]) -> Iterator[Inbound]:
    body = read_object(raw)
    order = body.get("order") or body.get("draft_order") or body
    if "line_items" not in order and ("email" in order or "first_name" in order):
        yield Inbound("customer_update")
        return
    try:
        purchase = is_purchase(body)
    except ValidationError:
        yield Inbound("order", kind="none")  # kept aside, and no purchase
        return
    yield Inbound("order", kind="purchase" if purchase else "ignored")


def _is_shopify_purchase(body: dict[str, object]) -> bool:
    order = shopify_shapes.Order.model_validate(body)
    return not order.test and order.as_purchase().status == "placed"


def _is_woocommerce_purchase(body: dict[str, object]) -> bool:
    order = woocommerce.Order.model_validate(body)
    return order.as_purchase().status == "placed"


PARSERS: dict[str, Parse] = {
    "whatsapp": whatsapp_shapes.parse,
    "messenger": partial(messenger_shapes.parse, channel="messenger"),
    "instagram": partial(messenger_shapes.parse, channel="instagram"),
    "twilio": twilio_shapes.parse,
    "shopify": _shopify,
    "woocommerce": _woocommerce,
}
