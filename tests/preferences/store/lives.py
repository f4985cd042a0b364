"""A person of whom every table holds something, in words that occur nowhere else."""

from dataclasses import dataclass

from sqlmodel import select

from preferences.store.changes import note
from preferences.store.conversations import Conversation
from preferences.store.engine import Store
from preferences.store.holdings import HELD, Person, read_person, rows_of
from preferences.store.links import link
from preferences.store.purchases import keep_aside
from preferences.store.sealed import PREFIX, put_sealed
from preferences.store.shoppers import add_name
from preferences.store.tables import (
    CandidateRow,
    DispatchRow,
    IdempotencyRow,
    PrivacyRequestRow,
    PromiseRow,
    PurchaseNoteRow,
    ReferralCodeRow,
    ReferralRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
)
from tests.preferences.scenes import DAY
from tests.preferences.store.shop import Shop

CUSTOMER, EMAIL, PHONE = "kanari-4711", "kanari@vogel.example", "+4930123456"
WORDS, PRODUCT = "for my kanarienvogel", "Kanarigelbes Kleid"
CANARIES = (CUSTOMER, EMAIL, PHONE, "kanari", PRODUCT, "Kanari")


@dataclass(frozen=True)
class Life:
    """Whose it is; `shoppers` are the head and who was linked to it, `talk` where they talk."""

    talk: Conversation
    shoppers: tuple[str, str]

    @property
    def head(self) -> str:
        return self.shoppers[0]


async def a_whole_life(shop: Shop) -> Life:
    """Live it; the last that is said asks whether all of it shall be deleted."""
    talk, _ = await shop.asks_the_question(CUSTOMER)
    await shop.hears(talk, f"a gift {WORDS}", "answer", "gift")
    await shop.sells_as(CUSTOMER, "kanari-order", "kanari-sku", PRODUCT)
    phone = await shop.meets(CUSTOMER, "whatsapp")
    await shop.hears(phone, "hello, kanari here", "greet")
    stranger = await shop.meets()
    await shop.hears(stranger, "hello, kanari here too", "greet")
    names = {"assurance": "claimed", "proof": "order", "now": shop.now}
    async with shop.store.begin() as session:
        await add_name(session, talk.shopper, "email", EMAIL, **names)
        await add_name(session, talk.shopper, "phone", PHONE, **names)
    head = await link(
        shop.store,
        talk.shopper,
        stranger.shopper,
        proof="code",
        actor="kanari",
        destinations=shop.destinations,
        now=shop.now,
    )
    body = f'{{"customer": {{"id": "{CUSTOMER}", "email": "{EMAIL}"}}'  # cut off
    await keep_aside(
        shop.store,
        source="shopify",
        topic="orders/create",
        delivery="kanari-delivery",
        body=body,
        problem="body: is not JSON",
        now=shop.now,
    )
    await _add_traffic(shop, head, talk)
    await shop.hears(talk, "stop")
    await shop.hears(talk, "start")
    await shop.hears(talk, "forget me, says kanari", "erase_data")
    return Life(talk, (head, stranger.shopper))


async def _add_traffic(shop: Shop, head: str, talk: Conversation) -> None:
    """Add what others than turns write."""
    about = {"purchase": "kanari-order", "sku": "kanari-sku", "product": PRODUCT}
    endpoint = WebhookEndpointRow(
        id="endpoint", url="https://crm.example", types=[], sealed_secret="", position=0,
        created_at=shop.now,
    )  # fmt: skip
    put_sealed(shop.store.vault, endpoint, "secret", "whsec_x")
    request = IdempotencyRow(
        key_id="key", key="k-1", request_sha256="0", status=200, sealed_body="",
        shopper_id=head, at=shop.now,
    )  # fmt: skip
    put_sealed(shop.store.vault, request, "body", f'{{"email": "{EMAIL}"}}')
    async with shop.store.begin() as session:
        note(session, head, "preference.answered", {"question": "kanari"}, shop.now)
        session.add_all([TrackerRow(sender_id=talk.id, events="[kanari]", updated_at=shop.now)])
        session.add_all([endpoint, request])
        dispatch = DispatchRow(
            id="dispatch", conversation_id=talk.id, reply_to=1, channel="whatsapp",
            next_attempt_at=shop.now, created_at=shop.now,
        )  # fmt: skip
        put_sealed(shop.store.vault, dispatch, "to", f'{{"phone": "{PHONE}"}}')
        session.add(dispatch)
        session.add(
            PurchaseNoteRow(
                source="shopify", external_id="kanari-order", id="refund/kanari", kind="refund",
                at=shop.now, received_at=shop.now,
            )
        )  # fmt: skip
        session.add(
            PrivacyRequestRow(
                id="privacy", source="shopify", delivery_id="kanari-request", kind="data",
                shopper_id=head, received_at=shop.now,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            WebhookDeliveryRow(
                id="delivery", endpoint_id="endpoint", change_id="c", shopper_id=head,
                type="preference.answered", position=1, state="done", next_attempt_at=shop.now,
                last_error="kanari", created_at=shop.now,
            )
        )  # fmt: skip
        session.add(
            CandidateRow(
                id="candidate", shopper_id=head, question_id="gift_or_self", about=about,
                reason="misfit", created_at=shop.now, expires_at=shop.now + DAY,
            )
        )  # fmt: skip
        session.add(
            ReferralCodeRow(
                code="kanari-code", shopper_id=head, made_at=shop.now, replaces_until=shop.now
            )
        )
        session.add(ReferralRow(shopper_id=head, code="other-code", at=shop.now))
        session.add(
            SurroundingsRow(
                conversation_id=talk.id, shopper_id=head, place="kanari", weather="kanari",
                at=shop.now,
            )
        )  # fmt: skip
        session.add(
            PromiseRow(
                id="promise", shopper_id=head, give_id="kanari", kind="points", value="kanari",
                ask_id="ask", promised_at=shop.now, due_at=shop.now + DAY,
            )
        )  # fmt: skip


async def person(store: Store, shopper: str) -> Person:
    async with store.begin(readonly=True) as session:
        return await read_person(session, store.vault, shopper)


async def held(store: Store, whose: Person) -> dict[str, int]:
    """How many rows of a person each table holds."""
    async with store.begin(readonly=True) as session:
        return {
            table.__tablename__: len(
                (await session.exec(select(table).where(rows_of(whose, table)))).all()
            )
            for table in HELD
        }


async def sealed(store: Store, whose: Person) -> list[str]:
    """Everything of a person that is sealed, as it stands in the files."""
    found = []
    async with store.begin(readonly=True) as session:
        for table in HELD:
            for row in (await session.exec(select(table).where(rows_of(whose, table)))).all():
                values = row.model_dump().items()
                found += [one for name, one in values if name.startswith(PREFIX) and one]
    return found
