from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from preferences.errors import BadInputError
from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper
from preferences.store.idempotency import (
    KEPT,
    BusyError,
    Errand,
    Remembered,
    begin_errand,
    drop_errand,
    end_errand,
)
from preferences.store.tables import IdempotencyRow
from tests.preferences.scenes import MINUTE, NOW
from tests.preferences.store.seeds import add_shopper

ERRAND = Errand("key-1", "one", "a hash")
ANSWER = Remembered(201, '{"shopper": "anna"}')


async def rows(store: Store) -> list[IdempotencyRow]:
    async with store.begin(readonly=True) as session:
        return list((await session.exec(select(IdempotencyRow))).all())


async def test_the_first_has_to_do_it_and_the_next_gets_the_answer(store: Store) -> None:
    assert await begin_errand(store, ERRAND, NOW) is None
    await end_errand(store, ERRAND, ANSWER, "anna", NOW)

    assert await begin_errand(store, ERRAND, NOW + KEPT - MINUTE) == ANSWER


async def test_an_answer_is_kept_sealed_with_whom_it_tells_of(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)
    await end_errand(store, ERRAND, ANSWER, "anna", NOW)

    [row] = await rows(store)

    assert "anna" not in row.sealed_body
    assert row.shopper_id == "anna"


async def test_an_answer_is_forgotten_after_a_day(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)
    await end_errand(store, ERRAND, ANSWER, None, NOW)

    assert await begin_errand(store, ERRAND, NOW + KEPT) is None


async def test_another_request_under_the_same_key_is_refused(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)

    with pytest.raises(BadInputError, match="another request"):
        await begin_errand(store, replace(ERRAND, sha256="another"), NOW)
    assert await begin_errand(store, replace(ERRAND, key_id="key-2", sha256="x"), NOW) is None


async def test_one_under_way_is_not_begun_again_until_it_must_be_dead(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)

    with pytest.raises(BusyError):
        await begin_errand(store, ERRAND, NOW + timedelta(seconds=59))
    assert await begin_errand(store, ERRAND, NOW + MINUTE) is None
    with pytest.raises(BusyError):
        await begin_errand(store, ERRAND, NOW + MINUTE)


async def test_one_that_failed_may_be_begun_again_at_once(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)
    await drop_errand(store, ERRAND)

    assert await begin_errand(store, ERRAND, NOW) is None


async def test_one_that_is_done_is_not_dropped(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)
    await end_errand(store, ERRAND, ANSWER, None, NOW)
    await drop_errand(store, ERRAND)

    assert await begin_errand(store, ERRAND, NOW) == ANSWER


async def test_an_answer_that_an_erasure_overtook_is_not_kept(store: Store) -> None:
    await begin_errand(store, ERRAND, NOW)
    await drop_errand(store, ERRAND)
    await end_errand(store, ERRAND, ANSWER, "anna", NOW)

    assert await rows(store) == []


async def test_an_answer_about_who_was_deleted_meanwhile_is_not_kept(store: Store) -> None:
    async with store.begin() as session:
        await add_shopper(session, "anna")
    await begin_errand(store, ERRAND, NOW)
    await erase_shopper(store, "anna", ["log"], NOW)

    await end_errand(store, ERRAND, ANSWER, "anna", NOW)

    assert await rows(store) == []
