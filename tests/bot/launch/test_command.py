"""Whatever is wrong before the start is told in one sentence that names the remedy."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bot.launch.locks import held

ROOT = Path(__file__).parents[3]


def run(*arguments: object, python: str = sys.executable, **settings: str) -> str:
    """Run `python -m bot`, which must refuse, and give its sentence."""
    outer = {name: value for name, value in os.environ.items() if "ASKFIRST" not in name}
    command = [python, "-m", "bot", *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=outer | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


@pytest.fixture
def environment(tmp_path: Path) -> str:
    """Stand in for the Rasa environment, which is not what is wrong."""
    (tmp_path / "rasa-env" / "bin").mkdir(parents=True)
    (tmp_path / "rasa-env" / "bin" / "rasa").touch()
    return str(tmp_path / "rasa-env")


def test_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = ROOT / ".venv-rasa" / "bin" / "python"
    if not old.exists():
        pytest.skip("no Python below 3.12 here: `make setup` installs the Rasa environment")

    said = run("--data", tmp_path, python=str(old))

    assert said.startswith("Askfirst needs Python 3.12 or newer and this is 3.10.")
    assert "make run" in said


def test_packages_that_are_not_installed(tmp_path: Path) -> None:
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "bot", "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert bare.returncode == 1
    assert "is not installed for" in bare.stderr
    assert "`make setup`" in bare.stderr
    assert bare.stderr.count("\n") == 1


def test_a_port_that_is_taken(tmp_path: Path, environment: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = run("--port", port, "--data", tmp_path, ASKFIRST_RASA_ENV=environment)

    assert said.startswith(f"Port {port} is taken by another program;")
    assert "--port" in said


def test_an_address_of_another_machine(tmp_path: Path, environment: str) -> None:
    said = run("--data", tmp_path, ASKFIRST_RASA_ENV=environment, ASKFIRST_HOST="192.0.2.1")

    assert said.startswith("192.0.2.1 is not an address of this machine")
    assert "ASKFIRST_HOST" in said


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = run("--data", tmp_path / "file" / "var")

    assert said.startswith(f"The data folder {tmp_path / 'file' / 'var'} cannot be")
    assert "ASKFIRST_DATA_DIR" in said


def test_a_data_folder_in_use_by_another_instance(tmp_path: Path, environment: str) -> None:
    with held(tmp_path / ".lock"):
        said = run("--port", 0, "--data", tmp_path, ASKFIRST_RASA_ENV=environment)

    assert said.startswith(f"Another Askfirst runs on the data folder {tmp_path};")


def test_a_rasa_environment_that_is_missing(tmp_path: Path) -> None:
    said = run("--data", tmp_path, ASKFIRST_RASA_ENV=str(tmp_path / "none"))

    assert said.startswith(f"The Rasa environment {tmp_path / 'none'} is missing")
    assert "`make setup`" in said


def test_a_setting_that_nobody_knows(tmp_path: Path) -> None:
    assert run("--data", tmp_path, ASKFIRST_PROT="8080").startswith(
        "ASKFIRST_PROT is not a setting"
    )


def test_a_setting_that_is_malformed(tmp_path: Path) -> None:
    assert run("--data", tmp_path, ASKFIRST_PORT="many").startswith("ASKFIRST_PORT: ")


def test_a_port_that_does_not_exist(tmp_path: Path) -> None:
    assert run("--port", 70000, "--data", tmp_path).startswith("ASKFIRST_PORT: ")


def test_a_database_that_cannot_be_reached(tmp_path: Path, environment: str) -> None:
    said = run(
        "--port",
        0,
        "--data",
        tmp_path,
        ASKFIRST_RASA_ENV=environment,
        ASKFIRST_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{_unused_port()}/none",
    )

    assert said.startswith("The preference store cannot be opened")
    assert "ASKFIRST_DATABASE_URL" in said


def test_a_redis_that_cannot_be_reached(tmp_path: Path, environment: str) -> None:
    said = run(
        "--port",
        0,
        "--data",
        tmp_path,
        ASKFIRST_RASA_ENV=environment,
        ASKFIRST_REDIS_URL=f"redis://:secret@127.0.0.1:{_unused_port()}/0",
    )

    assert said.startswith("Redis at 127.0.0.1:")
    assert "ASKFIRST_REDIS_URL" in said
    assert "secret" not in said


def test_a_refused_start_leaves_no_process_behind(tmp_path: Path, environment: str) -> None:
    run(
        "--port",
        0,
        "--data",
        tmp_path,
        ASKFIRST_RASA_ENV=environment,
        ASKFIRST_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{_unused_port()}/none",
    )

    with held(tmp_path / ".lock"):
        assert _told_of(tmp_path) == []


def _told_of(folder: Path) -> list[str]:
    """Give every process whose data folder is this one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("ASKFIRST_DATA_DIR") == str(folder):
                found.append(process.name())
    return found


def _unused_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port
