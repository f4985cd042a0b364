"""Prints a conversation as a person would read it: `make transcript NAME=grief`."""

import asyncio
import sys
import textwrap
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from alembic import command

from preferences.store.engine import open_store
from preferences.store.migrate import alembic_config
from tests.conversations.script import Script, load_script, names
from tests.conversations.stage import Played, check, stage
from tests.vaults import VAULT

WIDTH = 76
SHOPPER, ASSISTANT, ASIDE, PLAIN = "\033[36m", "\033[1m", "\033[2m", "\033[0m"
INDENT = 14


async def play(script: Script) -> list[Played]:
    """Play a conversation in a store of its own, which is gone afterwards."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/askfirst.db"
        await asyncio.to_thread(command.upgrade, alembic_config(url, VAULT), "head")
        async with open_store(url, VAULT) as store:
            played = await stage(store, script)
            for step in script.steps:
                await check(played, step, await played.plays(step))
    return played.played


def written(script: Script, played: list[Played], *, coloured: bool = False) -> str:
    """Lay it out in two voices, one below the other."""
    lines = [_painted(script.title, ASSISTANT, coloured=coloured), ""]
    for one in played:
        lines += _turn(one, coloured=coloured)
    return "\n".join(lines).rstrip() + "\n"


def _turn(played: Played, *, coloured: bool) -> Iterator[str]:
    step = played.step
    aside = {
        "opens": "(opens the chat)",
        "buys": f"(buys: {step.what})",
        "worth_asking": f"(the shop finds {step.what} worth asking)",
        "waits": f"(waits {step.what} days)",
        "handed_back": "(the person has spoken, and hands back)",
    }.get(step.does)
    if aside is not None:
        yield _painted(" " * INDENT + aside, ASIDE, coloured=coloured)
    else:
        words = f"[{step.what}]" if step.does == "presses" else step.what
        yield from _voice("Shopper", words, SHOPPER, coloured=coloured)
    for reply in played.replies:
        yield from _voice("Assistant", reply["text"], ASSISTANT, coloured=coloured)
        if reply["choices"]:
            labels = " · ".join(f"[{choice['label']}]" for choice in reply["choices"])
            yield from _wrapped("", labels)
    if not played.replies and step.does not in {"waits", "handed_back"}:
        yield _painted(" " * INDENT + "(silence)", ASIDE, coloured=coloured)
    yield ""


def _voice(name: str, words: str, colour: str, *, coloured: bool) -> Iterator[str]:
    for line in _wrapped(name, words):
        yield _painted(line[:INDENT], colour, coloured=coloured) + line[INDENT:]


def _wrapped(name: str, words: str) -> list[str]:
    return textwrap.wrap(
        words, WIDTH, initial_indent=f"  {name:<{INDENT - 2}}", subsequent_indent=" " * INDENT
    )


def _painted(text: str, colour: str, *, coloured: bool) -> str:
    return f"{colour}{text}{PLAIN}" if coloured else text


def main(arguments: list[str]) -> int:
    """Print the conversations that are named, or tell which there are."""
    if not arguments or not set(arguments) <= set(names()):
        sys.stderr.write(f"make transcript NAME=…, one of: {', '.join(names())}\n")
        return 2
    for name in arguments:
        script = load_script(name)
        text = written(script, asyncio.run(play(script)), coloured=sys.stdout.isatty())
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
