"""The vault of every test: keys that are no secret, read from a file as real ones are."""

from pathlib import Path

from preferences.store.vault import Vault

KEYS = Path(__file__).with_name("keys.json")
VAULT = Vault(KEYS)
