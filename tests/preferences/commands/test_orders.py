import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from preferences.__main__ import main
from preferences.commands import orders
from preferences.errors import UnavailableError
from preferences.policy import MisfitPolicy
from preferences.purchases import Purchase
from preferences.store.engine import Store, open_store
from preferences.store.purchases import Kept, keep_purchases
from preferences.store.tables import PurchaseLineRow, PurchaseRow
from tests.vaults import KEYS, VAULT

CSV = """\ufeffSource,order_id,customer,placed_at,gift_wrap,sku,line_title,quantity,price,currency
pos,1,7,2026-01-01T10:00:00Z,yes,hat,Hat,2,19.90,EUR
pos,1,,,,=1+1,"=HYPERLINK(""x"")",1,,

pos,2,8,2026-01-02T10:00:00Z,,hat,Hat,1,,
"""
ORDER = {
    "source": "pos",
    "id": "1",
    "customer": "7",
    "placed_at": "2026-01-01T10:00:00Z",
    "lines": [{"sku": "hat", "title": "Hat", "quantity": 1}],
}


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, store_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))


def take(file: Path, text: str, *more: str) -> int:
    file.write_text(text)
    return main(["orders", str(file), *more])


def kept(url: str) -> tuple[list[str], list[tuple[str, str, int]]]:
    async def read() -> tuple[list[str], list[tuple[str, str, int]]]:
        async with open_store(url, VAULT) as store, store.begin(readonly=True) as session:
            rows = (await session.exec(select(PurchaseRow))).all()
            lines = (await session.exec(select(PurchaseLineRow))).all()
            told = sorted((line.sku, line.title, line.quantity) for line in lines)
            return sorted(row.external_id for row in rows), told

    return asyncio.run(read())


def rejected(file: Path) -> list[dict[str, object]]:
    aside = file.with_name(f"{file.name}.rejected.ndjson")
    return [json.loads(line) for line in aside.read_text().splitlines()]


def test_a_csv_file_is_taken_in_and_a_second_time_changes_nothing(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"

    assert take(file, CSV) == 0
    assert "2 kept" in capsys.readouterr().out
    once = kept(store_url)
    assert once == (
        ["1", "2"],
        [("=1+1", '=HYPERLINK("x")', 1), ("hat", "Hat", 1), ("hat", "Hat", 2)],
    )

    assert take(file, CSV) == 0
    assert "2 known already" in capsys.readouterr().out
    assert kept(store_url) == once
    assert [one.name for one in tmp_path.iterdir() if "rejected" in one.name] == []


def test_json_lines_are_taken_in_and_what_is_wrong_is_set_aside_by_line(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.ndjson"
    pages = [ORDER, {}, ORDER | {"test": True}, ORDER | {"email": "x"}, ORDER | {"customer": ""}]
    text = "\n".join([*map(json.dumps, pages), "{", "", json.dumps(ORDER | {"id": "2"})])

    assert take(file, text) == 1

    told = capsys.readouterr()
    assert "line 2: source: Field required" in told.err
    assert "line 4: email: An email address" in told.err
    assert "line 6: It is no JSON" in told.err
    assert "1 name no shopper" in told.out
    assert "1 tests" in told.out
    assert "3 wrong" in told.out
    assert [one["lines"] for one in rejected(file)] == [[2], [4], [6]]
    assert rejected(file)[2]["order"] == "{"
    assert kept(store_url)[0] == ["1", "2"]

    assert take(file, json.dumps(ORDER)) == 0
    assert not file.with_name("orders.ndjson.rejected.ndjson").exists()


@pytest.mark.parametrize(
    ("rows", "numbers", "problem"),
    [
        ("pos,1,7,yesterday,,hat,Hat,1,,", [2], "placed_at: "),
        ("pos,1,7,2026-01-01T10:00:00Z,maybe,hat,Hat,1,,", [2], "gift_wrap: "),
        ("pos,1,7,2026-01-01T10:00:00Z,,hat,Hat,99999999,,", [2], "lines.0.quantity: "),
        ("pos,1,7,2026-01-01T10:00:00Z,,,,,,", [2], "An order that stands has lines"),
        ("pos,1,7", [2], "It has 3 cells, not 10."),
        ('pos,1,7,2026-01-01T10:00:00Z,,hat,"H"at,1,,', [2], "It is no CSV"),
        (
            "pos,1,7,2026-01-01T10:00:00Z,,hat,Hat,1,,\npos,1,8,,,cap,Cap,1,,",
            [2, 3],
            "Line 3 has another customer",
        ),
    ],
)
def test_a_wrong_line_is_named_with_its_remedy(
    tmp_path: Path, rows: str, numbers: list[int], problem: str
) -> None:
    file = tmp_path / "orders.csv"

    assert take(file, CSV.splitlines()[0] + "\n" + rows + "\n", "--check") == 1

    (one,) = rejected(file)
    assert one["lines"] == numbers
    assert problem in str(one["problem"])
    assert one["order"] or "CSV" in problem


def test_an_order_whose_lines_are_apart_is_set_aside_and_not_halved(
    tmp_path: Path, store_url: str
) -> None:
    file = tmp_path / "orders.csv"
    again = "pos,1,7,2026-01-01T10:00:00Z,yes,cap,Cap,1,,\n"

    assert take(file, CSV + again) == 1

    assert "sort the file" in str(rejected(file)[0]["problem"])
    assert len(kept(store_url)[1]) == 3


def test_only_reading_keeps_nothing(tmp_path: Path, store_url: str) -> None:
    assert take(tmp_path / "orders.csv", CSV, "--check") == 0
    assert kept(store_url) == ([], [])


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("orders.csv", b"", "has to name the columns"),
        ("orders.csv", b"source,order_id,placed_at,colour\n", "has to name the columns"),
        ("orders.csv", b"source,order_id,sku\n", "has to name the columns"),
        ("orders.csv", b"source,source,order_id,placed_at\n", "has to name the columns"),
        ("orders.csv", CSV.encode("utf-16"), "is not written in UTF-8"),
        ("orders.xlsx", b"", "has to end in .csv or .ndjson"),
        ("nowhere/orders.csv", None, "cannot be written"),
        ("orders.ndjson", None, "cannot be read"),
    ],
)
def test_what_is_no_file_of_orders_is_refused_with_the_remedy(
    tmp_path: Path, name: str, raw: bytes | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if raw is not None:
        (tmp_path / name).write_bytes(raw)

    assert main(["orders", str(tmp_path / name)]) == 2
    assert says in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir() if "rejected" in one.name] == []


def test_where_somebody_else_tells_of_the_same_shoppers_it_goes_on_one_by_one(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(
        store: Store, some: Sequence[Purchase], policy: MisfitPolicy, now: datetime
    ) -> list[Kept]:
        if len(some) > 1:
            message = "Somebody else writes."
            raise UnavailableError(message)
        return await keep_purchases(store, some, policy, now)

    monkeypatch.setattr(orders, "keep_purchases", busy)

    assert take(tmp_path / "orders.csv", CSV) == 0
    assert kept(store_url)[0] == ["1", "2"]


def test_only_the_first_of_many_wrong_lines_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.ndjson"

    assert take(file, "{\n" * 12) == 1

    assert len(capsys.readouterr().err.splitlines()) == 10
    assert len(rejected(file)) == 12
