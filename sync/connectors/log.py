"""The CRM of who has none yet: appends every profile to `crm.jsonl` in the data folder.

Of who had everything deleted it keeps the line that says so, and none of those before it.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE
from typing import BinaryIO

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.delivery import Delivery, Result, Taken, digest
from sync.errors import DestinationUnavailableError

_TAIL = 1 << 20  # bytes: more than what can be under way when a worker is killed
_REMEMBERED = 10_000  # shoppers
_FOREIGN = (ValueError, KeyError, TypeError)  # somebody may have written into the file


class Log:
    """One line per profile, on the disk before it counts as told, and not written twice."""

    batch_size = 100

    def __init__(self, file: Path) -> None:
        self._file = file
        with _appending(file) as log:
            self._written = _last_versions(log)

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Append what the file does not end with already."""
        fresh = [
            one for one in batch if self._written.get(one.shopper) != (one.version, one.digest)
        ]
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        lines = [
            json.dumps({"at": at, "version": one.version, "profile": one.profile}) for one in fresh
        ]
        try:
            page = "".join(f"{line}\n" for line in lines).encode()
            await asyncio.to_thread(self._write, page, _erased(fresh))
        except OSError as error:
            message = f"{self._file.name} cannot be written ({error.strerror}); make room for it."
            raise DestinationUnavailableError(message) from None
        for one in fresh:
            self._written.pop(one.shopper, None)
            self._written[one.shopper] = (one.version, one.digest)
        for shopper in list(self._written)[:-_REMEMBERED]:
            del self._written[shopper]
        return [Taken() for _ in batch]

    def _write(self, lines: bytes, erased: set[str]) -> None:
        with _appending(self._file) as log:
            if erased:
                _rewrite(log, self._file, lines, erased)
                return
            end = log.seek(0, os.SEEK_END)
            try:
                log.write(lines)
                log.flush()
                os.fsync(log.fileno())
            except OSError:
                os.ftruncate(log.fileno(), end)  # whole lines or nothing
                raise


@asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Log]:
    """Open the file, mending a line that a crash cut short.

    :raises SettingsError: the file cannot be written.
    """
    file = settings.data_dir / "crm.jsonl"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        log = await asyncio.to_thread(Log, file)
    except OSError as error:
        message = (
            f"{file} cannot be written ({error.strerror}); "
            "make it writable or set ASKFIRST_DATA_DIR to another folder."
        )
        raise SettingsError(message) from None
    yield log


@contextmanager
def _appending(file: Path) -> Iterator[BinaryIO]:
    """Hold the file alone: another worker may write to it too, or put another in its place."""
    while True:
        with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            if not os.path.samestat(os.fstat(log.fileno()), file.stat()):
                continue
            yield log
            return


def _rewrite(log: BinaryIO, file: Path, lines: bytes, erased: set[str]) -> None:
    """Put a file in the place of this one that has lost what it said of some; whole or not at all."""
    gone = erased | _linked_to(log, erased)
    draft = file.with_name(f"{file.name}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as kept:
            os.fchmod(kept.fileno(), S_IMODE(os.fstat(log.fileno()).st_mode))
            log.seek(0)
            kept.writelines(line for line in log if line.endswith(b"\n") and not _of(line) & gone)
            kept.write(lines)
            kept.flush()
            os.fsync(kept.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _erased(batch: Iterable[Delivery]) -> set[str]:
    return {one.shopper for one in batch if one.profile["erased"]}


def _linked_to(log: BinaryIO, heads: set[str]) -> set[str]:
    """Give who was found to be one of these persons: they were told of under an id of their own."""
    log.seek(0)
    linked = set[str]()
    for line in log:
        with suppress(*_FOREIGN):
            profile = json.loads(line)["profile"]
            linked |= {profile["shopper"]} if profile["linked_to"] in heads else set()
    return linked


def _of(line: bytes) -> set[str]:
    return {shopper for shopper, _ in _entries(line)}


def _last_versions(log: BinaryIO) -> dict[str, tuple[int, str]]:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _TAIL))
    tail = log.read()
    whole, _, torn = tail.rpartition(b"\n")
    if torn:
        log.truncate(size - len(torn))
    lines = whole.splitlines()[1 if size > _TAIL else 0 :]
    return dict(entry for line in lines for entry in _entries(line))


def _entries(line: bytes) -> Iterator[tuple[str, tuple[int, str]]]:
    with suppress(*_FOREIGN):
        entry = json.loads(line)
        yield entry["profile"]["shopper"], (entry["version"], digest(entry["profile"]))
