"""Orders that change: the same reports end in the same facts, in whatever sequence they come."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import delete, select

from preferences.buying import Figures, figures_as_json
from preferences.policy import load_policy
from preferences.purchases import Line, Note, Product, Purchase
from preferences.settings import Settings
from preferences.store import habits
from preferences.store.engine import Store, open_store
from preferences.store.erasure import erase_shopper
from preferences.store.habits import read_figures, work_out_missing
from preferences.store.links import link, unlink
from preferences.store.purchases import keep_notes, keep_product, keep_purchase, keep_purchases
from preferences.store.retention import Limits, sweep
from preferences.store.shoppers import shopper_named
from preferences.store.tables import (
    CandidateRow,
    HabitRow,
    ProductRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    ShopperRow,
)
from tests.preferences.scenes import DAY, HOUR, MINUTE, NOW
from tests.preferences.store.plans import listening
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

POLICY = load_policy()
ORDER = Purchase(
    "web", "1", "7", NOW, (Line("hat", "Hat", 3, ref="a"), Line("shirt", "Shirt", 1, ref="b"))
)
REFUND = Note("refund", NOW + HOUR, "refund/9/a", "a", 2)


async def figures(shop: Shop, customer: str = "7") -> Figures:
    return await read_figures(shop.store, await shopper_named(shop.store, "customer", customer))


async def notes(shop: Shop, *told: Note, order: str = "1") -> str:
    return (await keep_notes(shop.store, ("web", order), told, POLICY, shop.now)).became


async def left(shop: Shop) -> dict[str, int]:
    return {line.sku: line.quantity for line in await shop.rows(PurchaseLineRow)}


async def test_an_edit_replaces_the_lines(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    edit = replace(ORDER, updated_at=NOW + HOUR, lines=(Line("cap", "Cap", 4),))

    kept = await shop.gets_order(edit)

    assert kept.became == "kept"
    assert await left(shop) == {"cap": 4}
    assert (await figures(shop)).pieces == 4


async def test_what_is_older_than_what_is_kept_says_nothing_new(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, updated_at=NOW + HOUR))

    kept = await shop.gets_order(replace(ORDER, lines=(Line("cap", "Cap", 4),)))

    assert kept.became == "known"
    assert await left(shop) == {"hat": 3, "shirt": 1}


async def test_a_refund_lowers_a_quantity_once_before_its_order_or_after_it(shop: Shop) -> None:
    before = await notes(shop, REFUND)
    await shop.gets_order(ORDER)
    again = await notes(shop, REFUND)
    within = await shop.gets_order(replace(ORDER, notes=(REFUND,)))

    assert (before, again, within.became) == ("waiting", "kept", "known")
    assert await left(shop) == {"hat": 1, "shirt": 1}
    assert (await figures(shop)).pieces == 2


async def test_an_older_report_that_tells_of_a_refund_is_heeded(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, updated_at=NOW + HOUR))

    kept = await shop.gets_order(replace(ORDER, notes=(REFUND,)))

    assert kept.became == "kept"
    assert (await figures(shop)).pieces == 2


async def test_what_is_refunded_to_the_last_piece_is_no_purchase(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    await notes(shop, replace(REFUND, quantity=3), replace(REFUND, id="refund/9/b", ref="b"))

    (row,) = await shop.rows(PurchaseRow)
    assert row.status == "refunded"
    assert (await figures(shop)).orders == 0
    assert list((await figures(shop)).sources) == ["web"]


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
async def test_what_is_over_is_no_purchase_until_it_is_told_anew(shop: Shop, status: Any) -> None:
    over = replace(ORDER, status=status, updated_at=NOW + HOUR)

    early = await shop.gets_order(over)
    await shop.gets_order(ORDER)
    (row,) = await shop.rows(PurchaseRow)

    assert (early.became, early.shopper) == ("waiting", "")
    assert row.status == status
    assert await left(shop) == {}
    assert (await figures(shop)).orders == 0

    await shop.gets_order(replace(ORDER, updated_at=NOW + 2 * HOUR))
    assert (await figures(shop)).orders == 1


async def test_an_order_that_is_over_before_it_was_known_makes_nobody_known(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, status="cancelled"))

    assert await shop.rows(ShopperRow) == []


async def test_a_cancellation_ends_the_question_that_the_order_made(shop: Shop) -> None:
    await shop.has_a_habit("4711")
    odd = await shop.sells("4711", "odd", "dress")

    over = Purchase("shopify", "odd", "4711", shop.now, (), status="cancelled")
    await shop.gets_order(replace(over, updated_at=shop.now + MINUTE))

    (candidate,) = await shop.rows(CandidateRow)
    assert odd.candidate
    assert candidate.closed_at == shop.now


async def test_an_edit_that_leaves_the_article_leaves_the_question(shop: Shop) -> None:
    await shop.has_a_habit("4711")
    await shop.sells("4711", "odd", "dress")
    more = (Line("dress", "Dress", 1), Line("hat", "Hat", 1))

    await shop.gets_order(
        Purchase("shopify", "odd", "4711", shop.now, more, updated_at=shop.now + MINUTE)
    )

    assert [row.closed_at for row in await shop.rows(CandidateRow)] == [None]


async def test_a_new_order_that_is_void_at_once_is_no_occasion(shop: Shop) -> None:
    await shop.has_a_habit("4711")
    await keep_notes(
        shop.store,
        ("shopify", "odd"),
        [Note("cancelled", shop.now + HOUR, "cancelled")],
        POLICY,
        shop.now,
    )

    assert not (await shop.sells("4711", "odd", "dress")).candidate


async def test_a_delivery_is_known_from_its_first_report(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, status="delivered", updated_at=NOW + 2 * HOUR))
    await notes(shop, Note("delivered", NOW + HOUR, "delivered"))

    (row,) = await shop.rows(PurchaseRow)
    assert (row.status, row.delivered_at) == ("delivered", NOW + HOUR)


async def test_an_order_of_nobody_is_not_kept(shop: Shop) -> None:
    kept = await shop.gets_order(replace(ORDER, customer=""))

    assert kept.became == "nobody"
    assert await shop.rows(PurchaseRow) == []


async def test_an_order_may_turn_out_to_be_somebody_elses(shop: Shop) -> None:
    await shop.gets_order(ORDER)

    await shop.gets_order(replace(ORDER, customer="8", updated_at=NOW + HOUR))

    assert (await figures(shop, "7")).orders == 0
    assert (await figures(shop, "8")).orders == 1


async def test_of_the_erased_nothing_is_kept_again(shop: Shop) -> None:
    kept = await shop.gets_order(ORDER)
    await erase_shopper(shop.store, kept.shopper, ["log"], shop.now)

    again = await shop.gets_order(ORDER)
    over = await shop.gets_order(replace(ORDER, status="cancelled", external_id="2"))

    assert (again.became, over.became) == ("erased", "erased")
    for table in (PurchaseRow, PurchaseLineRow, PurchaseNoteRow, HabitRow):
        assert await shop.rows(table) == []


async def test_an_address_is_kept_as_a_keyed_hash_alone(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, address="1 Main  Street"))
    await shop.gets_order(replace(ORDER, external_id="2", address="1 main street"))
    await shop.gets_order(replace(ORDER, external_id="3", address="2 Main Street"))

    here, same, other = sorted(await shop.rows(PurchaseRow), key=lambda row: row.external_id)
    assert here.recipient == same.recipient != other.recipient
    assert "ain" not in here.recipient


async def test_a_new_product_that_is_told_of_many_times_at_once_is_kept_once(shop: Shop) -> None:
    told = [Product("hat", f"Hat {n}", "clothes", "men", NOW + n * MINUTE) for n in range(8)]

    await asyncio.gather(*(keep_product(shop.store, one) for one in told))

    assert [row.title for row in await shop.rows(ProductRow)] == ["Hat 7"]


async def test_the_feed_of_products_goes_before_what_an_order_tells(shop: Shop) -> None:
    lines = (
        Line("hat", "Hat", 1, category="gadgets", audience="women"),
        Line("pen", "Pen", 1, category="office", audience="children"),
    )
    await keep_product(shop.store, Product("hat", "Hat", "clothes", "men", NOW))

    await shop.gets_order(replace(ORDER, lines=lines))

    told = await figures(shop)
    assert told.categories == {"clothes": 1, "office": 1}
    assert told.audiences == {"men": 1, "children": 1}


async def test_a_person_of_two_shoppers_has_the_orders_of_both_until_they_are_parted(
    shop: Shop,
) -> None:
    one = (await shop.gets_order(ORDER)).shopper
    other = (await shop.gets_order(replace(ORDER, external_id="2", customer="8"))).shopper
    by = {"actor": "key:1", "destinations": (), "now": shop.now}

    await link(shop.store, one, other, proof="code", **by)
    assert (await figures(shop, "8")).orders == 2

    await unlink(shop.store, one, other, **by)
    assert (await figures(shop, "8")).orders == 1


async def test_what_is_too_old_to_be_kept_is_not_told_of(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, placed_at=NOW - 2000 * DAY))
    await shop.gets_order(replace(ORDER, external_id="2"))
    await shop.gets_order(replace(ORDER, external_id="3", customer="8", placed_at=NOW - 2000 * DAY))
    await notes(shop, REFUND, order="unknown")

    gone = await sweep(shop.store, Limits.of(Settings()), (), NOW + 20 * DAY)
    assert gone["purchase"] == 2

    assert (await figures(shop, "7")).orders == 1
    assert len(await shop.rows(HabitRow)) == 1
    assert await shop.rows(PurchaseNoteRow) == []


async def test_reports_of_one_order_at_once_end_in_the_newest(shop: Shop) -> None:
    edits = [
        replace(ORDER, updated_at=NOW + number * MINUTE, lines=(Line("hat", "Hat", number),))
        for number in range(1, 9)
    ]

    await asyncio.gather(*(shop.gets_order(edit) for edit in edits))

    assert await left(shop) == {"hat": 8}
    assert (await figures(shop)).pieces == 8


async def test_many_orders_in_one_go_are_kept_like_one_by_one(shop: Shop) -> None:
    orders = [replace(ORDER, external_id=str(number)) for number in range(5)]

    kept = await keep_purchases(shop.store, [*orders, *orders], POLICY, NOW)

    assert [one.became for one in kept] == ["kept"] * 5 + ["known"] * 5
    assert (await figures(shop)).orders == 5


async def test_lots_at_once_of_the_same_orders_in_other_sequences_keep_each_once(
    shop: Shop,
) -> None:
    orders = [replace(ORDER, external_id=f"{n}", customer=f"{n % 4}") for n in range(12)]
    lots = [orders, orders[::-1], orders[6:] + orders[:6], orders[::2]]

    kept = await asyncio.gather(*(keep_purchases(shop.store, lot, POLICY, NOW) for lot in lots))

    became = Counter(one.became for lot in kept for one in lot)
    assert became == {"kept": 12, "known": 30}
    assert len(await shop.rows(PurchaseRow)) == 12
    assert len(await shop.rows(ShopperRow)) == 4
    assert [(await figures(shop, str(customer))).orders for customer in range(4)] == [3] * 4


PRICES = [Decimal(number % 37 + 1) for number in range(150)]


def cheap(order: int, at: int = 0, price: Decimal = PRICES[0]) -> Purchase:
    """An order of one category that has many prices, placed so many hours late."""
    line = Line(f"tea-{order % 9}", "Tea", 1, price, "EUR", category="tea")
    return replace(ORDER, external_id=f"tea-{order}", placed_at=NOW + at * HOUR, lines=(line,))


async def counted(shop: Shop) -> list[dict[str, Any]]:
    return [row.model_dump() for row in await shop.rows(HabitRow)]


async def test_orders_added_one_by_one_are_counted_as_all_of_them_would_be(shop: Shop) -> None:
    for number, price in enumerate(PRICES):
        await shop.gets_order(cheap(number, number, price))
    added = await counted(shop)

    assert await work_out_missing(shop.store) == 0
    assert await work_out_missing(shop.store, every=True) == 1
    assert await counted(shop) == added


async def test_an_order_that_comes_late_is_counted_where_it_belongs(shop: Shop) -> None:
    orders = [cheap(number, number, price) for number, price in enumerate(PRICES[:80])]
    early, *rest = orders
    for order in (*rest, early):
        await shop.gets_order(order)
    added = await counted(shop)

    await work_out_missing(shop.store, every=True)
    assert await counted(shop) == added


async def test_a_new_order_reads_no_other(shop: Shop) -> None:
    for number in range(3):
        await shop.gets_order(cheap(number, number))
    with listening(shop.store) as asked:
        await shop.gets_order(cheap(4, 4))

    assert any("INSERT INTO purchase_line" in one for one in asked.statements)
    assert not any("FROM purchase_line" in one for one in asked.statements)


async def test_many_orders_in_one_go_ask_the_database_no_more_than_a_few(shop: Shop) -> None:
    counts = []
    for number, many in enumerate((3, 40)):
        new = [replace(ORDER, external_id=f"{number}-{at}", customer=f"{number}{at}")
               for at in range(many)]  # fmt: skip
        again = [replace(one, external_id=f"{one.external_id}-again") for one in new]
        with listening(shop.store) as asked:
            kept = await keep_purchases(shop.store, new + again, POLICY, NOW)
        assert {one.became for one in kept} == {"kept"}
        counts.append(asked.count)

    assert counts[0] == counts[1]
    assert len(await shop.rows(PurchaseRow)) == 86


async def test_a_report_that_changes_nothing_is_heard_of_its_source_alone(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    before = await figures(shop)

    await shop.gets_order(replace(ORDER, updated_at=NOW + HOUR))

    assert (await figures(shop)).sources == {"web": "2026-11-22T13:00:00.000000Z"}
    assert replace(await figures(shop), sources=before.sources) == before


async def test_those_who_were_never_counted_are_counted_a_few_at_a_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(habits, "_BATCH", 1)
    await shop.gets_order(ORDER)
    before = await counted(shop)
    async with shop.store.begin() as session:
        await session.exec(delete(HabitRow))
    assert (await figures(shop)).orders == 0

    assert await work_out_missing(shop.store) == 1
    assert await counted(shop) == before


async def test_what_the_feed_says_anew_of_an_article_is_counted_by_the_next_sweep(
    shop: Shop,
) -> None:
    await keep_product(shop.store, Product("hat", "Hat", "clothes", "men", NOW))
    await shop.gets_order(ORDER)
    await keep_product(shop.store, Product("hat", "Warm hat", "clothes", "men", NOW + HOUR))
    assert not (await shop.rows(HabitRow))[0].stale

    await keep_product(shop.store, Product("hat", "Hat", "clothes", "women", NOW + 2 * HOUR))
    assert await work_out_missing(shop.store) == 1

    assert (await figures(shop)).audiences == {"women": 3}


async def test_what_the_feed_says_anew_is_counted_with_the_next_order_too(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    await keep_product(shop.store, Product("hat", "Hat", "clothes", "women", NOW + HOUR))

    await shop.gets_order(replace(ORDER, external_id="2", placed_at=NOW + 2 * HOUR))

    assert (await figures(shop)).audiences == {"women": 6}


async def test_several_orders_in_one_go_of_which_one_is_changed_are_counted_once(
    shop: Shop,
) -> None:
    edit = replace(ORDER, updated_at=NOW + HOUR, lines=(Line("cap", "Cap", 4),))
    again = replace(edit, updated_at=NOW + 2 * HOUR)
    new = replace(ORDER, external_id="2")

    await keep_purchases(shop.store, [ORDER, edit, again, new], POLICY, NOW)

    assert (await figures(shop)).pieces == 8
    await work_out_missing(shop.store, every=True)
    assert (await figures(shop)).pieces == 8


SKUS = ("hat", "shirt", "pen")
TIMES = st.integers(0, 5).map(lambda hours: NOW + hours * HOUR)
LINES = st.lists(
    st.builds(
        lambda at, quantity: Line(SKUS[at], SKUS[at].title(), quantity, ref=SKUS[at]),
        st.integers(0, 2),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda line: line.sku,
).map(tuple)
REPORTS = st.builds(
    lambda order, customer, at, status, lines: Purchase(
        "web", order, customer, NOW, lines, updated_at=at, status=status
    ),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["7", "8"]),
    TIMES,
    st.sampled_from(["placed", "placed", "delivered", "cancelled", "refunded"]),
    LINES,
)
REFUNDS = st.builds(
    lambda order, sku, at: (order, Note("refund", at, f"refund/{sku}", sku, 1)),
    st.sampled_from(["1", "2"]),
    st.sampled_from(SKUS),
    TIMES,
)
ENDS = st.builds(
    lambda order, at: (order, Note("cancelled", at, "cancelled")),
    st.sampled_from(["1", "2"]),
    TIMES,
)


async def facts_after(template: Path, told: list[Any], *, in_one_go: bool) -> dict[str, Any]:
    """Tell a new shop all of it, and give what it makes of that."""
    with TemporaryDirectory() as folder:
        file = copyfile(template, Path(folder) / "askfirst.db")
        async with open_store(f"sqlite:///{file}", VAULT) as store:
            for are_reports, some in groupby(told, lambda one: isinstance(one, Purchase)):
                if are_reports and in_one_go:
                    await keep_purchases(store, [*some], POLICY, NOW)
                    continue
                for one in some:
                    if are_reports:
                        await keep_purchase(store, one, POLICY, NOW)
                    else:
                        await keep_notes(store, ("web", one[0]), [one[1]], POLICY, NOW)
            return await _facts(store)


async def _facts(store: Store) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    async with store.begin(readonly=True) as session:
        for row in (await session.exec(select(PurchaseRow))).all():
            query = select(PurchaseLineRow).where(PurchaseLineRow.purchase_id == row.id)
            lines = sorted((line.sku, line.quantity) for line in (await session.exec(query)).all())
            facts[row.external_id] = row.status, row.delivered_at, row.told_at, lines
        buyers = (await session.exec(select(PurchaseRow.shopper_id).distinct())).all()
    told = [await read_figures(store, buyer) for buyer in buyers]
    facts["figures"] = sorted(json.dumps(figures_as_json(one), sort_keys=True) for one in told)
    return facts


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), told=st.lists(REPORTS | REFUNDS | ENDS, min_size=2, max_size=7))
def test_any_interleaving_of_the_same_events_ends_in_the_same_facts(
    sqlite_template: Path, data: st.DataObject, told: list[Any]
) -> None:
    again = data.draw(st.permutations(told)) + data.draw(
        st.lists(st.sampled_from(told), max_size=3)
    )

    in_one_go = data.draw(st.booleans())

    assert asyncio.run(facts_after(sqlite_template, told, in_one_go=False)) == asyncio.run(
        facts_after(sqlite_template, again, in_one_go=in_one_go)
    )
