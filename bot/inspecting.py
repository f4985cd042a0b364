"""Tells what the gateway concludes from webhook bodies: `python -m bot inspect --channel NAME FILE…`."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bot.channels import messenger_shapes, twilio_shapes, whatsapp_shapes
from bot.messages import Inbound
from bot.orders import told
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


PARSERS: dict[str, Parse] = {
    "whatsapp": whatsapp_shapes.parse,
    "messenger": partial(messenger_shapes.parse, channel="messenger"),
    "instagram": partial(messenger_shapes.parse, channel="instagram"),
    "twilio": twilio_shapes.parse,
    "shopify": told.shopify,
    "woocommerce": told.woo,
}
