"""The conversations of `tests/conversations`, through the domain and a store of each kind."""

import re

import pytest

from preferences.store.engine import Store
from tests.conversations.__main__ import main
from tests.conversations.script import DOES, EXPECTS, HERE, load_script, names
from tests.conversations.stage import check, stage

SHOWN = "[Good food] · [Spoiling them a bit]"  # the first two change places between shoppers
README = HERE.parents[1] / "README.md"
PAGE = HERE.parents[1] / "docs/conversations.md"


def _first_two_as_shown(printed: str) -> str:
    return printed.replace("[For me] · [A gift]", "[A gift] · [For me]").replace(
        "[Spoiling them a bit] · [Good food]", SHOWN
    )


@pytest.mark.parametrize("name", names())
async def test_a_conversation_goes_as_it_is_written(store: Store, name: str) -> None:
    script = load_script(name)
    played = await stage(store, script)

    for step in script.steps:
        await check(played, step, await played.plays(step))


def test_a_conversation_is_printed_as_a_person_would_read_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["grief"]) == 0

    printed = capsys.readouterr().out
    assert "  Shopper     my cat passed away today" in printed
    assert "  Assistant   I am very sorry. Take all the time you need: I will not" in printed


def test_who_names_no_conversation_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2

    assert "grief" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gift", "motivation", "grief"])
def test_the_documentation_shows_conversations_as_they_go(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([name])

    printed = _first_two_as_shown(capsys.readouterr().out)
    assert f"```\n{printed}```" in PAGE.read_text()


def test_the_readme_shows_nothing_that_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```\n(.*?)```", README.read_text(), re.DOTALL)

    assert len(blocks) == 3
    assert sum(block.count("\n") for block in blocks) <= 45
    for name, block in zip(["gift", "motivation", "grief"], blocks, strict=True):
        main([name])
        printed = _first_two_as_shown(capsys.readouterr().out)
        missing = iter(printed.splitlines())
        assert [line for line in block.splitlines() if line and line not in missing] == []


def test_everything_that_a_conversation_may_hold_is_documented() -> None:
    page = PAGE.read_text()

    assert [word for word in (*DOES, *EXPECTS, "as") if f"`{word}`" not in page] == []
