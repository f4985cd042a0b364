import pytest

from preferences.errors import NotFoundError
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.provenance import provenance
from preferences.store.tables import AnswerRow, AskRow, ConsentEventRow
from preferences.understanding import Guess, Heard
from tests.preferences.scenes import CATALOGUE, MINUTE, NOW, PURPOSE, VOICE
from tests.preferences.store.shop import Shop


async def test_one_call_tells_who_said_what_when_in_which_words_by_which_act(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question()
    shop.waits(MINUTE)
    words = await shop.gets(talk, "text", "for my sister", message_id="the-answer")
    guess = Guess("answer", 0.9, "gift_or_self", "gift")
    await shop.answers(words, Heard(words.text, (guess,), {"relation": "sister"}))
    (answer,) = await shop.rows(AnswerRow)

    proof = await provenance(shop.store, talk.shopper, answer.id)

    asked = next(row for row in await shop.rows(AskRow) if row.id == ask)
    assert (proof.answer, proof.shopper, proof.said_by) == (answer.id, talk.shopper, talk.shopper)
    assert (proof.assurance, proof.kind, proof.source) == ("verified", "declared", "shopper")
    assert (proof.question, proof.version, proof.value) == ("gift_or_self", 1, "gift")
    assert (proof.wording, proof.options) == (asked.wording, asked.options)
    assert [option["label"] for option in proof.options][-2:] == [
        "Rather not say",
        "Don't ask again",
    ]
    assert (proof.channel, proof.locale, proof.conversation) == ("web", "en", talk.id)
    assert (proof.message_id, proof.own_words) == ("the-answer", "for my sister")
    assert (proof.detail, proof.confidence > 0.8) == ({"relation": "sister"}, True)
    assert (proof.asked_at, proof.answered_at) == (NOW, NOW + MINUTE)


async def test_its_permission_is_told_with_the_text_that_was_shown_and_its_place_in_the_ledger(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    (answer,) = await shop.rows(AnswerRow)

    basis = (await provenance(shop.store, talk.shopper, answer.id)).basis

    (event,) = [row for row in await shop.rows(ConsentEventRow) if row.state == "given"]
    assert basis is not None
    assert (basis.event, basis.shopper, basis.purpose) == (event.id, talk.shopper, PURPOSE)
    assert (basis.state, basis.method, basis.actor) == ("given", "button", "shopper")
    assert basis.notice == VOICE.fill(CATALOGUE.purposes[PURPOSE].wording["en"])
    assert (basis.notice_version, basis.notice_sha256) == (1, event.notice_sha256)
    assert (basis.seq, basis.hash, basis.prev_hash) == (2, event.hash, event.prev_hash)
    assert (basis.shown_at, basis.occurred_at) == (NOW, NOW)
    assert basis.valid_until == event.valid_until
    assert basis.recipients == ("log",)


async def test_what_the_shop_told_names_its_source_and_nobody_who_talked(shop: Shop) -> None:
    talk = await shop.meets("4711")
    fact = Fact("imported", "gift_or_self", "gift", "crm", NOW)
    telling = Telling(talk.shopper, [fact], "told-once")
    (name,) = await add_facts(shop.store, telling, CATALOGUE, [], NOW)

    proof = await provenance(shop.store, talk.shopper, name)

    assert (proof.kind, proof.source, proof.shopper) == ("imported", "crm", talk.shopper)
    assert (proof.assurance, proof.conversation, proof.own_words) == (None, None, None)
    assert (proof.basis, proof.asked_at) == (None, None)


async def test_what_is_not_there_and_what_is_of_somebody_else_proves_nothing(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    (answer,) = await shop.rows(AnswerRow)
    other = await shop.meets("4712")

    for shopper, name in ((talk.shopper, "nothing"), (other.shopper, answer.id)):
        with pytest.raises(NotFoundError, match="no answer of that id"):
            await provenance(shop.store, shopper, name)
    with pytest.raises(NotFoundError):
        await provenance(shop.store, "nobody", answer.id)
