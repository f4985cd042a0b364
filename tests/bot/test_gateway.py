import socket
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.gateway import create_app, main
from preferences.settings import load_settings
from tests.bot.conftest import served
from tests.vaults import KEYS


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment that keeps all it has in a folder, and whose store has no tables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))
    return tmp_path


@pytest.mark.usefixtures("data")
def test_a_store_without_tables_ends_the_start_and_how_they_are_made_is_said(
    bare_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", bare_url)

    assert main(["--port", "0"]) == 2

    said = capsys.readouterr().err
    assert "has no tables of this version yet; make them by `alembic upgrade head`" in said


@pytest.mark.usefixtures("data")
async def test_a_store_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(load_settings(database_url="postgresql://postgres@127.0.0.1:1/askfirst"))
    async with (
        served(app) as url,
        ClientSession() as http,
        http.get(f"{url}/readyz") as ready,
    ):
        parts = (await ready.json())["parts"]

    assert ready.status == 503
    assert parts["store"].startswith("The preference store cannot be reached")
    assert "The gateway starts without its store" in caplog.text


def test_help_tells_what_it_is_and_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    assert end.value.code == 0
    assert "--port PORT" in capsys.readouterr().out


def test_what_it_does_not_take_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--prot", "8081"])

    assert end.value.code == 2
    assert "unrecognized arguments: --prot" in capsys.readouterr().err


@pytest.mark.usefixtures("data")
def test_a_port_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "65536"]) == 2

    assert "ASKFIRST_PORT" in capsys.readouterr().err


@pytest.mark.usefixtures("data")
def test_the_port_is_the_one_that_was_asked_for(
    store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["--port", str(port)]) == 1

    assert f"Port {port} on 127.0.0.1 cannot be opened" in capsys.readouterr().err
