"""Klaviyo's own ways, against a Klaviyo that remembers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from preferences.profile import SuppressionEntry
from preferences.settings import Settings
from sync.capabilities import Lookup, Remote
from sync.connectors.klaviyo import Klaviyo, open_connector
from sync.delivery import Delivery, Later, Refused, Taken
from sync.errors import BatchRefusedError, QuotaExhaustedError
from sync.http import Unpaced
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contacts import FOR_A_WHILE, NO_EMAIL, contact
from tests.sync.fakes import klaviyo
from tests.sync.fakes.klaviyo_spec import SpecifiedKlaviyo

BOTH = {"email": "s-1@example.com", "phone": "+4930123456"}


@pytest.fixture
async def world() -> AsyncIterator[klaviyo.Klaviyo]:
    """One that holds us, and itself, to the specification."""
    world = SpecifiedKlaviyo()
    async with world.listening():
        yield world
    assert world.wrong == []


@pytest.fixture
def settings(world: klaviyo.Klaviyo) -> Settings:
    return Settings(
        _env_file=None,
        klaviyo_key=SecretStr(world.secret),
        klaviyo_url=world.url,
        marketing_purpose="send_news",
        webhook_allow=("127.0.0.0/8",),
    )


@pytest.fixture
async def crm(settings: Settings) -> AsyncIterator[Klaviyo]:
    async def at_once(seconds: float) -> None:
        del seconds

    async with open_connector(settings) as connector:
        yield replace(connector, jobs=replace(connector.jobs, sleep=at_once))


def many(count: int = 12, **fields: str) -> list[Delivery]:
    return [contact(f"s-{number}", **fields) for number in range(count)]


async def test_few_are_told_one_by_one_and_many_by_a_job(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    few = await crm.push(many(2, motivation="gift"))
    await crm.push(many(12, motivation="run"))

    assert [isinstance(one, Taken) and one.remote_id[:3] for one in few] == ["01K", "01K"]
    assert len(world.asked("/api/profile-import")) == 2
    assert len(world.jobs) == 1
    assert {one.properties["motivation"] for one in world.profiles.values()} == {"run"}
    assert len(world.profiles) == 12


async def test_null_empties_and_absent_leaves(world: klaviyo.Klaviyo, crm: Klaviyo) -> None:
    await crm.push([contact(motivation="gift", first_name="Ada")])
    await crm.push([contact(motivation=None)])

    held = world.held("s-1")
    assert held is not None
    assert held.properties == {}
    assert held.attributes["first_name"] == "Ada"


async def test_the_error_report_of_a_job_says_who_was_refused_and_why(crm: Klaviyo) -> None:
    batch = [*many(12), contact("s-bad", phone_number="12")]

    results = await crm.push(batch)

    assert results[:-1] == [Taken()] * 12
    assert results[-1] == Refused("Klaviyo refused it: invalid (phone_number).")


async def test_a_job_that_takes_long_is_asked_again_and_not_done_twice(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.job_time = 3600
    assert {type(one) for one in await crm.push(many(motivation="gift"))} == {Later}
    assert {type(one) for one in await crm.push(many(motivation="gift"))} == {Later}
    _let_finish(world)

    results = await crm.push(many(motivation="gift"))

    assert results == [Taken()] * 12
    assert len(world.jobs) == 1


async def test_who_was_in_a_job_that_is_gone_is_told_again(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.job_time = 3600
    await crm.push(many(motivation="gift"))
    world.jobs.clear()
    world.job_time = 0

    assert {type(one) for one in await crm.push(many(motivation="gift"))} == {Later}
    assert await crm.push(many(motivation="gift")) == [Taken()] * 12


async def test_nothing_newer_overtakes_a_job_that_still_runs(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.job_time = 3600
    await crm.push(many(motivation="gift"))

    taken_back = replace(contact("s-3", motivation=None), digest="newer")
    early = await crm.push([taken_back])
    _let_finish(world)
    late = await crm.push([taken_back])

    assert isinstance(early[0], Later)
    assert isinstance(late[0], Taken)
    held = world.held("s-3")
    assert held is not None
    assert held.properties == {}


def _let_finish(world: klaviyo.Klaviyo) -> None:
    for job in world.jobs.values():
        job.ready = 0


async def test_a_job_that_is_refused_whole_is_left_to_the_engine(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.ills.append({"data": {"errors": [{"code": "invalid", "detail": "x"}]}, "status": 400})

    with pytest.raises(BatchRefusedError, match="invalid"):
        await crm.push(many())


async def test_a_phone_of_another_profile_is_refused_without_quoting_it(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.create(external_id="s-2", phone_number="+4930123456")
    world.create(external_id="s-1")

    (result,) = await crm.push([contact(phone_number="+4930123456")])

    assert result == Refused("Klaviyo refused it: duplicate_profile (phone_number).")


async def test_a_profile_with_the_same_address_is_taken_over(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    known = world.create(email="s-1@example.com", first_name="Ada")

    assert await crm.push([contact(email="s-1@example.com")]) == [Taken(known.id)]


@pytest.mark.parametrize("wish", [LEFT_ALONE, NO_EMAIL])
async def test_who_wants_no_mail_is_unsubscribed_and_suppressed_and_no_list_is_named(
    world: klaviyo.Klaviyo, crm: Klaviyo, wish: SuppressionEntry
) -> None:
    world.create(external_id="s-1", email="old@example.com")

    await crm.push([contact(wishes=(wish,))])

    for email in ("s-1@example.com", "old@example.com"):
        assert world.by_email(email).suppressed == {"UNSUBSCRIBE", "USER_SUPPRESSED"}
    for body in klaviyo.told(world, "bulk-delete"):
        assert "relationships" not in body["data"]


async def test_a_stop_leaves_the_phone_alone_too(world: klaviyo.Klaviyo, crm: Klaviyo) -> None:
    await crm.push([contact(wishes=(LEFT_ALONE,), identities=BOTH)])

    assert {one.consent.get("sms") for one in world.profiles.values()} >= {"UNSUBSCRIBED"}


async def test_a_pause_is_no_farewell(world: klaviyo.Klaviyo, crm: Klaviyo) -> None:
    await crm.push([contact(wishes=(FOR_A_WHILE,))])

    assert world.asked("bulk-delete") == world.asked("suppression") == []


async def test_a_permission_subscribes_and_its_end_unsubscribes(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    await crm.push([contact(news="given", identities=BOTH, **_named(BOTH))])
    held = world.held("s-1")
    assert held is not None
    subscribed = dict(held.consent)
    await crm.push([contact(news="withdrawn", identities=BOTH)])

    assert subscribed == {"email": "SUBSCRIBED", "sms": "SUBSCRIBED"}
    assert held.consent == {"email": "UNSUBSCRIBED", "sms": "UNSUBSCRIBED"}
    assert held.suppressed == {"UNSUBSCRIBE"}
    assert "consented_at" not in str(klaviyo.told(world, "bulk-create"))


def _named(identities: dict[str, str]) -> dict[str, str]:
    return {"email": identities["email"], "phone_number": identities["phone"]}


@pytest.mark.parametrize("left", ["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"])
async def test_who_has_left_there_is_never_subscribed_from_here(
    world: klaviyo.Klaviyo, crm: Klaviyo, left: str
) -> None:
    world.create(external_id="s-1", email="s-1@example.com").suppressed.add(left)

    await crm.push([contact(news="given", email="s-1@example.com")])

    assert world.by_email("s-1@example.com").suppressed == {left}
    assert world.asked("subscription-bulk-create") == []


async def test_who_cannot_be_looked_at_is_not_subscribed(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.create(external_id="s-1", email="s-1@example.com").suppressed.add("SPAM_COMPLAINT")
    world.ills.extend([0, {"data": {"errors": [{"code": "invalid"}]}, "status": 400}])

    with pytest.raises(BatchRefusedError):
        await crm.push([contact(news="given")])

    assert world.asked("subscription-bulk-create") == []


async def test_a_wish_that_did_not_arrive_is_told_again(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    refusal = {"data": {"errors": [{"code": "invalid"}]}, "status": 400}
    world.ills.extend([refusal, refusal])  # neither who it is nor the farewell

    (result,) = await crm.push([contact(wishes=(NO_EMAIL,))])

    assert isinstance(result, Later)


async def test_its_limit_pauses_as_long_as_it_says(world: klaviyo.Klaviyo, crm: Klaviyo) -> None:
    world.burst = 1

    with pytest.raises(QuotaExhaustedError) as caught:
        await crm.push([contact("s-1"), contact("s-2")])

    assert 1 <= caught.value.wait.total_seconds() <= 2


async def test_who_is_erased_is_unsubscribed_and_deleted(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    await crm.push([contact(email="s-1@example.com")])
    gone = [contact(erased=True, identities={}), contact("s-2", erased=True, identities={})]

    assert await crm.erase(gone) == [Taken(), Taken()]
    assert await crm.erase(gone) == [Taken(), Taken()]

    assert len(world.deleted) == 1
    assert world.held("s-1") is None


async def test_looks_at_imports_and_deletions_keep_the_slower_limits_that_they_have(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.job_time = 3600
    for _ in range(2):
        assert {type(one) for one in await crm.push(many(12, motivation="gift"))} == {Later}
    world.job_time = 0
    await crm.push([contact("s-100"), contact("s-101"), contact("s-102"), contact("s-103")])
    gone = [contact(f"s-{number}", erased=True, identities={}) for number in range(100, 104)]

    assert await crm.erase(gone) == [Taken()] * 4

    assert world.refused == 0


async def test_of_many_who_are_erased_the_last_wait_for_their_turn(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    world.slower = {}
    unpaced = replace(crm, deletions=replace(crm.deletions, limiter=Unpaced()))
    await crm.push(many(12))
    gone = [contact(f"s-{number}", erased=True, identities={}) for number in range(12)]

    first, second = await unpaced.erase(gone), await unpaced.erase(gone)

    assert [type(one) for one in first] == [Taken] * 10 + [Later] * 2
    assert second == [Taken()] * 12
    assert len(world.deleted) == 12


async def test_profiles_are_read_back_by_our_id(crm: Klaviyo) -> None:
    await crm.push([contact(email="s-1@example.com", motivation="gift")])

    held = await crm.read([Lookup("s-1"), Lookup("s-2")], ["motivation", "email", "nothing"])

    assert list(held) == ["s-1"]
    expected = {"motivation": "gift", "email": "s-1@example.com", "nothing": None}
    assert held["s-1"].fields == expected


async def test_what_changed_there_comes_page_by_page_with_who_has_left(
    world: klaviyo.Klaviyo, crm: Klaviyo
) -> None:
    for number in range(150):
        world.create(email=f"{number}@example.com", properties={"motivation": "gift"})
    world.by_email("7@example.com").suppressed.add("SPAM_COMPLAINT")

    seen, cursor = await _all(crm, "")
    later, _ = await _all(crm, cursor)

    assert len({one.remote_id for one in seen}) == 150
    assert [one.identities["email"] for one in seen if one.opted_out] == ["7@example.com"]
    assert {one.remote_id for one in later} <= {one.remote_id for one in seen}


async def _all(crm: Klaviyo, cursor: str) -> tuple[list[Remote], str]:
    seen, more = list[Remote](), True
    while more:
        page = await crm.changes(cursor, ["motivation"])
        seen += page.records
        cursor, more = page.cursor, page.more
    return seen, cursor
