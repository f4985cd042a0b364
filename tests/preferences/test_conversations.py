"""The conversations of `tests/conversations`, through the domain and a store of each kind."""

import pytest

from preferences.store.engine import Store
from tests.conversations.__main__ import main
from tests.conversations.script import load_script, names
from tests.conversations.stage import check, stage


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
    assert "  Assistant   I am very sorry. I will leave you in peace." in printed


def test_who_names_no_conversation_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2

    assert "grief" in capsys.readouterr().err
