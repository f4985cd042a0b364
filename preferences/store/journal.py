"""Writes down outside the database what must outlive a restored backup.

One line of JSON for each withdrawal, refusal, objection, suppression and erasure, on the disk
before the database commits it, with ids and keyed hashes alone; now and then, up to which position
the change feed may go, so that a restored database gives none a second time. Once a day an anchor: the ends of
the ledgers that grew, and a hash over every line since the anchor before, so that the ledgers and
this file vouch for one another.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import Any, Literal

from preferences.errors import UnavailableError

Kind = Literal["consent", "suppression", "erased", "positions", "ends", "anchor"]
End = tuple[str, int, str]
"""The end of a shopper's ledger: shopper, sequence and hash of its last event."""

_ENDS_IN_A_LINE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `names` are kinds and keyed hashes of the names by which the shopper is known."""

    kind: Kind
    at: datetime
    shopper: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[tuple[str, str]] = ()


class Journal:
    """Keeps the entries in a file that only grows; several processes may write to it.

    Without a file it keeps nothing: for a store that is never brought back from a backup.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file

    async def write(self, entries: Sequence[Entry]) -> None:
        """Append the entries and wait for the disk.

        :raises UnavailableError: the file cannot be written; nothing may be committed.
        """
        if self.file is not None and entries:
            await asyncio.to_thread(_append, self.file, [_line(entry) for entry in entries])

    async def write_ends(self, ends: Sequence[End], now: datetime) -> None:
        """Append the ends of ledgers, for the next anchor to vouch for.

        :raises UnavailableError: the file cannot be written.
        """
        parts = batched(ends, _ENDS_IN_A_LINE)
        await self.write(
            [Entry("ends", now, detail={"ends": [*map(list, some)]}) for some in parts]
        )

    async def anchor(self, now: datetime) -> None:
        """Append a hash over every line since the last anchor.

        :raises UnavailableError: the file cannot be written.
        """
        if self.file is not None:
            await asyncio.to_thread(self._anchor, self.file, now)

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Give what the lines after so many say, in order; one that a crash cut off says nothing."""
        for line in self._lines(after):
            entry = _entry(line)
            if entry is not None:
                yield entry

    def settled(self, before: datetime) -> int:
        """Count the lines up to the first that was written at this time or later."""
        count = 0
        for line in self._lines(0):
            entry = _entry(line)
            if entry is not None and entry.at >= before:
                break
            count += 1
        return count

    def end_of(self, shopper: str) -> End | None:
        """Give the end of a shopper's ledger that was anchored last."""
        found = None
        for entry in self.read():
            if entry.kind == "ends":
                for name, seq, digest in entry.detail["ends"]:
                    found = (name, seq, digest) if name == shopper else found
        return found

    def last_anchor(self) -> datetime | None:
        """Tell when the last anchor was written."""
        anchors = (entry.at for entry in self.read() if entry.kind == "anchor")
        return max(anchors, default=None)

    def last_position(self) -> int:
        """Give the highest position of the change feed that may have been given."""
        promised = (entry.detail["last"] for entry in self.read() if entry.kind == "positions")
        return max(promised, default=0)

    def is_whole(self) -> bool:
        """Tell whether every anchor still fits the lines before it: none was changed or removed."""
        whole, _ = self._folded()
        return whole

    def _folded(self) -> tuple[bool, str]:
        """Tell whether all anchors fit, and the hash of the last one and the lines since."""
        whole, digest = True, sha256()
        for line in self._lines(0):
            entry = _entry(line)
            if entry is not None and entry.kind == "anchor":
                root = entry.detail["root"]
                whole = whole and root == digest.hexdigest()
                digest = sha256(root.encode())
            else:
                digest.update(b"\n" + line)
        return whole, digest.hexdigest()

    def _lines(self, after: int) -> Iterator[bytes]:
        if self.file is None or not self.file.exists():
            return
        with self.file.open("rb") as opened:
            for number, line in enumerate(opened):
                if number >= after:
                    yield line.removesuffix(b"\n")

    def _anchor(self, file: Path, now: datetime) -> None:
        with _opened(file) as descriptor:
            _, root = self._folded()
            _put(descriptor, [_line(Entry("anchor", now, detail={"root": root}))])


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    """Open the file for appending and keep other writers out."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        message = (
            f"The journal {file} cannot be written ({error.strerror}), so nothing was done; "
            "make room or make it writable, then try again."
        )
        raise UnavailableError(message) from error


def _append(file: Path, lines: Iterable[bytes]) -> None:
    with _opened(file) as descriptor:
        _put(descriptor, lines)


def _put(descriptor: int, lines: Iterable[bytes]) -> None:
    """Write whole lines, after what a crash may have cut off, and wait for the disk."""
    size = os.fstat(descriptor).st_size
    cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    page = memoryview((b"\n" if cut else b"") + b"".join(line + b"\n" for line in lines))
    while page:
        page = page[os.write(descriptor, page) :]
    os.fsync(descriptor)


def _line(entry: Entry) -> bytes:
    page = asdict(entry) | {"at": entry.at.astimezone(UTC).isoformat()}
    return json.dumps({name: held for name, held in page.items() if held}).encode()


def _entry(line: bytes) -> Entry | None:
    try:
        page = json.loads(line)
        names = tuple((kind, lookup) for kind, lookup in page.pop("names", ()))
        at = datetime.fromisoformat(page.pop("at"))
        return Entry(at=at, names=names, **page)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
