"""Secrets that nobody set: generated at the first start, and kept in the data folder."""

import json
import secrets
from pathlib import Path

from preferences.errors import SettingsError
from preferences.settings.files import replace_file, write_once

GENERATED = (
    "turn_secret",
    "session_secret",
    "identity_secret",
    "shopify_secret",
    "woocommerce_secret",
    "meta_verify_token",
)


def kept_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets generated for this data folder, made at the first call (`secrets.json`, 0600).

    :raises SettingsError: the folder cannot be written or the file cannot be read.
    """
    file = data_dir / "secrets.json"
    fresh = {name: secrets.token_urlsafe(32) for name in GENERATED}
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            write_once(file, json.dumps(fresh))
        kept: dict[str, str] = {} | json.loads(file.read_text())
        if missing := fresh.keys() - kept.keys():  # an older version knew fewer of them
            kept |= {name: fresh[name] for name in missing}
            replace_file(file, json.dumps(kept))
    except (OSError, ValueError, TypeError) as error:
        message = (
            f"The data folder {data_dir} cannot be used ({error}); "
            "make it writable or set ASKFIRST_DATA_DIR to another one."
        )
        raise SettingsError(message) from None
    return kept
