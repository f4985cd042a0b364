import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from preferences.__main__ import main
from preferences.catalogue import HERE, read_yaml
from preferences.dialogue.respond import Assistant
from preferences.policy import load_older_policy, load_policy
from preferences.store.engine import open_store
from preferences.store.tables import DecisionRow
from tests.preferences.scenes import ASSISTANT, MINUTE, NOW
from tests.preferences.store.shop import Shop
from tests.vaults import KEYS, VAULT

POLICY = load_policy()
ASKED = f"2026-11-22 12:00 UTC on web, opened: asked nothing (policy {POLICY.version})"
NOTHING = "  value: Nothing had happened that makes a question worth asking."


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, store_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))


@pytest.fixture
def shopper(store_url: str) -> str:
    """A customer who opened the chat twice, and of whom a decision was noted by hand."""

    async def come() -> str:
        async with open_store(store_url, VAULT) as store:
            shop = Shop(store)
            talk = await shop.meets("1001")
            for _ in range(2):
                await shop.sees(talk, "opened")
                shop.waits(MINUTE)
            async with store.begin() as session:
                session.add(
                    DecisionRow(
                        id="by-hand",
                        shopper_id=talk.shopper,
                        conversation_id=talk.id,
                        trigger="opened",
                        question_id="gift_or_self",
                        reasons=[],
                        policy_version=1,
                        policy_sha256=shop.assistant.policy.sha256,
                        inputs={
                            "trigger": "opened",
                            "now": NOW.isoformat(),
                            "shopper": talk.shopper,
                            "channel": "web",
                            "locale": "en",
                        },
                        at=NOW - MINUTE,
                    )
                )
            return talk.shopper

    return asyncio.run(come())


def test_it_is_told_in_sentences_the_newest_first(
    shopper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", shopper, "--last", "2"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        ASKED.replace("12:00", "12:01"),
        NOTHING,
        ASKED,
        NOTHING,
    ]


def test_a_name_of_the_shop_will_do_and_a_replay_gives_the_same(
    shopper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shopper
    assert main(["why", "customer:1001", "--last", "1", "--replay"]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == "  replay: the same again"


def test_a_replay_that_gives_another_result_is_an_error(
    shopper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", shopper, "--replay"]) == 1

    assert capsys.readouterr().out.splitlines()[-1] == "  replay: ANOTHER RESULT"


def test_a_replay_by_another_policy_asks_for_the_one_it_was_decided_by(
    shopper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = read_yaml(HERE / "policy.yml") | {"version": 99}
    (tmp_path / "policy.yml").write_text(yaml.safe_dump(other))

    assert main(["why", shopper, "--last", "1", "--replay", "--policy", str(tmp_path)]) == 0

    needed = f"give --policy a folder with that of version {POLICY.version}"
    assert needed in capsys.readouterr().out


def older_page(**limits: object) -> dict[str, Any]:
    """The limits as they were before a release that brought more of them."""
    page: dict[str, Any] = read_yaml(HERE / "policy.yml") | {"version": 3}
    for unknown in ("days_between_same_tip", "days_muted", "experiments"):
        del page[unknown]
    del page["worth"]["uses"]["referral"]
    page["worth"] |= limits
    return page


def older_shop(folder: Path, page: dict[str, Any], depth: int) -> Assistant:
    """A shop of then: its limits, and a catalogue in which the question went deeper, say."""
    (folder / "policy.yml").write_text(yaml.safe_dump(page))
    policy, whole = load_older_policy(folder, POLICY)
    assert not whole
    policy.__dict__["sha256"] = "0" * 64  # the hash of then was one of fewer limits
    deeper = ASSISTANT.catalogue.questions["gift_or_self"].model_copy(update={"depth": depth})
    questions = {**ASSISTANT.catalogue.questions, "gift_or_self": deeper}
    catalogue = ASSISTANT.catalogue.model_copy(update={"questions": questions})
    return replace(ASSISTANT, catalogue=catalogue, policy=policy)


async def decide_then(store_url: str, assistant: Assistant) -> None:
    """Somebody with a habit buys what does not fit it."""
    async with open_store(store_url, VAULT) as store:
        shop = Shop(store, assistant)
        talk = await shop.meets("2001")
        await shop.has_a_habit("2001")
        await shop.sells("2001", "2001-dress", "dress")
        await shop.sees(talk, "purchased")


@pytest.mark.parametrize(
    ("limits", "depth", "told"),
    [
        ({}, 1, "asked gift_or_self"),
        ({}, 2, "They have not answered enough to be asked something so personal."),
        ({"threshold": 1.0}, 1, "An answer would change less than asking costs."),
    ],
)
def test_what_was_decided_by_an_older_policy_and_catalogue_comes_out_the_same_again(
    store_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    limits: dict[str, object],
    depth: int,
    told: str,
) -> None:
    """Today's catalogue and limits would ask in each case: a replay depends on neither."""
    assistant = older_shop(tmp_path, older_page(**limits), depth)
    asyncio.run(decide_then(store_url, assistant))

    assert main(["why", "customer:2001", "--replay", "--policy", str(tmp_path)]) == 0
    lines = capsys.readouterr().out
    assert told in lines
    assert "(policy 3)" in lines
    assert lines.splitlines()[-1] == "  replay: the same again"
    assert main(["why", "customer:2001", "--replay"]) == 0
    assert "give --policy a folder with that of version 3" in capsys.readouterr().out
