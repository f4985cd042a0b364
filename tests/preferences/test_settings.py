import json
import re
import stat
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from pydantic import SecretStr

from preferences.errors import SettingsError
from preferences.settings import PREFIX, Settings, load_settings
from preferences.settings.files import write_once
from preferences.settings.generated import kept_secrets

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a `.env`, and an environment that sets nothing of ours."""
    monkeypatch.chdir(tmp_path)
    for name in list(Settings.model_fields):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    return tmp_path


def complaint(**overrides: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(**overrides)
    return str(raised.value)


def test_without_any_setting_it_is_a_small_shop_on_this_machine(elsewhere: Path) -> None:
    settings = load_settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.database == f"sqlite:///{elsewhere}/var/askfirst.db"
    assert settings.destinations == ("log",)
    assert settings.demo is False


def test_the_environment_is_read_whatever_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_PORT", "9000")
    monkeypatch.setenv("askfirst_shop_name", "Rivet & Co")

    settings = load_settings()

    assert (settings.port, settings.shop_name) == (9000, "Rivet & Co")


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_ORIGINS", "https://a.example, https://b.example,")

    assert load_settings().origins == ("https://a.example", "https://b.example")


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_PORT", "")

    assert load_settings().port == 8080


def test_dotenv_is_read_and_the_environment_overrules_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("ASKFIRST_PORT=9001\nASKFIRST_LOCALE=de\nOTHER=1\n")
    monkeypatch.setenv("ASKFIRST_PORT", "9002")

    settings = load_settings()

    assert (settings.port, settings.locale) == (9002, "de")


def test_the_caller_overrules_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_PORT", "9002")

    assert load_settings(port=9003, destinations=["log"]).port == 9003


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "eighty", "input should be a valid integer"),
        ("PORT", "65536", "input should be less than or equal to 65535"),
        ("PORT", "-1", "input should be greater than or equal to 0"),
        ("LOCALE", "fr", "input should be 'en', 'es' or 'de'"),
        ("RASA_PROCESSES", "0", "input should be greater than or equal to 1"),
        ("RASA_PROCESSES", "65", "input should be less than or equal to 64"),
        ("DEMO", "perhaps", "input should be a valid boolean"),
        ("LOG_LEVEL", "LOUD", "input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("MESSAGES_PER_MINUTE", "-1", "input should be greater than or equal to 0"),
        ("MESSAGES_PER_MINUTE_PER_ADDRESS", "x", "input should be a valid integer"),
        ("SESSIONS_PER_MINUTE_PER_ADDRESS", "1.5", "input should be a valid integer"),
        ("DATABASE_URL", "mysql://x", "must begin with postgresql:// or sqlite:///"),
        ("DATABASE_URL", "askfirst.db", "must begin with postgresql:// or sqlite:///"),
        ("REDIS_URL", "127.0.0.1:6379", "must begin with redis://, rediss:// or unix://"),
        ("WEBHOOK_ALLOW", "crm.internal,http://x", "'http://x' is neither a host nor a network"),
    ],
)
def test_a_malformed_value_stops_the_start_with_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"ASKFIRST_{name}", value)

    told = complaint()

    assert told.startswith(f"ASKFIRST_{name}: {sentence}")
    assert told.endswith("; .env.example says what it is for.")
    assert "\n" not in told


def test_a_secret_is_never_part_of_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", "mysql://shop:hunter2@db/askfirst")

    assert "hunter2" not in complaint()


@pytest.mark.parametrize("name", ["ASKFIRST_PROT", "askfirst_prot", "ASKFIRST_"])
def test_an_unknown_name_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "8080")

    assert complaint() == f"{name} is not a setting of Askfirst; .env.example names every one."


def test_an_unknown_name_in_dotenv_stops_it_too(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("ASKFIRST_PROT=8080\n")

    assert complaint().startswith("ASKFIRST_PROT is not a setting")


@pytest.mark.parametrize(
    "given", [{}, {"WEBHOOK_URL": "https://crm.example"}, {"WEBHOOK_SECRET": "x"}]
)
def test_a_webhook_needs_its_url_and_its_secret(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.setenv("ASKFIRST_DESTINATIONS", "log,webhook")
    for name, value in given.items():
        monkeypatch.setenv(f"ASKFIRST_{name}", value)

    assert complaint() == (
        "ASKFIRST_DESTINATIONS names webhook, so ASKFIRST_WEBHOOK_URL and "
        "ASKFIRST_WEBHOOK_SECRET must be set."
    )


def test_a_whole_webhook_is_accepted() -> None:
    settings = load_settings(
        destinations="webhook", webhook_url="https://crm.example", webhook_secret=SecretStr("x")
    )

    assert settings.destinations == ("webhook",)


@pytest.mark.parametrize("url", ["postgresql://db/askfirst", "sqlite:////srv/askfirst.db"])
def test_a_database_may_be_named(url: str) -> None:
    assert load_settings(database_url=url).database == url


def test_a_redis_may_be_named() -> None:
    assert load_settings(redis_url="redis://127.0.0.1/0").redis_url == "redis://127.0.0.1/0"


# Secrets


def test_secrets_that_are_not_set_are_made_and_kept_for_their_owner_alone(elsewhere: Path) -> None:
    settings = load_settings()

    file = elsewhere / "var" / "secrets.json"
    kept = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.turn_secret.get_secret_value() == kept["turn_secret"]
    assert len(set(kept.values())) == 6
    assert all(len(secret) >= 40 for secret in kept.values())
    assert [one.name for one in file.parent.iterdir()] == ["secrets.json"]


def test_a_secret_that_is_set_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_SHOPIFY_SECRET", "from the shop's admin")

    settings = load_settings()

    assert settings.shopify_secret.get_secret_value() == "from the shop's admin"
    assert settings.turn_secret.get_secret_value()


def test_when_every_secret_is_set_nothing_is_written(elsewhere: Path) -> None:
    names = [f"{name}_secret" for name in ("turn", "session", "identity", "shopify", "woocommerce")]
    names.append("meta_verify_token")

    load_settings(**{name: SecretStr("given") for name in names})

    assert not (elsewhere / "var").exists()


def test_processes_that_start_together_agree_on_the_secrets(elsewhere: Path) -> None:
    program = "from preferences.settings import load_settings as s; print(s().session_secret.get_secret_value())"
    started = [
        Popen(
            [sys.executable, "-c", program], stdout=PIPE, env={"PYTHONPATH": str(ROOT)}, text=True
        )
        for _ in range(3)
    ]

    said = {process.communicate()[0].strip() for process in started}

    assert said == {kept_secrets(elsewhere / "var")["session_secret"]}


def test_whoever_comes_second_to_write_the_secrets_leaves_the_first_ones(elsewhere: Path) -> None:
    first = kept_secrets(elsewhere)

    write_once(elsewhere / "secrets.json", "{}")

    assert kept_secrets(elsewhere) == first
    assert [one.name for one in elsewhere.iterdir()] == ["secrets.json"]


@pytest.mark.parametrize("page", ["{", "[]", "3", '"secret"'])
def test_a_secrets_file_that_is_damaged_stops_the_start_with_the_remedy(
    elsewhere: Path, page: str
) -> None:
    (elsewhere / "secrets.json").write_text(page)

    told = complaint(data_dir=elsewhere)

    assert told.startswith(f"The data folder {elsewhere} cannot be used")
    assert "ASKFIRST_DATA_DIR" in told


def test_a_data_folder_that_cannot_be_made_stops_the_start_with_the_remedy(elsewhere: Path) -> None:
    (elsewhere / "file").write_text("")

    assert "make it writable or set ASKFIRST_DATA_DIR" in complaint(
        data_dir=elsewhere / "file" / "x"
    )


# The page that names them


def shown_default(name: str) -> str:
    default = Settings.model_fields[name].default
    match default:
        case SecretStr():
            return default.get_secret_value()
        case tuple():
            return ",".join(default)
        case bool():
            return str(default).lower()
        case None:
            return ""
        case _:
            return str(default)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_example_names_every_setting_with_its_default(name: str) -> None:
    line = rf"^#? ?{PREFIX}{name.upper()}=(?P<value>.*)$"

    named = re.findall(line, EXAMPLE.read_text(), flags=re.MULTILINE)

    assert [value.strip("\"'") for value in named] == [shown_default(name)]


def test_the_example_names_nothing_else() -> None:
    named = re.findall(rf"^#? ?({PREFIX}\w+)=", EXAMPLE.read_text(), flags=re.MULTILINE)

    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is_for(name: str) -> None:
    assert Settings.model_fields[name].description


def test_a_secret_that_an_older_version_did_not_know_is_made_once_and_kept(elsewhere: Path) -> None:
    file = elsewhere / "secrets.json"
    file.write_text('{"turn_secret": "old"}')
    first = kept_secrets(elsewhere)

    assert first["turn_secret"] == "old"
    assert kept_secrets(elsewhere) == first
    assert file.stat().st_mode & 0o777 == 0o600
