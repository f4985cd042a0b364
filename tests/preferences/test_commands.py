import asyncio
import io
import json
from pathlib import Path

import pytest
from alembic import command

from preferences.__main__ import main
from preferences.settings import PREFIX, Settings, load_settings
from preferences.store.engine import open_own_store
from preferences.store.migrate import alembic_config
from preferences.store.tables import ConsentRow
from preferences.store.vault import open_vault
from tests.preferences.store.lives import CUSTOMER, EMAIL, Life, a_whole_life
from tests.preferences.store.shop import Shop


@pytest.fixture(autouse=True)
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A deployment in a folder of its own, with a shopper."""
    for name in list(Settings.model_fields):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return deploy()


def deploy() -> Life:
    settings = load_settings()
    command.upgrade(alembic_config(settings.database, open_vault(settings)), "head")

    async def live() -> Life:
        async with open_own_store(settings) as store:
            return await a_whole_life(Shop(store))

    return asyncio.run(live())


def test_an_export_is_printed_and_taken_in_by_another_deployment(
    life: Life,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["export", f"customer:{CUSTOMER}"]) == 0
    page = capsys.readouterr().out
    (tmp_path / "kim.json").write_text(page)
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path / "elsewhere"))
    settings = load_settings()
    command.upgrade(alembic_config(settings.database, open_vault(settings)), "head")

    assert main(["import", "kim.json"]) == 0
    assert capsys.readouterr().out == f"{life.head}\n"
    assert main(["import", "kim.json"]) == 2
    assert "already" in capsys.readouterr().err
    assert main(["export", life.head]) == 0
    assert json.loads(capsys.readouterr().out)["held"] == json.loads(page)["held"]


@pytest.mark.parametrize("page", ["", "[]", "{", "[" * 100_000])
def test_what_is_no_export_is_refused_with_a_sentence(
    page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(page))

    assert main(["import", "-"]) == 2

    assert capsys.readouterr().err == "The file holds no export: it is no JSON object.\n"


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "nowhere.json"]) == 2

    assert "name one that `export` made" in capsys.readouterr().err


def test_a_receipt_is_printed(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["receipt", f"email:{EMAIL}"]) == 0

    page = json.loads(capsys.readouterr().out)
    assert (page["pii_principal"], len(page["records"])) == (life.head, 1)


def test_verify_says_that_all_is_proved_or_what_is_not(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", life.head]) == 0
    assert capsys.readouterr().out == "All of it is proved.\n"

    async def spoil() -> None:
        async with open_own_store(load_settings()) as store, store.begin() as session:
            view = await session.get_one(ConsentRow, (life.head, "tailor_suggestions"))
            view.state = "given"

    asyncio.run(spoil())
    assert main(["verify", life.head]) == 1
    assert "bring back its newest backup" in capsys.readouterr().out


def test_an_erasure_has_to_be_confirmed_and_leaves_the_wish(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", life.head]) == 1
    assert "--yes" in capsys.readouterr().err
    assert main(["erase", life.head, "--yes"]) == 0
    assert "Deleted" in capsys.readouterr().out

    assert main(["export", life.head]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["held"]["answer"] == []
    assert {row["reason"] for row in page["held"]["suppression"]} == {"shopper_erased"}
    assert Path("var/journal.jsonl").read_text().count('"erased"') == 1


@pytest.mark.parametrize("verb", ["export", "receipt", "verify", "erase"])
@pytest.mark.parametrize("shopper", ["nobody", "customer:9999"])
def test_who_is_not_known_gets_a_sentence(
    verb: str, shopper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, shopper, *(["--yes"] if verb == "erase" else [])]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("There is no shopper of that id")


def test_a_store_without_tables_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path / "empty"))

    assert main(["export", "somebody"]) == 2

    assert capsys.readouterr().err.startswith("The preference store ")
