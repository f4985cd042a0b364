"""The command line of `python -m bot`: reads the arguments, checks, launches, reports."""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.launch.checks import check
from bot.launch.errors import LaunchError
from bot.launch.launcher import launch
from bot.launch.screen import PlainScreen, Screen
from preferences.errors import SettingsError
from preferences.settings import Settings, load_settings


def command(arguments: Sequence[str]) -> int:
    """Run one instance until it is told to stop, or try phrases, and give the exit code."""
    if arguments[:1] == ["understand"]:
        from bot.understand import command as understand  # noqa: PLC0415 - no run needs it

        return understand(arguments[1:])
    if arguments[:1] == ["channels"]:
        from bot.channels.checking import command as channels  # noqa: PLC0415 - no run needs it

        return channels(arguments[1:])
    if arguments[:1] == ["inspect"]:
        from bot.inspecting import command as inspect  # noqa: PLC0415 - no run needs it

        return inspect(arguments[1:])
    given = _read(arguments)
    screen = _open_screen()
    try:
        settings = _settings(given)
        check(settings)
        asyncio.run(launch(settings, screen))
    except (LaunchError, SettingsError) as error:
        return _explain(error, screen)
    except KeyboardInterrupt:  # before the launcher listened for it: nothing was started yet
        return 0
    return 0


def _read(arguments: Sequence[str]) -> dict[str, Any]:
    parser = ArgumentParser(
        prog="python -m bot",
        description="Run Askfirst: gateway, action server, Rasa and CRM sync, until Ctrl-C.",
        epilog="`python -m bot understand --help` tries phrases on it, `python -m bot inspect --help` reads webhooks, `python -m bot channels check` tries the channels. Every other setting is an ASKFIRST_* variable; .env.example names them all.",
    )
    parser.add_argument(
        "--port", type=int, help="port of the gateway (ASKFIRST_PORT, 8080); 0 takes a free one"
    )
    parser.add_argument(
        "--data", dest="data_dir", type=Path, help="folder for all it writes (ASKFIRST_DATA_DIR)"
    )
    return {
        name: value
        for name, value in vars(parser.parse_args(arguments)).items()
        if value is not None
    }


def _settings(given: dict[str, Any]) -> Settings:
    settings = load_settings(**given)
    here = {name: getattr(settings, name).resolve() for name in ("data_dir", "model_dir")}
    return settings.model_copy(update=here)


def _explain(error: LaunchError | SettingsError, screen: Screen) -> int:
    if isinstance(error, LaunchError) and error.excerpt:
        screen.excerpt(error.excerpt)
    screen.error(str(error))
    return 1


def _open_screen() -> Screen:
    """Give the screen that fits where standard output goes."""
    if not sys.stdout.isatty():
        return PlainScreen()
    from bot.launch.terminal import TerminalScreen  # noqa: PLC0415 - slow, and seldom needed

    return TerminalScreen()
