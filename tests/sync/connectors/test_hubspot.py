"""HubSpot's own ways, against a HubSpot that remembers."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from preferences.profile import SuppressionEntry
from preferences.settings import Settings
from sync.capabilities import FieldShape, Lookup, Remote
from sync.connectors.hubspot import HubSpot, open_connector
from sync.connectors.hubspot.account import SEARCHES
from sync.delivery import Later, Refused, Taken
from sync.errors import BatchRefusedError, DestinationRefusedError, QuotaExhaustedError
from sync.http import Unpaced
from sync.limits import Rate, open_limiter
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contacts import FOR_A_WHILE, NO_EMAIL, contact
from tests.sync.fakes import hubspot
from tests.sync.fakes.vendor import Window

NEWS = 4711


@pytest.fixture
async def world() -> AsyncIterator[hubspot.HubSpot]:
    world = hubspot.HubSpot()
    world.define("shopper_id", hasUniqueValue=True)
    world.define("motivation", "gift", "self", "run")
    async with world.listening():
        yield world


@pytest.fixture
def settings(world: hubspot.HubSpot) -> Settings:
    return Settings(
        _env_file=None,
        hubspot_token=SecretStr(world.secret),
        hubspot_url=world.url,
        hubspot_requests_per_10_seconds=100_000,
        hubspot_subscription=NEWS,
        marketing_purpose="send_news",
        webhook_allow=("127.0.0.0/8",),
    )


@pytest.fixture
async def crm(settings: Settings) -> AsyncIterator[HubSpot]:
    async with open_connector(settings) as connector:
        yield connector


async def test_both_forms_of_the_version_lead_to_the_same_contacts(
    world: hubspot.HubSpot, settings: Settings
) -> None:
    for version in ("2026-03", "v3"):
        later = settings.model_copy(update={"hubspot_api_version": version})
        async with open_connector(later) as crm:
            (taken,) = await crm.push([contact(motivation="gift")])
            assert taken == Taken("101")

    assert [one.path for one in world.seen] == [
        "/crm/objects/2026-03/contacts/batch/upsert",
        "/crm/v3/objects/contacts/batch/upsert",
    ]


async def test_one_bad_contact_of_a_batch_is_refused_alone(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    results = await crm.push([contact("s-1", motivation="gift"), contact("s-2", motivation="fun")])

    assert results == [Taken("101"), Refused("VALIDATION_ERROR: INVALID_OPTION (motivation)")]
    assert world.held("s-1")
    assert not world.held("s-2")


async def test_where_one_spoils_all_the_engine_is_told_to_look_for_it(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.multi_status = False

    with pytest.raises(BatchRefusedError, match=r"INVALID_OPTION \(motivation\)"):
        await crm.push([contact("s-1", motivation="gift"), contact("s-2", motivation="fun")])

    assert world.contacts == {}


async def test_a_contact_with_the_same_address_is_taken_over_and_not_doubled(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    number = world.create(email="S-1@example.com", firstname="Ada")

    results = await crm.push([contact("s-1", email="s-1@example.com", motivation="gift")])

    assert results == [Taken(number)]
    held = world.held("s-1")
    assert held is not None
    assert (held["firstname"], held["motivation"]) == ("Ada", "gift")
    assert len(world.contacts) == 1


async def test_a_contact_that_spoils_its_batch_is_taken_over_too(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.multi_status = False
    number = world.create(email="s-1@example.com", firstname="Ada")
    batch = [contact("s-0"), contact("s-1", email="s-1@example.com"), contact("s-2")]

    results = await crm.push(batch)

    assert [type(one) for one in results] == [Taken] * 3
    assert results[1] == Taken(number)
    assert len(world.contacts) == 3


async def test_a_conflict_that_is_about_no_address_is_left_to_the_engine(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.multi_status = False
    world.define("card", hasUniqueValue=True)
    world.create(card="17")

    with pytest.raises(BatchRefusedError, match="CONFLICT"):
        await crm.push([contact("s-1", card="17")])


async def test_a_farewell_does_not_wait_for_our_property(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    del world.properties["shopper_id"]

    with pytest.raises(DestinationRefusedError, match="preflight hubspot --create"):
        await crm.push([contact(wishes=(LEFT_ALONE,))])

    assert world.opted_out == {"s-1@example.com"}


async def test_a_contact_of_another_shopper_is_never_taken_over(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.create(email="s-1@example.com", shopper_id="s-other")

    (result,) = await crm.push([contact("s-1", email="s-1@example.com")])

    assert isinstance(result, Later)
    assert "another shopper" in result.reason
    assert world.held("s-1") is None


async def test_values_arrive_as_hubspot_writes_them(world: hubspot.HubSpot, crm: HubSpot) -> None:
    for name in ("yes", "number", "several", "words"):
        world.define(name)

    await crm.push(
        [contact(yes=True, number=3, several=["a", "b"], words="Zoë 🎁", motivation=None)]
    )

    held = world.held("s-1")
    assert held is not None
    assert (held["yes"], held["number"], held["several"]) == ("true", "3", "a;b")
    assert held["words"] == "Zoë 🎁"
    assert "motivation" not in held


@pytest.mark.parametrize("wish", [LEFT_ALONE, NO_EMAIL])
async def test_who_wants_no_mail_leaves_all_of_it_even_if_the_fields_are_refused(
    world: hubspot.HubSpot, crm: HubSpot, wish: SuppressionEntry
) -> None:
    (result,) = await crm.push([contact(wishes=(wish,), motivation="fun")])

    assert isinstance(result, Refused)
    assert world.opted_out == {"s-1@example.com"}


async def test_the_address_that_hubspot_has_leaves_too(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.create(email="old@example.com", shopper_id="s-1")

    await crm.push([contact(wishes=(LEFT_ALONE,), identities={})])

    assert world.opted_out == {"old@example.com"}


async def test_a_pause_is_no_farewell(world: hubspot.HubSpot, crm: HubSpot) -> None:
    await crm.push([contact(wishes=(FOR_A_WHILE,))])

    assert world.opted_out == set()


async def test_a_permission_subscribes_with_its_proof_and_its_end_unsubscribes(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    await crm.push([contact(news="given")])
    subscribed = world.statuses["s-1@example.com", NEWS]
    await crm.push([contact(news="withdrawn")])

    assert subscribed["status"] == "SUBSCRIBED"
    assert subscribed["legalBasis"] == "CONSENT_WITH_NOTICE"
    assert "event-9" in subscribed["legalBasisExplanation"]
    assert world.statuses["s-1@example.com", NEWS]["status"] == "UNSUBSCRIBED"
    assert world.opted_out == set()


@pytest.mark.parametrize("left", ["all", "one"])
async def test_who_left_in_hubspot_is_never_subscribed_again_from_here(
    world: hubspot.HubSpot, crm: HubSpot, left: str
) -> None:
    if left == "all":
        world.leave("s-1@example.com")
    else:
        world.statuses["s-1@example.com", NEWS] = {"status": "UNSUBSCRIBED", "subscriptionId": NEWS}

    assert await crm.push([contact(news="given")]) == [Taken("101")]

    assert not [one for one in world.statuses.values() if one["status"] == "SUBSCRIBED"]
    assert world.asked("/write") == []


async def test_without_a_purpose_nobody_is_subscribed(
    world: hubspot.HubSpot, settings: Settings
) -> None:
    async with open_connector(settings.model_copy(update={"marketing_purpose": ""})) as crm:
        await crm.push([contact(news="given")])

    assert world.statuses == {}


async def test_a_wish_that_did_not_arrive_is_told_again(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.ills.extend(
        [0, {"data": {"category": "VALIDATION_ERROR", "message": "no"}, "status": 400}]
    )

    (result,) = await crm.push([contact(wishes=(LEFT_ALONE,))])

    assert isinstance(result, Later)


class Heard(Unpaced):
    """Remembers what HubSpot told of its limit."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def allowed(self, calls: int) -> None:
        self.told.append(calls)


