"""How much may be asked, and what falls silent: whether the pages name what there is to name."""

from collections.abc import Iterator

from preferences.catalogue import Entrance
from preferences.check.pages import Finding, Page, Step
from preferences.check.sentences import Sentence, check_sentence
from preferences.check.shape import AS_LIMITS, Known, valid
from preferences.policy import CONTROL, OTHER, Policy
from preferences.referral import QUESTION
from preferences.sensitive import NAMED, Sensitive
from preferences.texts import LOCALES

_UNLISTED = frozenset({OTHER, QUESTION})  # weighed like a question, and none of the catalogue


def check_policy(page: Page, known: Known) -> Iterator[Finding]:
    """Look at the limits."""
    policy = valid(Policy, page, page.data, AS_LIMITS)
    if not isinstance(policy, Policy):
        yield from policy
        return
    named: list[tuple[str, tuple[Step, ...]]] = [
        (policy.follow_up.question, ("follow_up", "question")),
        *((name, ("worth", "uses", name)) for name in policy.worth.uses),
        *((name, ("worth", "per_purchase")) for name in sorted(policy.worth.per_purchase)),
        *((name, ("welcome", "questions")) for name in policy.welcome.questions),
        *((name, ("conditions", name)) for name in policy.conditions),
        *(
            (name, ("conditions", asked, "answers", name))
            for asked, one in policy.conditions.items()
            for name in one.answers
        ),
        *(
            (one.question, ("experiments", at, "question"))
            for at, one in enumerate(policy.experiments)
        ),
    ]
    for name, place in named:
        if name not in known.questions.keys() | _UNLISTED:
            remedy = "Name a file of questions/, or take it out"
            yield page.find(f"there is no question {name}", remedy, *place)
    yield from _arms(page, policy, known)


def _arms(page: Page, policy: Policy, known: Known) -> Iterator[Finding]:
    for at, one in enumerate(policy.experiments):
        for arm in one.arms.keys() - {CONTROL} - known.questions.get(one.question, frozenset()):
            remedy = f"Write it under variants in questions/{one.question}.yml, or take the arm out"
            what = f"the arm {arm} has no wording"
            yield page.find(what, remedy, "experiments", at, "arms", arm)


def check_entries(page: Page, known: Known) -> Iterator[Finding]:
    """Look at what brings shoppers: what it promised, and which questions it makes askable."""
    for name, entry in page.data.items():
        one = valid(Entrance, page, entry, AS_LIMITS, name)
        if not isinstance(one, Entrance):
            yield from one
            continue
        for locale in LOCALES:
            place = (name, "promise", locale)
            said = Sentence(page, place, locale, "said", one.promise[locale])
            yield from check_sentence(said, frozenset())
        for question in one.asks:
            if question not in known.questions:
                remedy = "Name a file of questions/, or take it out"
                yield page.find(f"there is no question {question}", remedy, name, "asks")


def check_sensitive(page: Page, _known: Known) -> Iterator[Finding]:
    """Look at what falls silent after a loss, and at how it is lifted."""
    sensitive = valid(Sensitive, page, page.data, AS_LIMITS)
    if not isinstance(sensitive, Sensitive):
        yield from sensitive
        return
    for at, pattern in enumerate(sensitive.again):
        if NAMED not in pattern:
            remedy = f"Write {NAMED} where the kind of goods is spoken of"
            yield page.find("nothing is named in this sentence", remedy, "again", at)
    silent = {category for event in sensitive.events.values() for category in event.categories}
    for name in sensitive.names:
        if name not in silent:
            remedy = "Name a category of one of the events, or take it out"
            yield page.find(f"{name} never falls silent", remedy, "names", name)
    for name, event in sensitive.events.items():
        if not sensitive.names.keys() & {*event.categories}:
            remedy = "Add one of its categories to names, with how shoppers call it"
            what = f"nobody can lift what {name} silences"
            yield page.find(what, remedy, "events", name, "categories")
