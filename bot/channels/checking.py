"""Tells of every channel what is set, what is missing, and whether it works: `python -m bot channels check`."""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence

from aiohttp import ClientSession

from bot.channels.channel import SendError, open_channel
from bot.channels.meta import META_CHANNELS, end_of
from preferences.errors import AskfirstError, SettingsError
from preferences.settings import Settings, load_settings
from preferences.settings.channels import CHANNEL_NEEDS
from preferences.store.dead import dead_messages, replay_dead
from preferences.store.engine import open_own_store


def command(arguments: Sequence[str]) -> int:
    """Print a line or two for each channel, or the dead letters; 1 if one that is on does not work."""
    parser = ArgumentParser(
        prog="python -m bot channels",
        description="check: tell what is set and what is missing for each channel, and try the credentials. dead: list the messages that could not be answered, without their words. replay: have them answered after all.",
    )
    parser.add_argument("what", choices=["check", "dead", "replay"])
    parser.add_argument("--conversation", default="", help="replay those of one alone")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        lines, works = asyncio.run(_do(given.what, given.conversation, settings))
    except AskfirstError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("\n".join([*lines, ""]))
    return 0 if works else 1


async def _do(what: str, conversation: str, settings: Settings) -> tuple[list[str], bool]:
    if what == "check":
        return await check(settings)
    async with open_own_store(settings) as store:
        if what == "dead":
            found = [
                f"{one.at:%Y-%m-%d %H:%M}  {one.channel:<10} {one.why:<8} {one.conversation} {one.message_id}"
                for one in await dead_messages(store)
            ]
            return found or ["There is no dead letter."], True
        count = await replay_dead(store, conversation)
    return [f"{count} dead letters wait for an answer again."], True


async def check(settings: Settings) -> tuple[list[str], bool]:
    """Give what there is to tell, and whether every channel that is switched on works."""
    lines, works = [_website(settings)], True
    async with ClientSession() as http:
        for name in CHANNEL_NEEDS:
            told, fine = await _check(http, name, settings)
            lines += told
            works = works and fine
    return lines, works


def _website(settings: Settings) -> str:
    """Tell on which pages the chat may stand."""
    others = ", ".join(settings.origins) or "none; ASKFIRST_ORIGINS names them"
    return f"{'web':<10} on      pages of the gateway itself, and of other origins: {others}"


async def _check(http: ClientSession, name: str, settings: Settings) -> tuple[list[str], bool]:
    if name not in settings.channels:
        missing = ", ".join(settings.missing(name))
        then = f"set {missing}, then " if missing else ""
        return [f"{name:<10} off     {then}add it to ASKFIRST_CHANNELS"], True
    try:
        whom = await open_channel(name, settings).check(http)
    except SendError as error:
        told, works = f"FAILS   its credentials do not work ({error.code})", False
    else:
        told, works = f"works   {whom}", True
    hints = [*_addresses(name, settings)] if works else []
    if name in META_CHANNELS and (warning := end_of(settings.meta_version)):
        hints.append(warning)
    return [f"{name:<10} {told}", *(f"{'':<19}{hint}" for hint in hints)], works


def _addresses(name: str, settings: Settings) -> Iterator[str]:
    """Give what has to be entered at the platform, which nobody can check from here."""
    base = settings.public_url.rstrip("/") or "https://YOUR-GATEWAY"
    yield f"webhook: {base}/v1/channels/{name}"
    if name in META_CHANNELS:
        yield f"verify token: {settings.meta_verify_token.get_secret_value()}"