async def test_the_limit_is_the_one_that_hubspot_tells_of_the_same_window(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    heard = Heard()
    client = replace(crm.account.client, limiter=heard)
    crm = replace(crm, account=replace(crm.account, client=client))
    for window in (Window(190, 10), Window(4, 1), Window(250, 10)):
        world.windows = [window]
        await crm.push([contact(motivation="gift")])

    assert heard.told == [190, 250]


@pytest.mark.parametrize(("asked", "calls"), [(0, 100), (150, 150)])
async def test_a_limit_of_the_shops_own_counts_before_that_of_hubspot(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, asked: int, calls: int
) -> None:
    rates = list[Rate]()

    def noted(url: str, name: str, rate: Rate) -> Any:
        rates.append(rate)
        return open_limiter(url, name, rate)

    monkeypatch.setattr("sync.connectors.hubspot.open_limiter", noted)
    own = settings.model_copy(update={"hubspot_requests_per_10_seconds": asked})
    async with open_connector(own):
        pass

    account, searches = rates
    assert (account.calls, account.seconds, account.listens) == (calls, 10, not asked)
    assert searches == SEARCHES


async def test_the_rolling_limit_pauses_for_its_interval(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.windows[0].most = 1
    await crm.push([contact()])

    with pytest.raises(QuotaExhaustedError) as caught:
        await crm.push([contact()])

    assert caught.value.wait.total_seconds() == 10
    assert "TEN_SECONDLY_ROLLING" in str(caught.value)


async def test_what_hubspot_says_is_left_of_the_day_counts_before_what_we_counted(
    world: hubspot.HubSpot, settings: Settings
) -> None:
    world.daily = 60
    async with open_connector(settings.model_copy(update={"hubspot_requests_per_day": 600})) as crm:
        await crm.push([contact()])
        await crm.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError, match="today"):  # of 600 the last tenth is left
            await crm.turn(urgent=False)


async def test_what_is_missing_is_created_as_the_mapping_wants_it(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    del world.properties["shopper_id"]
    shapes = [
        FieldShape("shopper_id", "text", unique=True),
        FieldShape("motivation", "choice", options=("gift", "self", "treat")),
        FieldShape("no_email", "boolean", "Wants no mail"),
        FieldShape("answered_at", "time"),
        FieldShape("channels", "choices", options=("email", "sms")),
    ]

    await crm.create(shapes)
    there = await crm.describe()

    assert there["shopper_id"].unique
    assert there["motivation"].options == ("gift", "self", "run", "treat")
    for shape in shapes[2:]:
        assert (there[shape.name].type, there[shape.name].options) == (shape.type, shape.options)
    await crm.push([contact(motivation="treat", no_email=True, channels=["email", "sms"])])
    assert world.held("s-1")


async def test_who_may_not_create_is_told_which_scope_is_missing(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.ills.append({"data": {"category": "MISSING_SCOPES"}, "status": 403})

    with pytest.raises(DestinationRefusedError, match="scopes"):
        await crm.create([])


async def test_contacts_are_read_back_by_our_id(crm: HubSpot) -> None:
    await crm.push([contact("s-1", email="s-1@example.com", motivation="gift"), contact("s-2")])

    held = await crm.read([Lookup("s-1"), Lookup("s-2"), Lookup("s-3")], ["motivation", "email"])

    assert {shopper: one.fields for shopper, one in held.items()} == {
        "s-1": {"motivation": "gift", "email": "s-1@example.com"},
        "s-2": {"motivation": None, "email": None},
    }


async def test_who_is_erased_leaves_every_mailing_and_is_deleted(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    await crm.push([contact(email="s-1@example.com")])
    gone = [contact(erased=True, identities={}), contact("s-2", erased=True, identities={})]

    assert await crm.erase(gone) == [Taken(), Taken()]
    assert await crm.erase(gone) == [Taken(), Taken()]

    assert world.contacts == {}
    assert world.deleted == ["101"]
    assert world.opted_out == {"s-1@example.com"}


async def test_nobody_is_deleted_before_their_farewell_has_arrived(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    await crm.push([contact(email="s-1@example.com")])
    refusal = {"data": {"category": "VALIDATION_ERROR"}, "status": 400}
    world.ills.extend([0, refusal])  # who it is, then the farewell
    gone = [contact(erased=True, identities={})]

    assert [type(one) for one in await crm.erase(gone)] == [Later]
    assert world.deleted == []
    assert await crm.erase(gone) == [Taken()]
    assert world.opted_out == {"s-1@example.com"}


async def test_what_changed_there_comes_page_by_page_and_once_more_only_at_the_edge(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    for number in range(1250):
        world.create(email=f"{number}@example.com", motivation="gift")
    world.leave("7@example.com")

    seen, cursor = await _all(crm, "")
    world.leave("9@example.com")
    later, _ = await _all(crm, cursor)

    assert len({one.remote_id for one in seen}) == 1250
    assert world.refused == 0  # five searches in a second, whatever else is allowed
    assert [one.identities["email"] for one in seen if one.opted_out] == ["7@example.com"]
    assert "9@example.com" in [one.identities["email"] for one in later if one.opted_out]


async def test_what_we_write_ourselves_is_not_read_back(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    for number in range(150):
        world.create(email=f"{number}@example.com", motivation="gift")
    world.leave("7@example.com")

    seen, _ = await _all(crm, "", fields=())

    assert [one.identities["email"] for one in seen] == ["7@example.com"]
    assert len(world.asked("/search")) == 1


async def test_of_many_fields_that_are_pulled_everything_that_changed_is_read(
    world: hubspot.HubSpot, crm: HubSpot
) -> None:
    world.create(email="a@example.com", motivation="gift")

    seen, _ = await _all(crm, "", fields=("one", "two", "three", "four", "motivation"))

    assert [one.fields["motivation"] for one in seen] == ["gift"]


async def _all(
    crm: HubSpot, cursor: str, fields: Sequence[str] = ("motivation",)
) -> tuple[list[Remote], str]:
    seen, more = list[Remote](), True
    while more:
        page = await crm.changes(cursor, fields)
        seen += page.records
        cursor, more = page.cursor, page.more
    return seen, cursor
