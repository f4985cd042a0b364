from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.catalogue import load_catalogue
from preferences.settings import Settings
from preferences.store.holdings import HELD
from preferences.store.register import how_long, register
from preferences.store.retention import Limits

PAGE = Path(__file__).parents[3] / "docs" / "register.md"
DEFAULTS = Settings.model_construct()


def test_the_page_in_the_tree_equals_the_schema() -> None:
    assert PAGE.read_text() == register(load_catalogue(), DEFAULTS)


def test_every_table_that_holds_a_person_says_how_long() -> None:
    assert how_long(Limits.of(DEFAULTS)).keys() == {table.__tablename__ for table in HELD}


def test_every_purpose_says_which_data_and_questions_it_is_for() -> None:
    catalogue = load_catalogue()
    page = register(catalogue, DEFAULTS)

    for question in catalogue.questions.values():
        kinds = ", ".join(catalogue.purposes[question.purpose].data_categories)
        [line] = [one for one in page.splitlines() if one.startswith(f"| `{question.purpose}` |")]
        assert kinds
        assert kinds in line
        assert question.id in line


def test_a_deployment_tells_its_own_limits_and_who_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKFIRST_KEEP_MESSAGES_DAYS", "7")
    monkeypatch.setenv("ASKFIRST_DESTINATIONS", "log,hubspot")

    assert main(["register"]) == 0

    page = capsys.readouterr().out
    _, _, messages = page.partition("## message\n")
    assert "Kept: 7 days." in messages.partition("## ")[0]
    assert "`log`, `hubspot` (`ASKFIRST_DESTINATIONS`)" in page
