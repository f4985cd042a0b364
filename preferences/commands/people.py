"""What the verbs on one shopper share: whom they mean, and the store they are in."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from typing import Any

from preferences.settings import Settings, load_settings
from preferences.store.engine import Store, open_own_store
from preferences.store.shoppers import shopper_named


def add_shopper(parser: ArgumentParser) -> None:
    """Have a verb ask for whom it is meant."""
    parser.add_argument(
        "shopper",
        help="a shopper's id, or a name of theirs as in customer:1001 or email:a@b.example",
    )


def with_store[Result](work: Callable[[Store, Settings], Awaitable[Result]]) -> Result:
    """Open the deployment's store, do the work and close it."""

    async def run() -> Result:
        settings = load_settings()
        async with open_own_store(settings) as store:
            await store.ping()
            return await work(store, settings)

    return asyncio.run(run())


async def find(store: Store, shopper: str) -> str:
    """Give the id of whom a verb is meant for.

    :raises NotFoundError: there is no such shopper.
    """
    kind, colon, value = shopper.partition(":")
    return await shopper_named(store, kind, value) if colon else shopper


def show(page: Any) -> None:
    """Print a page of JSON."""
    json.dump(page, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
