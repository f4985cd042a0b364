"""Tries phrases on the assistant: `python -m bot understand`, one by one or by the thousand.

JSON lines in, `{"text", "asked", "locale"}`; JSON lines out, what is taken to be meant, in the same
order. Nothing else goes to standard output.
"""

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.launch.checks import check_rasa
from bot.launch.errors import LaunchError
from bot.launch.launcher import ROOT
from bot.launch.lifeline import Lifeline
from bot.launch.parts import Plan
from bot.launch.progress import following
from bot.launch.screen import PlainScreen, Screen
from bot.launch.supervisor import Supervisor
from bot.launch.training import model_for
from preferences.catalogue import Catalogue, load_catalogue
from preferences.conversation import Ask, Choice
from preferences.errors import AskfirstError
from preferences.settings import Settings, load_settings
from preferences.texts import LOCALES
from preferences.understanding import Guess, Heard, Reading, read

_LONGEST_LINE = 1 << 20
_LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Phrase:
    """What somebody might say, and the question that was put before, or None."""

    text: str
    asked: str | None
    locale: str
    warning: str = ""


def command(arguments: Sequence[str]) -> int:
    """Read phrases until there are no more, and give the exit code."""
    given = _arguments(arguments)
    screen = PlainScreen(sys.stderr)
    try:
        asyncio.run(_run(given, screen))
    except AskfirstError as error:
        if isinstance(error, LaunchError) and error.excerpt:
            screen.excerpt(error.excerpt)
        screen.error(str(error))
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
    return 0


