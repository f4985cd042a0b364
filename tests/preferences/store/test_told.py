from preferences.store.destinations import read_cursor, read_standing, save_cursor
from preferences.store.engine import Store
from preferences.store.outbox import Due, claim
from preferences.store.outcomes import Told, acknowledge, bury, fail
from preferences.store.told import overtaken, tell_again, told, untold, why_put_off
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


async def test_why_some_were_put_off_is_counted_by_reason_and_a_refused_wish_is_one(
    store: Store,
) -> None:
    await marked(store, "dead", "a", "b")
    await marked(store, "wish", urgent=True)
    due = {one.shopper: one for one in await claim(store, "log", 1, NOW)}
    due |= {one.shopper: one for one in await claim(store, "log", 9, NOW)}
    await fail(store, "log", {due["a"]: "away", due["b"]: "away"}, SECOND, NOW)
    await bury(store, "log", {due["dead"]: "odd", due["wish"]: "locked"}, SECOND, NOW)
    await marked(store, "fresh")

    assert await why_put_off(store, "log") == {"away": 2, "locked": 1}
    assert await why_put_off(store, "other") == {}
    [standing] = await read_standing(store, ["log"], NOW)
    assert (standing.failing, standing.failing_wishes, standing.dead) == (3, 1, 1)

    await acknowledge(store, "log", [Told("a", 1, "hash"), Told("wish", 1, "hash")], NOW)
    assert await why_put_off(store, "log") == {"away": 1}


async def test_who_changed_since_a_version_is_found_among_those_that_are_meant(
    store: Store,
) -> None:
    await marked(store, "a", "b", "c")
    await marked(store, "b", "c", urgent=True)
    await marked(store, "a", destinations=["other"])

    assert await overtaken(store, "log", {"a": 1, "b": 1, "nobody": 1}) == {"b"}
    assert await overtaken(store, "log", {"c": 2}) == set()


async def test_how_far_the_changes_of_a_crm_were_taken_in_is_kept(store: Store) -> None:
    assert await read_cursor(store, "log") == ""

    await save_cursor(store, "log", "17", NOW)

    assert await read_cursor(store, "log") == "17"
