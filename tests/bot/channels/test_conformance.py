"""What webhooks of public projects should lead to: skipped where their folder is not beside us."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.inspecting import PARSERS

_BESIDE = Path(__file__).parents[4] / "shared/fixtures"
FIXTURES = Path(os.environ.get("TEST_FIXTURES", _BESIDE))
INDEX = FIXTURES / "INDEX.json"
_ONES: list[dict[str, Any]] = json.loads(INDEX.read_text()) if INDEX.exists() else []
_ORDERS = {"shopify": "shopify", "woo": "woocommerce"}

pytestmark = pytest.mark.skipif(not _ONES, reason=f"the folder {FIXTURES} is missing")


def told_orders() -> list[dict[str, Any]]:
    return [one for one in _ONES if one["file"].startswith("orders/")]


def parsed(file: str) -> list[dict[str, Any]]:
    folder, _, name = file.partition("/")
    channel = _ORDERS[name.partition("_")[0]] if folder == "orders" else folder
    found = PARSERS[channel]((FIXTURES / file).read_bytes())
    return [one.line | {"title": one.title, "receipt": one.receipt} for one in found]


@pytest.mark.parametrize("told", _ONES, ids=lambda told: told["file"])
def test_the_gateway_concludes_what_it_should(told: dict[str, Any]) -> None:
    expected = told["expect"]
    found = parsed(told["file"])
    if expected["action"] == "bad_signature":  # it is the same body that another one is
        expected = expected | {"action": "user_message", "reply": True}
    (main,) = [one for one in found if one["action"] == expected["action"]]

    for name in ("reply", "kind", "text", "payload", "title", "sender"):
        assert name not in expected or main[name] == expected[name], name
    if "status" in expected:
        played = {"played": "read"}.get(expected["status"], expected["status"])
        assert main["receipt"].state == played
    if "error" in expected:
        assert main["receipt"].error == expected["error"]
    if "senders" in expected:
        assert [main["sender"]] == (expected["senders"] or [None])
    if "message_ids" in expected:
        assert [main["message_id"]] == (expected["message_ids"] or [None])
    if "texts_in_body" in expected:
        assert [one["text"] for one in found if one["text"]] == expected["texts_in_body"]
    if "also" in expected:
        assert expected["also"] in {one["action"] for one in found}
    else:
        assert len(found) == 1


def test_the_largest_batch_is_read_whole_and_in_order() -> None:
    found = PARSERS["whatsapp"]((FIXTURES / "derived/wa_batch_1000.body").read_bytes())

    assert len(found) == len({one.key for one in found}) == 1000
    assert {one.action for one in found} == {"user_message"}
