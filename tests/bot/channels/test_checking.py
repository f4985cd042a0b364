"""What `python -m bot channels check` tells."""

from pathlib import Path

import pytest

from bot.channels.checking import check
from bot.launch.command import command
from preferences.errors import SettingsError
from preferences.settings import load_settings
from tests.bot.channels.platform import SETTINGS, Platform, refusal
from tests.bot.conftest import served

WEB = "web        on      pages of the gateway itself, and of other origins:"


async def test_each_channel_is_told_of_with_what_is_missing(
    platform: Platform, tmp_path: Path
) -> None:
    async with served(platform.app()) as url:
        settings = load_settings(**SETTINGS, meta_url=url, data_dir=tmp_path)
        platform.answers = [(200, {"verified_name": "A shop", "quality_rating": "GREEN"})]
        platform.answers.append(refusal(190))
        lines, works = await check(settings)

    names = ("TWILIO_ACCOUNT", "TWILIO_TOKEN", "TWILIO_NUMBER", "PUBLIC_URL")
    missing = ", ".join(f"ASKFIRST_{name}" for name in names)
    assert not works
    assert lines == [
        f"{WEB} none; ASKFIRST_ORIGINS names them",
        "whatsapp   works   A shop (quality GREEN)",
        "                   webhook: https://YOUR-GATEWAY/v1/channels/whatsapp",
        "                   verify token: the word",
        "messenger  FAILS   its credentials do not work (190)",
        "instagram  works   A page",
        "                   webhook: https://YOUR-GATEWAY/v1/channels/instagram",
        "                   verify token: the word",
        f"twilio     off     set {missing}, then add it to ASKFIRST_CHANNELS",
    ]


async def test_a_version_that_ended_is_told_of_where_the_credentials_fail_by_it(
    platform: Platform, tmp_path: Path
) -> None:
    async with served(platform.app()) as url:
        given = SETTINGS | {"channels": "whatsapp", "meta_version": "v20.0"}
        settings = load_settings(
            **given, meta_url=url, data_dir=tmp_path, origins="https://a.example"
        )
        platform.answers = [refusal(2635)]
        (web, failing, warning, *_), works = await check(settings)

    assert not works
    assert web == f"{WEB} https://a.example"
    assert failing == "whatsapp   FAILS   its credentials do not work (2635)"
    assert warning.strip().startswith("Meta's Graph API v20.0 has ended on 2026-09-24; set ")


def test_the_command_prints_it_and_says_by_its_code_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))

    assert command(["channels", "check"]) == 0
    assert "whatsapp   off" in capsys.readouterr().out
    monkeypatch.setenv("ASKFIRST_CHANNELS", "whatsapp")
    assert command(["channels", "check"]) == 2
    assert "so ASKFIRST_META_APP_SECRET must be set" in capsys.readouterr().err


def test_a_channel_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names telex, and there are only whatsapp"):
        load_settings(channels="telex", data_dir=tmp_path)
