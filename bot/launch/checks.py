"""What must hold before anything is started; each failure is one sentence with its remedy."""

import errno
import socket
from pathlib import Path
from tempfile import TemporaryFile

from bot.launch.errors import LaunchError
from preferences.settings import Settings


def check(settings: Settings) -> None:
    """Look at everything that can be judged at once, without a network or another process.

    :raises LaunchError: something is missing or taken.
    """
    _check_folder(settings.data_dir)
    check_rasa(settings.rasa_env)
    _check_port(settings.host, settings.port)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        message = (
            f"The data folder {folder} cannot be written ({error.strerror}); make it writable, "
            "or choose another with --data or ASKFIRST_DATA_DIR."
        )
        raise LaunchError(message) from None


def check_rasa(environment: Path) -> None:
    """Look whether Rasa is installed.

    :raises LaunchError: it is not.
    """
    if not (environment / "bin" / "rasa").exists():
        message = (
            f"The Rasa environment {environment} is missing or not whole; "
            "run `make setup`, or set ASKFIRST_RASA_ENV to where it is."
        )
        raise LaunchError(message)


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)
    except OSError as error:
        raise LaunchError(_port_trouble(error, host, port)) from None


def _port_trouble(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program; stop that one, "
            f"or choose another port: --port {port % 65535 + 1} or ASKFIRST_PORT."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} is only for privileged users; "
            "choose one above 1023 with --port or ASKFIRST_PORT."
        )
    return (
        f"{host} is not an address of this machine ({error.strerror}); "
        "set ASKFIRST_HOST to 127.0.0.1, or to 0.0.0.0 for every address."
    )
