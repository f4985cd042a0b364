"""Seals what names a shopper or is in a shopper's own words, so that the files alone tell nobody."""

import base64
import binascii
import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from preferences.errors import SettingsError, UnavailableError
from preferences.settings import Settings
from preferences.settings.files import replace_file, write_once

_KEY_BYTES, _NONCE_BYTES = 32, 12


class SealError(UnavailableError):
    """A sealed value cannot be opened: its key is missing, or it was moved from another row."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys by their id, the newest first: it seals, all of them open."""

    data: Mapping[str, bytes]
    lookup: Mapping[str, bytes]

    @classmethod
    def generate(cls) -> Self:
        """Make the first keys."""
        return cls({_key_id(): _key()}, {_key_id(): _key()})

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read `{"data": {id: base64}, "lookup": {id: base64}}`.

        :raises SettingsError: the file cannot be read, or holds no keys of 32 bytes.
        """
        try:
            page = json.loads(file.read_text())
            data, lookup = (_decoded(page[use]) for use in ("data", "lookup"))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            message = (
                f"The keys in {file} cannot be read ({type(error).__name__}); bring the file back "
                "from its backup: without it nobody can read what is sealed in the store."
            )
            raise SettingsError(message) from None
        return cls(data, lookup)

    def as_json(self) -> str:
        """Give the text of the file that holds them."""
        page = {"data": _encoded(self.data), "lookup": _encoded(self.lookup)}
        return json.dumps(page, indent=2) + "\n"

    def with_new(self, *, data: bool = False, lookup: bool = False) -> "Keys":
        """Give the same keys after new ones, which seal and look up from now on."""
        return Keys(
            {_key_id(): _key(), **self.data} if data else self.data,
            {_key_id(): _key(), **self.lookup} if lookup else self.lookup,
        )

    def without(self, names: Collection[str]) -> "Keys":
        """Give the same keys but for these; the newest of each use stays whatever is asked."""
        return Keys(_left(self.data, names), _left(self.lookup, names))


def exchange_keys(file: Path, change: Callable[[Keys], Keys]) -> Keys:
    """Put other keys into a file, whole or not at all, and give them; one at a time does so.

    :raises SettingsError: the file cannot be read or written.
    """
    try:
        with file.with_name(f"{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = change(Keys.read(file))
            replace_file(file, keys.as_json(), same_readers=True)
            return keys
    except OSError as error:
        raise _unwritable(file, error) from None


def open_vault(settings: Settings) -> "Vault":
    """Give the vault of a deployment; keys are generated where no setting names their file.

    :raises SettingsError: the file cannot be read or, at the first start, not be written.
    """
    file = settings.keys
    if settings.keys_file is None and not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_once(file, Keys.generate().as_json())
        except OSError as error:
            raise _unwritable(file, error) from None
    return Vault(file)


def lost_keys(file: Path) -> SettingsError:
    """Make the error of keys that are not those that the store was sealed with."""
    message = (
        f"What the store holds was not sealed with the keys in {file}; bring that file back from "
        "its backup, or name the right one in ASKFIRST_KEYS_FILE. New keys could open nothing."
    )
    return SettingsError(message)


class Vault:
    """Seals and opens with the keys of a file, which is read again when it changes.

    Should the file go away or be spoiled meanwhile, what was read from it serves on.
    """

    def __init__(self, file: Path) -> None:
        """Take the keys of a file.

        :raises SettingsError: it cannot be read.
        """
        self.file = file
        self._stamp = self._stamped()
        self._keys = Keys.read(file)
        self._ciphers = {name: AESGCM(key) for name, key in self._keys.data.items()}

    @property
    def keys(self) -> Keys:
        """The keys in force now."""
        self._refresh()
        return self._keys

    def seal(self, text: str, column: str, row: str) -> str:
        """Encrypt a text for one place, `table.column` and the row's key; it opens nowhere else."""
        self._refresh()
        key_id = next(iter(self._keys.data))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, text.encode("utf-8"), _place(column, row))
        return f"{key_id}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, column: str, row: str) -> str:
        """Decrypt what was sealed for this very place.

        :raises SealError: it was not, or the key is not in the file.
        """
        key_id, _, text = sealed.partition(".")
        if key_id not in self._ciphers:
            self._refresh()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            message = f"The key {key_id!r} is missing from {self.file}; bring it back."
            raise SealError(message)
        try:
            raw = base64.b64decode(text, validate=True)
            opened = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _place(column, row))
        except (InvalidTag, binascii.Error, ValueError):
            message = f"A value of {column} was changed or moved outside Askfirst; restore it."
            raise SealError(message) from None
        return opened.decode("utf-8")

    def reseal(self, sealed: str, column: str, row: str) -> str:
        """Give the same text for the same place under the newest key.

        :raises SealError: it cannot be opened.
        """
        return self.seal(self.open(sealed, column, row), column, row)

    def lookup(self, kind: str, value: str) -> str:
        """Give the keyed hash by which a name is found again, under the newest key."""
        return self.lookups(kind, value)[0]

    def lookups(self, kind: str, value: str) -> tuple[str, ...]:
        """Give the keyed hashes of a name under every key, the newest first."""
        self._refresh()
        named = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
        return tuple(
            f"{key_id}.{hmac.new(key, named, sha256).hexdigest()}"
            for key_id, key in self._keys.lookup.items()
        )

    def _refresh(self) -> None:
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            with suppress(SettingsError):
                self._keys = Keys.read(self.file)
            self._ciphers = {name: AESGCM(key) for name, key in self._keys.data.items()}

    def _stamped(self) -> tuple[int, int]:
        try:
            found = self.file.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)


def _place(column: str, row: str) -> bytes:
    return f"{column}\n{row}".encode()


def _left(keys: Mapping[str, bytes], gone: Collection[str]) -> dict[str, bytes]:
    return {name: key for at, (name, key) in enumerate(keys.items()) if at == 0 or name not in gone}


def _unwritable(file: Path, error: OSError) -> SettingsError:
    message = (
        f"The keys cannot be written to {file} ({error.strerror}); "
        "make its folder writable, or name another file in ASKFIRST_KEYS_FILE."
    )
    return SettingsError(message)


def _key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def _key_id() -> str:
    return secrets.token_hex(4)


def _encoded(keys: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(key).decode() for name, key in keys.items()}


def _decoded(keys: Mapping[str, str]) -> dict[str, bytes]:
    decoded = {name: base64.b64decode(key, validate=True) for name, key in keys.items()}
    if not decoded or any(len(key) != _KEY_BYTES for key in decoded.values()):
        message = "keys have 32 bytes, and there is one at least"
        raise ValueError(message)
    return decoded
