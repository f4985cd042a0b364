"""The page about CRMs names every connector with its settings, and nothing that is not there."""

import re
from pathlib import Path

import pytest

from preferences.settings import PREFIX, Settings
from tests.sync.contract.test_crms import CRMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "connectors.md").read_text()


def section(name: str) -> str:
    match = re.search(
        rf"^## {name}$(.*?)^## ", PAGE, flags=re.MULTILINE | re.DOTALL | re.IGNORECASE
    )
    assert match, f"docs/connectors.md has no section about {name}"
    return match[1]


@pytest.mark.parametrize("name", CRMS)
def test_every_crm_has_its_section_with_its_settings(name: str) -> None:
    settings = [one for one in Settings.model_fields if one.startswith(f"{name}_")]
    incoming = {"shopify_secret", "shopify_old_secret"}

    for one in set(settings) - incoming:
        assert f"`{PREFIX}{one.upper()}`" in section(name)


def test_it_names_no_setting_that_there_is_not() -> None:
    named = set(re.findall(rf"{PREFIX}(\w+)", PAGE))

    assert {one.lower() for one in named} <= set(Settings.model_fields)
