"""The consent ledger under any history: proved, never rewritten, and obeyed by whatever is told.

After every step the real store is compared with plain lists. What has to hold: every answer names a
permission in force at its time; the current view is the fold of the ledger; rows never change and
vanish by erasure alone; a repeated act is one act; who was erased stays away; and nothing under a
purpose that was taken back is in the profile or in what a CRM is told.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
    run_state_machine_as_test,
)

from preferences.conversation import Answered, Closed, ConsentAct, Put
from preferences.purchases import Line, Purchase
from preferences.store.erasure import erase_shopper
from preferences.store.expiry import expire_consents
from preferences.store.facts import ErasedError, Fact, Telling, add_facts
from preferences.store.links import link, unlink
from preferences.store.objections import object_by_browser
from preferences.store.purchases import keep_purchase
from preferences.store.tables import (
    AnswerRow,
    PurchaseRow,
)
from preferences.store.wishes import OvertakenError, Reported, Shown
from tests.preferences.scenes import MINUTE, POLICY
from tests.preferences.store.machines import naive
from tests.preferences.store.machines.playing_shop import (
    CATALOGUE,
    QUESTIONS,
    SHOPPERS,
    TOLD,
    an_ask,
)
from tests.preferences.store.machines.truths import Truths
from tests.preferences.store.machines.world import World, playing

someone = st.integers(0, SHOPPERS - 1)
purposes = st.sampled_from(sorted(QUESTIONS))
waits = st.sampled_from([0, 1, 60, 24 * 60, 100 * 24 * 60, 366 * 24 * 60, 731 * 24 * 60])


class LedgerMachine(Truths):
    """What shoppers do in a chat, and what the shop does, in any order."""

    @rule(who=someone, purpose=purposes, wait=waits,
          state=st.sampled_from(["requested", "given", "given", "refused", "withdrawn"]))  # fmt: skip
    def decides(self, who: int, purpose: str, state: str, wait: int) -> None:
        self._waits(wait + 1)
        shopper = self.shoppers[who]
        if not self.model.is_erased(shopper):
            message, ask = uuid4().hex, an_ask("consent", purpose, self.now)
            told = ConsentAct(purpose, state, "button", ask)
            self.run(self._writes(shopper, message, [Put(ask) if state == "requested" else told]))
            again = Put(replace(ask, id=uuid4().hex)) if state == "requested" else told
            self.run(self._writes(shopper, message, [again]))  # taken once more
            self._did(shopper, purpose, state, message)

    @rule(
        one=someone,
        other=someone,
        purpose=purposes,
        state=st.sampled_from(["refused", "withdrawn"]),
    )
    def decide_at_one_moment(self, one: int, other: int, purpose: str, state: str) -> None:
        """Two devices of one person, say: what forbids wins."""
        self._waits(1)
        for who, what in ((one, state), (other, "given")):
            shopper = self.shoppers[who]
            if one != other and not self.model.is_erased(shopper):
                message = uuid4().hex
                ask = an_ask("consent", purpose, self.now)
                self.run(self._writes(shopper, message, [ConsentAct(purpose, what, "typed", ask)]))
                self._did(shopper, purpose, what, message)

    @rule(who=someone, purpose=purposes, wait=waits)
    def answers(self, who: int, purpose: str, wait: int) -> None:
        self._waits(wait)
        shopper = self.shoppers[who]
        if self.model.is_erased(shopper):
            return
        ask = an_ask("question", purpose, self.now)
        value = CATALOGUE.questions[ask.question].options[0].value
        allowed = self.run(self._writes(shopper, uuid4().hex, [Put(ask)], purpose))
        assert allowed == (self.model.state(shopper, purpose, self.now) == "given")
        if allowed:
            answered = Answered(ask, value, {}, "in my own words", 0.9)
            self.run(self._writes(shopper, uuid4().hex, [Closed("answered"), answered]))
            (row,) = self.run(self.world.rows(AnswerRow, AnswerRow.ask_id, [ask.id]))
            days = CATALOGUE.questions[ask.question].half_life_days
            self.model.facts[row.id] = naive.Fact(
                shopper, purpose, self.now, self.now + timedelta(days=days), row.consent_id
            )

    @rule(who=someone)
    def comes_with_a_browser_that_objects(self, who: int) -> None:
        self._waits(1)
        shopper, talk = self.shoppers[who], self.talks[self.shoppers[who]]
        self.run(object_by_browser(self.store, talk, CATALOGUE, TOLD, self.now))
        if not self.model.is_erased(shopper):
            for purpose in CATALOGUE.purposes:
                stands = self.model.state(shopper, purpose, self.now) in {"given", "objected"}
                known = any(act.key == f"{talk}/gpc/{purpose}" for act in self.model.acts.values())
                if not stands and not known:
                    self._did(shopper, purpose, "objected", f"{talk}/gpc/{purpose}", whole_key=True)

    @rule(who=someone, purpose=purposes, ago=waits,
          state=st.sampled_from(["given", "refused", "withdrawn", "objected"]))  # fmt: skip
    def is_reported(self, who: int, purpose: str, state: str, ago: int) -> None:
        self._waits(1)
        shown = Shown(self.notice, self.now - ago * MINUTE) if state == "given" else None
        told = Reported(purpose, state, "ok", "en", "phone", "key:1", uuid4().hex, shown)
        self._reports(self.shoppers[who], told)

    @rule(which=st.integers(0, 10**6))
    def is_reported_again(self, which: int) -> None:
        if not self.reports:
            return
        shopper, told, event = self.reports[which % len(self.reports)]
        head = self.model.heads()[shopper]
        if event in self.model.acts and self.model.acts[event].shopper == head:
            try:
                assert self._report(shopper, told) == event
            except OvertakenError:
                assert told.state == "given"

    @rule(who=someone, purpose=purposes, ago=waits)
    def brings_a_fact_along(self, who: int, purpose: str, ago: int) -> None:
        shopper, effect = self.shoppers[who], uuid4().hex
        question = CATALOGUE.questions[QUESTIONS[purpose]]
        at, value = self.now - ago * MINUTE, question.options[-1].value
        fact = Fact("imported", question.id, value, f"crm-{effect}", at)
        told = Telling(shopper, [fact], effect)
        try:
            (name,) = self.run(add_facts(self.store, told, CATALOGUE, TOLD, self.now))
            assert self.run(add_facts(self.store, told, CATALOGUE, TOLD, self.now)) == [name]
        except ErasedError:
            assert self.model.is_erased(shopper)
            return
        head, days = self.model.heads()[shopper], timedelta(days=question.half_life_days)
        self.model.facts[name] = naive.Fact(head, purpose, at, at + days)

    @rule(one=someone, other=someone)
    def finds_two_to_be_one(self, one: int, other: int) -> None:
        first, second = self.shoppers[one], self.shoppers[other]
        if self.model.is_erased(first) or self.model.is_erased(second):
            return
        apart = self.model.heads()[first] != self.model.heads()[second]
        more = {"proof": "code", "actor": "shop", "destinations": TOLD, "now": self.now}
        head = self.run(link(self.store, first, second, **more))
        if apart:
            self.model.pairs.append((first, second))
        assert head == self.model.heads()[first]

    @rule(which=st.integers(0, 10**6), turned=st.booleans())
    def parts_them_again(self, which: int, turned: bool) -> None:  # noqa: FBT001
        linked = [pair for pair in self.model.pairs if not {*pair} & self.model.erased]
        if linked:
            pair = linked[which % len(linked)]
            self.model.pairs.remove(pair)
            one, other = reversed(pair) if turned else pair
            more = {"actor": "shop", "destinations": TOLD, "now": self.now}
            self.run(unlink(self.store, one, other, **more))

    @rule(wait=waits)
    def sweeps(self, wait: int) -> None:
        self._waits(wait + 1)
        self.run(expire_consents(self.store, TOLD, self.now))
        for shopper in self.shoppers:
            for purpose in QUESTIONS:
                story = self.model.story({shopper}, purpose)
                last = story[-1][1] if story else None
                if last and last.state == "given" and last.until and last.until <= self.now:
                    key = f"expiry/{story[-1][0]}"
                    self._did(shopper, purpose, "expired", key, whole_key=True)

    @rule(who=someone)
    def erases(self, who: int) -> None:
        shopper = self.shoppers[who]
        members = self.model.person(shopper)
        self.run(erase_shopper(self.store, shopper, TOLD, self.now))
        self.model.forget(members)
        self.kept = {
            (table, name): row
            for (table, name), row in self.kept.items()
            if row["shopper_id"] not in members and (table != "answer" or name in self.model.facts)
        }

    @rule(who=someone)
    def reports_an_order_late(self, who: int) -> None:
        shopper = self.shoppers[who]
        line = Line("sku", "Dress", 1)
        order = Purchase("shopify", uuid4().hex, self.customers[shopper], self.now, (line,))
        self.run(keep_purchase(self.store, order, POLICY, self.now))
        if self.model.is_erased(shopper):
            members = self.model.person(shopper)
            assert not self.run(self.world.rows(PurchaseRow, PurchaseRow.shopper_id, members))


def test_whatever_is_done_the_ledger_proves_it(world: World) -> None:
    run_state_machine_as_test(lambda: LedgerMachine(world), settings=playing(6, 20))
