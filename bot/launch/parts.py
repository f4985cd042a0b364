"""The processes of one instance: what each runs, where it listens, and what it is told."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.launch.ports import LOOPBACK, Ports
from bot.launch.process import Part
from preferences.settings import PREFIX, Settings

_TRAINING_PATIENCE = 3600.0  # seconds, far beyond any real training
_RASA_PATIENCE = 300.0  # it imports TensorFlow first, which takes its time on a small machine
_EVERYWHERE = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}  # noqa: S104 - what it is not


@dataclass(frozen=True, slots=True)
class Plan:
    """Every part of an instance, with its ports settled."""

    settings: Settings
    actions_port: int
    rasa_ports: tuple[int, ...]

    @classmethod
    def settle(cls, settings: Settings, ports: Ports) -> "Plan":
        """Choose the ports, and let every part know them by the settings it reads."""
        actions_port = ports.choose()
        rasa_ports = tuple(ports.choose() for _ in range(settings.rasa_processes))
        settled = {
            "port": settings.port or ports.choose(),
            "actions_url": f"http://{LOOPBACK}:{actions_port}/webhook",
            "rasa_urls": tuple(f"http://{LOOPBACK}:{port}" for port in rasa_ports),
            "demo": settings.demo or "demo" not in settings.model_fields_set,
        }
        return cls(settings.model_copy(update=settled), actions_port, rasa_ports)

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the gateway."""
        host = _EVERYWHERE.get(self.settings.host, self.settings.host)
        shown = "localhost" if host == LOOPBACK else _bracketed(host)
        return f"http://{shown}:{self.settings.port}"

    def gateway(self, gate: int) -> Part:
        """Describe the only public part; it waits behind the gate until the store is migrated."""
        host = _bracketed(_EVERYWHERE.get(self.settings.host, self.settings.host))
        return Part(
            name="gateway",
            argv=(sys.executable, "-m", "bot.launch.gate", str(gate), "bot.gateway"),
            env=self.environment(),
            health=f"http://{host}:{self.settings.port}/healthz",
            inherited=(gate,),
        )

    def actions(self) -> Part:
        """Describe the action server of rasa-sdk, which only Rasa may reach."""
        port = str(self.actions_port)
        return Part(
            name="actions",
            argv=(sys.executable, "-m", "rasa_sdk", "--actions", "actions", "-p", port),
            env=self.environment(),
            health=f"http://{LOOPBACK}:{port}/health",
        )

    def sync(self) -> Part:
        """Describe the worker that tells the CRM."""
        return Part(name="sync", argv=(sys.executable, "-m", "sync"), env=self.environment())

    def training(self, folder: Path, name: str) -> Part:
        """Describe the training of `<name>.tar.gz` into a folder, from nothing that was kept before.

        Rasa's validation would read every sentence a second time; tests hold acts, intents and rules together.
        """
        where = ("--out", str(folder), "--fixed-model-name", name)
        return Part(
            name="training",
            argv=(*self._rasa(), "train", "--skip-validation", *where),
            env=self._rasa_environment() | {"RASA_CACHE_DIRECTORY": str(folder / "cache")},
            patience=_TRAINING_PATIENCE,
        )

    def parser(self, model: Path) -> Part:
        """Describe what reads sentences from a pipe with the model, without a server."""
        python = str(self.settings.rasa_env.absolute() / "bin" / "python")
        return Part(
            name="parser",
            argv=(python, "-m", "bot.components.parse", str(model)),
            env=self._rasa_environment(),
            patience=_RASA_PATIENCE,
        )

    def rasa(self, model: Path) -> tuple[Part, ...]:
        """Describe the Rasa servers; a shopper always meets the same one."""
        return tuple(
            Part(
                name=f"rasa-{number}",
                argv=(*self._rasa(), "run", "-i", LOOPBACK, "-p", str(port), *_files(model)),
                env=self._rasa_environment(),
                health=f"http://{LOOPBACK}:{port}/webhooks/askfirst/health",
                patience=_RASA_PATIENCE,
            )
            for number, port in enumerate(self.rasa_ports, start=1)
        )

    def environment(self) -> dict[str, str]:
        """Give what our own processes are told: every setting, wherever it came from."""
        return _outer() | {PREFIX + name.upper(): _text(value) for name, value in self.settings}

    def _rasa(self) -> tuple[str, ...]:
        return (str(self.settings.rasa_env.absolute() / "bin" / "python"), "-m", "rasa")

    def _rasa_environment(self) -> dict[str, str]:
        return _outer() | {
            "ASKFIRST_TURN_SECRET": self.settings.turn_secret.get_secret_value(),
            "ASKFIRST_ACTIONS_URL": self.settings.actions_url,
            "ASKFIRST_TRACKER_URL": self.settings.database,
            "RASA_TELEMETRY_ENABLED": "false",
            "PYTHONWARNINGS": "ignore",
            "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }


def _outer() -> dict[str, str]:
    """Give the environment around us without its settings, and what every part is told.

    rasa-sdk and Rasa listen on every address unless SANIC_HOST says otherwise.
    """
    kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    return kept | {"SANIC_HOST": LOOPBACK, "PYTHONUNBUFFERED": "1"}


def _is_setting(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _text(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(value)
        case bool():
            return str(value).lower()
        case None:
            return ""
        case _:
            return str(value)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _files(model: Path) -> tuple[str, ...]:
    return (
        *("--model", str(model)),
        *("--credentials", "credentials.yml"),
        *("--endpoints", "endpoints.yml"),
    )
