"""Each part is told what it needs, and no more."""

from pathlib import Path

import pytest

from bot.launch.parts import Plan
from bot.launch.ports import Ports
from preferences.settings import PREFIX, Settings

MODEL = Path("/models/abc.tar.gz")


def plan(**values: object) -> Plan:
    with Ports() as ports:
        return Plan.settle(Settings(_env_file=None, turn_secret="t", **values), ports)


def test_our_parts_read_back_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = plan(
        data_dir=Path("/data"),
        shop_name="Käthe's, & Söhne",
        origins="https://a.example,https://b.example",
        rasa_processes=3,
    )
    for name, value in settled.environment().items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)

    assert Settings(_env_file=None) == settled.settings


def test_rasa_is_told_no_secret_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKFIRST_SESSION_SECRET", "not for Rasa")
    (rasa,) = plan().rasa(MODEL)
    told = {name: rasa.env[name] for name in rasa.env if name.startswith(PREFIX)}

    assert set(told) == {"ASKFIRST_TURN_SECRET", "ASKFIRST_ACTIONS_URL", "ASKFIRST_TRACKER_URL"}
    assert told["ASKFIRST_TURN_SECRET"] == "t"


def test_every_server_but_the_gateway_listens_on_loopback_only() -> None:
    settled = plan(host="0.0.0.0")  # noqa: S104 - the gateway alone may
    (rasa,) = settled.rasa(MODEL)

    assert "-i 127.0.0.1" in " ".join(rasa.argv)
    assert settled.actions().env["SANIC_HOST"] == "127.0.0.1"
    assert rasa.env["SANIC_HOST"] == "127.0.0.1"


def test_rasa_tells_nobody_that_it_is_used() -> None:
    (rasa,) = plan().rasa(MODEL)

    assert rasa.env["RASA_TELEMETRY_ENABLED"] == "false"


def test_the_gateway_knows_every_rasa_server() -> None:
    settled = plan(rasa_processes=3)
    health = [part.health for part in settled.rasa(MODEL)]

    assert len(set(health)) == 3
    assert [f"{url}/webhooks/askfirst/health" for url in settled.settings.rasa_urls] == health


def test_two_instances_share_no_port() -> None:
    with Ports() as ports, Ports() as others:
        settings = Settings(_env_file=None, port=0, rasa_processes=2)
        one, two = Plan.settle(settings, ports), Plan.settle(settings, others)
    used = [{each.settings.port, each.actions_port, *each.rasa_ports} for each in (one, two)]

    assert used[0].isdisjoint(used[1])
    assert len(used[0]) == 4


@pytest.mark.parametrize(
    ("values", "demo"), [({}, True), ({"demo": False}, False), ({"demo": True}, True)]
)
def test_the_demo_shop_opens_unless_it_is_switched_off(
    values: dict[str, bool],
    demo: bool,  # noqa: FBT001
) -> None:
    assert plan(**values).settings.demo is demo


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:8080"),
        ("0.0.0.0", "http://localhost:8080"),  # noqa: S104
        ("192.0.2.7", "http://192.0.2.7:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_the_address_is_one_that_a_browser_here_can_open(host: str, address: str) -> None:
    assert plan(host=host).address == address


def test_secrets_do_not_show_when_a_part_is_printed() -> None:
    assert "turn_secret" not in repr(plan().actions()).lower()
