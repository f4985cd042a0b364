"""What the fixtures of real CRMs share: where they are installed, one builder at a time, a child."""

import fcntl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import pytest

HERE = Path(__file__).parent
TOOLS = HERE.parents[2] / ".tools"
_PATIENCE = 90  # seconds until a server answers, on a machine that is busy


def environment(name: str, target: str) -> Path:
    """Give the environment that a CRM is installed in, and skip where `make` has not made it."""
    place = TOOLS / name
    if not (place / ".installed").exists():
        pytest.skip(f"{name} is not installed; `make {target}` does it")
    return place


def fingerprint(*files: Path) -> str:
    """Name a version of what these files hold."""
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Hold a folder alone: several test processes find the same template missing."""
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class Child:
    """A server process of ours, with its log in a file."""

    command: Sequence[str]
    log: Path
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=dict(self.env), cwd=self.log.parent
            )
        end = monotonic() + _PATIENCE
        while not _answers(self.ready):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert monotonic() < end, f"it does not answer: {self.log.read_text()[-2000:]}"
            sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
