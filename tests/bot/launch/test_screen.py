"""A person sees what happens, and is not flooded."""

from io import StringIO

from rich.console import Console

from bot.launch.screen import PlainScreen
from bot.launch.terminal import TerminalScreen


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_new_stage_gets_a_plain_line_with_the_time_taken() -> None:
    out, clock = StringIO(), Clock()
    with PlainScreen(out, out, clock).work("Training") as show:
        for stage in ("validating", "validating", "training"):
            clock.now += 3
            show(stage)

    assert out.getvalue().splitlines() == ["Training …", "    3 s  validating", "    9 s  training"]


def test_a_stage_that_lasts_gets_a_plain_line_now_and_then() -> None:
    out, clock = StringIO(), Clock()
    with PlainScreen(out, out, clock).work("Training") as show:
        for _ in range(40):
            clock.now += 1
            show("training")

    assert out.getvalue().splitlines() == [
        "Training …",
        "    2 s  training",
        "   17 s  training",
        "   32 s  training",
    ]


def test_trouble_goes_to_standard_error() -> None:
    out, trouble = StringIO(), StringIO()
    screen = PlainScreen(out, trouble)
    screen.excerpt("Traceback\nValueError")
    screen.error("gateway ended")

    assert not out.getvalue()
    assert trouble.getvalue() == "    Traceback\n    ValueError\ngateway ended\n"


def test_a_terminal_shows_what_it_is_told_literally() -> None:
    out = StringIO()
    screen = TerminalScreen(Console(file=out, width=20, force_terminal=True, highlight=False))
    screen.line("curl -H '[bold]' http://localhost:8080/v1/shoppers/1/preferences")

    assert "curl -H '[bold]' http://localhost:8080/v1/shoppers/1/preferences\n" in out.getvalue()


def test_a_terminal_shows_the_stage_beside_the_time() -> None:
    out = StringIO()
    screen = TerminalScreen(Console(file=out, width=80, force_terminal=True, color_system=None))
    with screen.work("Training") as show:
        show("component 'RulePolicy' [1/2]")

    assert "Training  0 s  component 'RulePolicy' [1/2]" in out.getvalue()
