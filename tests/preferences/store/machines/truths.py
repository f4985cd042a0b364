"""What has to hold of the ledgers after whatever was done."""

import json

from hypothesis.stateful import (
    invariant,
)

from preferences.profile import Profile, as_json
from preferences.store.everyone import every_profile
from preferences.store.ledger import verify_chain
from preferences.store.profiles import read_profiles
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    ConsentRow,
    LinkRow,
    ShopperRow,
)
from preferences.store.verifying import verify
from sync.delivery import Delivery
from tests.preferences.store.machines.playing_shop import CATALOGUE, PlayingShop

MOST_EXPORTS = 20  # the store grows from example to example


class Truths(PlayingShop):
    """Compares the store with what is remembered, after every step."""

    @invariant()
    def the_ledger_is_what_was_done(self) -> None:
        events = self._rows(ConsentEventRow)
        assert {event.id for event in events} == self.model.acts.keys()
        for event in events:
            act = self.model.acts[event.id]
            assert (event.shopper_id, event.purpose, event.state, event.occurred_at) == (
                act.shopper, act.purpose, act.state, act.at,
            )  # fmt: skip
            assert event.valid_until == act.until
        for owner in self._rows(ShopperRow, ShopperRow.id):
            assert verify_chain([e for e in events if e.shopper_id == owner.id], owner) == []
        folded = {
            (event.shopper_id, event.purpose): (event.id, event.state, event.valid_until)
            for event in sorted(events, key=lambda event: event.seq)
            if event.state != "requested"
        }
        views = self._rows(ConsentRow)
        assert folded == {
            (v.shopper_id, v.purpose): (v.event_id, v.state, v.valid_until) for v in views
        }

    @invariant()
    def nothing_was_changed_or_lost(self) -> None:
        found = {
            (table.__tablename__, row.id): row.model_dump()
            for table in (ConsentEventRow, AnswerRow, LinkRow)
            for row in self._rows(table)
        }
        assert self.kept == {name: row for name, row in found.items() if name in self.kept}
        self.kept = found

    @invariant()
    def every_answer_has_its_basis(self) -> None:
        answers = self._rows(AnswerRow)
        assert {row.id for row in answers} == self.model.facts.keys()
        for row in answers:
            if row.kind == "declared":
                act = self.model.acts[str(row.consent_id)]
                assert (act.state, act.purpose) == ("given", row.purpose)
                assert act.at <= row.answered_at
                assert act.until is None or row.answered_at < act.until
            else:
                assert row.source

    @invariant()
    def what_is_told_is_what_may_be_used(self) -> None:
        heads = self.model.heads()
        profiles = self.run(read_profiles(self.store, self.shoppers))
        for shopper, profile in profiles.items():
            if heads[shopper] == shopper:
                self._compare(shopper, profile)
            else:
                assert (profile.linked_to, profile.answers) == (heads[shopper], ())
            self._tells_no_more(shopper, profile)

    def _compare(self, head: str, profile: Profile) -> None:
        members = self.model.person(head)
        assert profile.erased == self.model.is_erased(head)
        if profile.erased:
            return
        usable = self.model.usable(members, self.now)
        shown = {a.id: a for a in (*profile.answers, *profile.expired)}
        shown |= {conflict.answer.id: conflict.answer for conflict in profile.conflicts}
        assert shown.keys() <= usable
        said = {name for name in usable if self.model.facts[name].declared}
        fresh = {name for name in said if self.now < self.model.facts[name].fresh_until}
        assert {a.id for a in profile.answers if a.is_declared} == fresh
        assert {a.id for a in profile.expired if a.is_declared} == said - fresh
        assert bool(usable - said) == any(not a.is_declared for a in shown.values())
        states = {p: self.model.state(head, p, self.now) for p in CATALOGUE.purposes}
        assert {p: e.state for p, e in profile.consents.items()} == {
            purpose: state for purpose, state in states.items() if state
        }

    def _tells_no_more(self, shopper: str, profile: Profile) -> None:
        """Neither the feed and the export (which share the shape) nor a CRM hears of the rest."""
        usable = self.model.usable(self.model.person(shopper), self.now)
        if self.model.is_erased(shopper) or profile.linked_to:
            usable = set()
        for told in (as_json(profile), Delivery.of(profile, 1).profile):
            text = json.dumps(told, default=str)
            assert {name for name in self.model.facts if name in text} <= usable

    def teardown(self) -> None:
        if not self.model.shoppers:
            return
        for head in set(self.model.heads().values()):
            assert self.run(verify(self.store, head)) == []
        if self.world.played >= MOST_EXPORTS:
            return
        self.world.played += 1
        exported = self.run(self._exported())
        assert self.model.heads().keys() & exported.keys() == set(self.model.heads().values())
        for head in exported.keys() & set(self.shoppers):
            self._tells_no_more(head, exported[head])

    async def _exported(self) -> dict[str, Profile]:
        found = {}
        async for some in every_profile(self.store):
            found |= {profile.shopper: profile for profile in some}
        return found
