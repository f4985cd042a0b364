from preferences.store.destinations import read_cursor, save_cursor
from preferences.store.engine import Store
from preferences.store.outbox import Due, claim
from preferences.store.outcomes import Told, acknowledge
from preferences.store.told import tell_again, told, untold
from tests.preferences.store.test_outbox import NOW, SECOND, marked


async def test_who_waits_and_who_is_told_are_given_by_pages_and_left_as_they_are(
    store: Store,
) -> None:
    await marked(store, "a", "b", "c", "d")
    await acknowledge(store, "log", [Told(one, 1, "hash") for one in "bd"], NOW)

    assert [due.shopper for due in await untold(store, "log", "", 1)] == ["a"]
    assert [due.shopper for due in await untold(store, "log", "a", 9)] == ["c"]
    assert [due.shopper for due in await told(store, "log", "", 9)] == ["b", "d"]
    assert await told(store, "log", "d", 9) == []
    assert len(await claim(store, "log", 9, NOW)) == 2


async def test_what_drifted_is_told_again_though_nothing_has_changed(store: Store) -> None:
    await marked(store, "a", "b")
    await acknowledge(store, "log", [Told("a", 1, "hash", frozenset({"why"}), "7")], NOW)

    await tell_again(store, "log", ["a", "b"], NOW)

    again = Due("a", 2, None, 0, "backfill", frozenset({"why"}), "7")
    assert await claim(store, "log", 9, NOW + SECOND, ("backfill",)) == [again]


async def test_how_far_the_changes_of_a_crm_were_taken_in_is_kept(store: Store) -> None:
    assert await read_cursor(store, "log") == ""

    await save_cursor(store, "log", "17", NOW)

    assert await read_cursor(store, "log") == "17"
