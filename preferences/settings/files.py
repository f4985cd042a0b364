"""Small files that several processes write and read: whole or not at all, for their owner alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE


def replace_file(file: Path, text: str, *, same_readers: bool = False) -> None:
    """Put another text into a file, whole or not at all, on the disk before this ends.

    Only its owner may read it then, or else whoever could before.
    """
    draft, former = _draft(file, text), file.stat()
    if same_readers:
        draft.chmod(S_IMODE(former.st_mode))
        with suppress(PermissionError):  # it is somebody else's, whom we may not stand in for
            os.chown(draft, former.st_uid, former.st_gid)
    draft.replace(file)
    _sync(file.parent)


def write_once(file: Path, text: str) -> None:
    """Two processes that start together must agree: the first link wins, whole or not at all."""
    draft = _draft(file, text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
        _sync(file.parent)


def _draft(file: Path, text: str) -> Path:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    _sync(draft)
    return draft


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
