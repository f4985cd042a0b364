"""Tells of every channel what is set, what is missing, and whether it works: `python -m bot channels check`."""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence

from aiohttp import ClientSession

from bot.channels.channel import SendError, open_channel
from bot.channels.meta import end_of
from preferences.errors import SettingsError
from preferences.settings import CHANNEL_NEEDS, Settings, load_settings

_META = ("whatsapp", "messenger", "instagram")


def command(arguments: Sequence[str]) -> int:
    """Print a line or two for each channel; 1 if one that is switched on does not work."""
    parser = ArgumentParser(
        prog="python -m bot channels",
        description="Tell what is set and what is missing for each channel, and try the credentials.",
    )
    parser.add_argument("check", choices=["check"])
    parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    lines, works = asyncio.run(check(settings))
    sys.stdout.write("\n".join([*lines, ""]))
    return 0 if works else 1


async def check(settings: Settings) -> tuple[list[str], bool]:
    """Give what there is to tell, and whether every channel that is switched on works."""
    lines: list[str] = []
    works = True
    async with ClientSession() as http:
        for name in CHANNEL_NEEDS:
            told, fine = await _check(http, name, settings)
            lines += told
            works = works and fine
    return lines, works


async def _check(http: ClientSession, name: str, settings: Settings) -> tuple[list[str], bool]:
    if name not in settings.channels:
        missing = ", ".join(settings.missing(name))
        then = f"set {missing}, then " if missing else ""
        return [f"{name:<10} off     {then}add it to ASKFIRST_CHANNELS"], True
    try:
        whom = await open_channel(name, settings).check(http)
    except SendError as error:
        return [f"{name:<10} FAILS   its credentials do not work ({error.code})"], False
    return [
        f"{name:<10} works   {whom}",
        *(f"{'':<19}{hint}" for hint in _hints(name, settings)),
    ], True


def _hints(name: str, settings: Settings) -> Iterator[str]:
    """Give what nobody can check from here."""
    base = settings.public_url.rstrip("/") or "https://YOUR-GATEWAY"
    yield f"webhook: {base}/v1/channels/{name}"
    if name not in _META:
        return
    yield f"verify token: {settings.meta_verify_token.get_secret_value()}"
    if warning := end_of(settings.meta_version):
        yield warning