def _arguments(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser(
        prog="python -m bot understand",
        description="Show what the assistant takes a phrase to mean.",
        epilog='Without --text: JSON lines {"text", "asked", "locale"} in, JSON lines out.',
    )
    parser.add_argument("--text", help="one phrase; the answer is for people")
    parser.add_argument("--asked", help="the question that was put before, by its id")
    parser.add_argument("--locale", choices=LOCALES, default="en", help="the shopper's language")
    return parser.parse_args(arguments)


async def _run(given: Namespace, screen: Screen) -> None:
    settings = load_settings()
    settings = settings.model_copy(update={"model_dir": settings.model_dir.resolve()})
    check_rasa(settings.rasa_env)
    catalogue = load_catalogue()
    model = await _model(settings, screen)
    if given.text is None:
        lines: Iterable[str] = sys.stdin
        show = shown_as_json
    else:
        about = {"text": given.text, "asked": given.asked, "locale": given.locale}
        lines, show = [json.dumps(about)], shown_as_words
    async with _parser(settings, model) as process:
        screen.line("Reading …")
        async for heard, phrase in understood(process, lines, catalogue):
            sys.stdout.write(show(heard, phrase, catalogue) + "\n")
    sys.stdout.flush()


async def _model(settings: Settings, screen: Screen) -> Path:
    """Give the model of the sources as they are; train it first where there is none."""
    plan = Plan(settings, actions_port=0, rasa_ports=())
    logs = settings.data_dir.resolve() / "log" / "understand"
    logs.mkdir(parents=True, exist_ok=True)

    async def train(folder: Path, name: str) -> None:
        with Lifeline() as lifeline:
            async with Supervisor(ROOT, logs, screen, lifeline) as supervisor:
                log = logs / "training.log"
                async with following(screen, "Training the language model", log):
                    await supervisor.finish(plan.training(folder, name))

    return await model_for(ROOT, settings.model_dir, train, screen)


@asynccontextmanager
async def _parser(settings: Settings, model: Path) -> AsyncIterator[Process]:
    """Start what reads sentences with the model, in Rasa's environment."""
    part = Plan(settings, actions_port=0, rasa_ports=()).parser(model)
    process = await asyncio.create_subprocess_exec(
        *part.argv, cwd=ROOT, env=part.env, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        limit=_LONGEST_LINE,
    )  # fmt: skip
    try:
        await _answer(process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def understood(
    process: Process, lines: Iterable[str], catalogue: Catalogue
) -> AsyncIterator[tuple[Heard | str, Phrase | None]]:
    """Give each line's phrase as it was heard, or what is wrong with the line, in their order."""
    waiting: deque[Phrase | str] = deque()
    for found in phrases(lines, catalogue):
        waiting.append(found)
    sending = asyncio.create_task(_send(process, [p for p in waiting if isinstance(p, Phrase)]))
    while waiting:
        found = waiting.popleft()
        if isinstance(found, str):
            yield found, None
        else:
            yield Heard.of(found.text, await _answer(process)), found
    await sending


async def _send(process: Process, phrases: Iterable[Phrase]) -> None:
    if process.stdin is None:
        return
    for phrase in phrases:
        line = json.dumps({"text": phrase.text, "locale": phrase.locale})
        process.stdin.write(f"{line}\n".encode())
        await process.stdin.drain()
    process.stdin.close()


async def _answer(process: Process) -> dict[str, Any]:
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        message = (
            f"The language model could not be used (exit code {await process.wait()}); remove the "
            "folder ASKFIRST_MODEL_DIR (models) to train it anew, or run `make setup`."
        )
        raise LaunchError(message)
    answer: dict[str, Any] = json.loads(line)
    return answer


def phrases(lines: Iterable[str], catalogue: Catalogue) -> Iterator[Phrase | str]:
    """Read every line that is not blank: a phrase, or what is wrong with the line."""
    for line in lines:
        if line.strip():
            yield _phrase(line, catalogue)


def _phrase(line: str, catalogue: Catalogue) -> Phrase | str:
    """Read one line; a sentence says what is wrong with a bad one."""
    try:
        given = json.loads(line)
    except ValueError:
        return "This line is not JSON."
    if not isinstance(given, dict) or not isinstance(given.get("text"), str):
        return 'A line is an object: {"text": "…", "asked": a question\'s id or null, "locale"}.'
    text = given["text"].encode("utf-8", "ignore").decode()
    if len(text) > _LONGEST_TEXT:
        return f"The text is longer than {_LONGEST_TEXT} characters."
    asked, locale = given.get("asked") or None, str(given.get("locale") or "en")[:2].lower()
    if locale not in LOCALES:
        return f"The locale is none of {', '.join(LOCALES)}."
    if asked is None or asked in catalogue.questions:
        return Phrase(text, asked, locale)
    known = ", ".join(catalogue.questions)
    warning = f"The catalogue has no question {asked}, so it is read as if none was put: {known}."
    return Phrase(text, None, locale, warning)


def asked_as(phrase: Phrase, catalogue: Catalogue) -> Ask | None:
    """Put the question of a phrase as a shopper would have seen it."""
    if phrase.asked is None:
        return None
    question = catalogue.questions[phrase.asked]
    offered = [option for option in question.options if option.offered]
    return Ask(
        id="tried",
        kind="question",
        question=question.id,
        version=question.version,
        purpose=question.purpose,
        wording=question.wording[phrase.locale],
        choices=tuple(Choice(option.label[phrase.locale], option.value) for option in offered),
        locale=phrase.locale,
        asked_at=datetime.now(UTC),
    )


def shown_as_json(heard: Heard | str, phrase: Phrase | None, catalogue: Catalogue) -> str:
    """Tell a program what is taken to be meant, or what is wrong with its line."""
    if isinstance(heard, str) or phrase is None:
        return json.dumps({"error": heard})
    reading = read(heard, asked_as(phrase, catalogue), catalogue)
    warning = {"warning": phrase.warning} if phrase.warning else {}
    return json.dumps({**_plain(reading, heard), **warning}, ensure_ascii=False)


def _plain(reading: Reading, heard: Heard) -> dict[str, Any]:
    return {
        "act": reading.act,
        "question": reading.question,
        "value": reading.value,
        "polarity": reading.polarity,
        "confidence": round(reading.confidence, 4),
        "sure": reading.sure,
        "alternatives": [_guess(guess) for guess in reading.alternatives],
        "entities": dict(reading.detail or heard.entities),
    }


def _guess(guess: Guess) -> dict[str, Any]:
    return {
        "act": guess.act,
        "question": guess.question,
        "value": guess.value,
        "confidence": round(guess.confidence, 4),
    }


def shown_as_words(heard: Heard | str, phrase: Phrase | None, catalogue: Catalogue) -> str:
    """Tell a person what would be taken to be meant, and what else it might have been."""
    if isinstance(heard, str) or phrase is None:
        raise LaunchError(str(heard))
    reading = read(heard, asked_as(phrase, catalogue), catalogue)
    sureness = "sure" if reading.sure else "not sure: it would ask again"
    lines = [phrase.warning] if phrase.warning else []
    lines += [
        f"“{phrase.text}”",
        f"  means {_named(reading)} ({reading.confidence:.0%}, {sureness})",
    ]
    lines += [f"  {kind}: {value}" for kind, value in (reading.detail or heard.entities).items()]
    lines += [
        f"  or else {_named(guess)} ({guess.confidence:.0%})"
        for guess in reading.alternatives
        if _named(guess) != _named(reading)
    ]
    return "\n".join(lines)


def _named(meant: Reading | Guess) -> str:
    return " · ".join(str(part) for part in (meant.act, meant.question, meant.value) if part)
