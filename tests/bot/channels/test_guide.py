"""docs/channels.md, held to the settings that there are."""

import re
from pathlib import Path

import pytest

from preferences.settings import PREFIX, Settings
from preferences.settings.channels import CHANNEL_NEEDS

PAGE = (Path(__file__).parents[3] / "docs/channels.md").read_text()


@pytest.mark.parametrize("channel", CHANNEL_NEEDS)
def test_every_channel_is_described_with_all_that_it_needs(channel: str) -> None:
    assert channel in PAGE.lower()
    for name in CHANNEL_NEEDS[channel]:
        assert f"{PREFIX}{name.upper()}" in PAGE


def test_the_page_names_no_setting_that_there_is_not() -> None:
    named = {name.removeprefix(PREFIX).lower() for name in re.findall(rf"{PREFIX}[A-Z_]+", PAGE)}

    assert named <= set(Settings.model_fields)
