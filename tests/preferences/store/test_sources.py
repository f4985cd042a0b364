"""Nothing feeds the rules that shoppers are not told of, with what it is for."""

from preferences.catalogue import GOOD_MOMENT
from preferences.store.invitations import read_invitable
from preferences.store.ledger import Act, append_consent
from preferences.store.sources import SOURCES
from preferences.store.surroundings import keep_surroundings
from preferences.texts import LOCALES
from tests.preferences.scenes import INVITING, POLICY, VOICE
from tests.preferences.store.plans import BIG, listening
from tests.preferences.store.shop import Shop

_OF_THE_TURN = frozenset({"message", "outbox"})
"""What a turn reads to be taken once, and to tell CRMs: nothing is decided by it."""


async def permits(shop: Shop, shopper: str, purpose: str) -> None:
    act = Act(
        purpose=purpose,
        state="given",
        method="button",
        actor="shopper",
        assurance="verified",
        locale="en",
        channel="web",
        idempotency_key=f"yes/{purpose}",
        occurred_at=shop.now,
    )
    async with shop.store.begin() as session:
        await append_consent(session, shopper, act)


async def test_a_decision_reads_only_what_the_page_tells_of(shop: Shop) -> None:
    with listening(shop.store) as asked:
        talk, _ = await shop.asks_the_question("4711")
        await shop.hears(talk, "a gift")
        await permits(shop, talk.shopper, GOOD_MOMENT)
        await keep_surroundings(shop.store, talk.id, place="", weather="rain", now=shop.now)
        await shop.sells("4711", "order-9", "hat")
        await shop.sees(talk, "opened")
        await read_invitable(shop.store, talk.shopper, INVITING, POLICY, shop.now)

    read = [one for one in asked.statements if one.lstrip().startswith(("SELECT", "WITH"))]
    words = {word.strip('"(),') for one in read for word in one.split()}
    told = {table.__tablename__ for tables in SOURCES.values() for table in tables}
    assert {"answer", "purchase", "ask", "suppression", "surroundings"} <= words
    assert (words & BIG) - _OF_THE_TURN <= told


def test_every_source_has_its_sentence_in_every_language() -> None:
    for name in SOURCES:
        for locale in LOCALES:
            assert VOICE.say(f"page_looks_{name}", locale)
