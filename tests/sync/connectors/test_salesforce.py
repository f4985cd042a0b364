"""Salesforce's own ways, against a Salesforce that remembers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from preferences.settings import Settings
from sync.capabilities import FieldShape, Remote
from sync.connectors import salesforce as module
from sync.connectors.salesforce import Salesforce, open_connector
from sync.delivery import Delivery, Later, Refused, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError, QuotaExhaustedError
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contacts import contact
from tests.sync.fakes.salesforce import CLIENT
from tests.sync.fakes.salesforce import Salesforce as World

USE = "Newsletter"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.define_key("Shopper_Id__c")
    world.define_key("Shopper_Id__c", of="Individual")
    world.define_key("Shopper_Consent__c", of="ContactPointTypeConsent")
    world.define("Motivation__c", "gift", "self")
    world.create("DataUsePurpose", Name=USE)
    async with world.listening():
        yield world


@pytest.fixture
def settings(world: World) -> Settings:
    return Settings(
        _env_file=None,
        salesforce_url=world.url,
        salesforce_client_id=CLIENT,
        salesforce_client_secret=SecretStr(world.secret),
        salesforce_purpose=USE,
        marketing_purpose="send_news",
        webhook_allow=("127.0.0.0/8",),
    )


@pytest.fixture
async def crm(settings: Settings) -> AsyncIterator[Salesforce]:
    async def at_once(seconds: float) -> None:
        del seconds

    async with open_connector(settings) as connector:
        yield replace(connector, jobs=replace(connector.jobs, sleep=at_once))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    monkeypatch.setattr(module, "_FEW", 10)
    return [contact(f"s-{number}", Motivation__c="gift") for number in range(12)]


async def test_two_hundred_go_at_once_and_one_token_is_enough(
    world: World, crm: Salesforce
) -> None:
    results = await crm.push([contact(f"s-{n}", Motivation__c="gift") for n in range(450)])

    assert all(isinstance(one, Taken) for one in results)
    assert len(world.records["Contact"]) == 450
    assert len(world.asked("/services/oauth2/token")) == 1
    sizes = [len(one.body["records"]) for one in world.asked("/composite/sobjects/Contact")]
    assert sorted(sizes)[-2:] == [200, 200]


async def test_a_token_that_is_over_is_renewed_within_the_push(
    world: World, crm: Salesforce
) -> None:
    await crm.push([contact(Motivation__c="gift")])
    world.tokens.clear()

    assert isinstance((await crm.push([contact(Motivation__c="self")]))[0], Taken)
    assert world.held("s-1")["Motivation__c"] == "self"


@pytest.mark.parametrize("status", [400, 401, 200])
async def test_an_app_that_is_not_accepted_is_told_by_its_settings(
    world: World, crm: Salesforce, status: int
) -> None:
    world.ills.append({"data": {"error": "invalid_client"}, "status": status})

    with pytest.raises(DestinationRefusedError, match="ASKFIRST_SALESFORCE_CLIENT_ID"):
        await crm.push([contact(Motivation__c="gift")])


async def test_a_contact_without_a_name_gets_one_and_keeps_the_one_it_has(
    world: World, crm: Salesforce
) -> None:
    world.create(Shopper_Id__c="s-1", LastName="Lovelace")

    await crm.push([contact("s-1", Motivation__c="gift"), contact("s-2", Motivation__c="gift")])

    assert world.held("s-1")["LastName"] == "Lovelace"
    assert world.held("s-2")["LastName"] == "Shopper"


async def test_the_oldest_contact_with_the_address_is_taken_over(
    world: World, crm: Salesforce
) -> None:
    first = world.create(Email="s-1@example.com", LastName="Lovelace")
    world.create(Email="s-1@example.com", LastName="Lovelace")

    assert await crm.push([contact(Email="s-1@example.com")]) == [Taken(first)]
    assert len(world.records["Contact"]) == 2


async def test_the_contact_of_another_shopper_is_never_taken_over(
    world: World, crm: Salesforce
) -> None:
    other = world.create(Email="s-1@example.com", LastName="X", Shopper_Id__c="s-other")

    (result,) = await crm.push([contact(Email="s-1@example.com")])

    assert isinstance(result, Taken)
    assert result.remote_id != other
    assert world.records["Contact"][other]["Shopper_Id__c"] == "s-other"


async def test_a_locked_row_waits_and_a_wrong_value_is_refused(
    world: World, crm: Salesforce
) -> None:
    world.locked.add("s-1")

    results = await crm.push([contact("s-1"), contact("s-2", Motivation__c="fun")])

    assert isinstance(results[0], Later)
    code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert results[1] == Refused(f"{code} (Motivation__c)")


async def test_a_farewell_arrives_even_where_a_field_is_missing(
    world: World, crm: Salesforce
) -> None:
    world.create(Shopper_Id__c="s-1", LastName="Lovelace")

    with pytest.raises(BatchRefusedError, match=r"INVALID_FIELD \(Nowhere__c\)"):
        await crm.push([contact(wishes=(LEFT_ALONE,), Nowhere__c="x")])

    assert world.held("s-1")["HasOptedOutOfEmail"] is True


async def test_where_nobody_can_be_taken_over_nobody_is_doubled_and_the_farewell_arrives(
    world: World, crm: Salesforce
) -> None:
    world.create(Shopper_Id__c="s-1", LastName="Lovelace")
    world.create(Email="a@example.com", LastName="Lovelace")
    refusal = {"data": [{"errorCode": "MALFORMED_ID"}], "status": 400}
    world.ills.extend([0, 0, refusal])  # the token, who has the address, then our id for them
    leaving = contact("s-1", wishes=(LEFT_ALONE,))

    with pytest.raises(BatchRefusedError, match="MALFORMED_ID"):
        await crm.push([leaving, contact("s-2", Email="a@example.com")])

    assert world.held("s-1")["HasOptedOutOfEmail"]
    assert len(world.records["Contact"]) == 2


async def test_a_permission_never_lifts_an_opt_out(world: World, crm: Salesforce) -> None:
    world.create(Shopper_Id__c="s-1", LastName="Lovelace", HasOptedOutOfEmail=True)

    await crm.push([contact(news="given", Motivation__c="gift")])

    assert world.held("s-1")["HasOptedOutOfEmail"] is True


@pytest.mark.parametrize(("state", "status"), [("given", "OptIn"), ("withdrawn", "OptOut")])
async def test_what_was_decided_is_kept_as_a_consent_of_the_individual(
    world: World, crm: Salesforce, state: str, status: str
) -> None:
    for _ in range(2):
        await crm.push([contact(news=state)])

    (consent,) = world.records["ContactPointTypeConsent"].values()
    (use,) = world.records["DataUsePurpose"].values()
    individual = world.held("s-1", of="Individual")
    assert consent["PrivacyConsentStatus"] == status
    assert consent["PartyId"] == individual["Id"] == world.held("s-1")["IndividualId"]
    assert consent["DataUsePurposeId"] == use["Id"]
    assert "event-9" in consent["CaptureSource"]


async def test_a_purpose_that_salesforce_does_not_have_is_told(
    world: World, crm: Salesforce
) -> None:
    world.records["DataUsePurpose"].clear()

    with pytest.raises(DestinationRefusedError, match="DataUsePurpose 'Newsletter'"):
        await crm.push([contact(news="given")])


async def test_many_go_by_a_job_whose_failures_are_read(
    world: World, crm: Salesforce, many: list[Delivery]
) -> None:
    world.create(Shopper_Id__c="s-1", LastName="Lovelace", Motivation__c="self")
    many[1] = contact("s-1", Motivation__c=None)
    many[2] = contact("s-2", Motivation__c="fun")

    results = await crm.push(many)

    assert [type(one) for one in results[:4]] == [Taken, Taken, Refused, Taken]
    code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert results[2] == Refused(f"{code} (Motivation__c)")
    assert world.held("s-1")["Motivation__c"] is None
    assert world.held("s-1")["LastName"] == "Lovelace"
    assert len(world.jobs) == 1


@pytest.mark.parametrize(("people", "jobs"), [(2000, 0), (2001, 1)])
async def test_up_to_two_thousand_are_told_in_requests_and_more_by_a_job(
    world: World, crm: Salesforce, people: int, jobs: int
) -> None:
    world.job_time = 0

    results = await crm.push([contact(f"s-{number}", identities={}) for number in range(people)])

    assert {type(one) for one in results} == {Taken}
    assert len(world.jobs) == jobs


async def test_a_job_that_still_runs_is_not_given_twice(
    world: World, crm: Salesforce, many: list[Delivery]
) -> None:
    world.job_time = 3600
    assert {type(one) for one in await crm.push(many)} == {Later}
    for job in world.jobs.values():
        job.ready = 0

    assert {type(one) for one in await crm.push(many)} == {Taken}
    assert len(world.jobs) == 1


async def test_a_job_that_failed_is_told_again(
    world: World, crm: Salesforce, many: list[Delivery]
) -> None:
    world.job_time = 3600
    await crm.push(many)
    for job in world.jobs.values():
        job.state = "Failed"
    world.job_time = 0

    assert {type(one) for one in await crm.push(many)} == {Later}
    assert {type(one) for one in await crm.push(many)} == {Taken}


async def test_the_day_s_calls_that_are_used_up_are_a_pause(world: World, crm: Salesforce) -> None:
    world.most = 1

    with pytest.raises(QuotaExhaustedError) as caught:
        await crm.push([contact(Email="s-1@example.com")])

    assert caught.value.wait.total_seconds() == 900


async def test_what_salesforce_says_is_left_of_the_day_counts_before_what_we_counted(
    world: World, settings: Settings
) -> None:
    world.most = 60
    budget = settings.model_copy(update={"salesforce_calls_per_day": 600})
    async with open_connector(budget) as crm:
        await crm.push([contact()])
        await crm.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError, match="today"):  # of 600 the last tenth is left
            await crm.turn(urgent=False)


async def test_its_fields_are_told_and_made_by_hand(crm: Salesforce) -> None:
    fields = await crm.describe()

    assert fields["Motivation__c"].type == "choice"
    assert fields["Motivation__c"].options == ("gift", "self")
    assert fields["Shopper_Id__c"].unique
    with pytest.raises(DestinationRefusedError, match="Words__c"):
        await crm.create([FieldShape("Words__c", "text")])


async def test_an_org_without_our_external_id_refuses_us_and_nobody(
    world: World, crm: Salesforce
) -> None:
    del world.schema["Contact"]["Shopper_Id__c"]

    with pytest.raises(DestinationRefusedError, match="no external id Shopper_Id__c on Contact"):
        await crm.push([contact(Motivation__c="gift")])


async def test_what_changed_there_comes_in_order_and_not_twice(
    world: World, crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 40)
    for number in range(100):
        world.create(LastName="X", Email=f"{number}@example.com", HasOptedOutOfEmail=number == 7)

    seen, cursor, more = list[Remote](), "", True
    while more:
        page = await crm.changes(cursor, ["Motivation__c"])
        seen += page.records
        cursor, more = page.cursor, page.more
    world.create(LastName="Y", Email="later@example.com")
    later = await crm.changes(cursor, [])

    assert len(seen) == 100
    assert [one.identities["email"] for one in seen if one.opted_out] == ["7@example.com"]
    assert [one.identities["email"] for one in later.records] == ["later@example.com"]
