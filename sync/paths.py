"""Finds what a mapping names in a profile: `answers.motivation.value`, `consents.news.state`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.redacting import redacted

type Path = tuple[str, ...]

ANSWER = frozenset(
    {
        *("value", "label", "own_words", "unwanted", "subject", "kind", "channel", "locale"),
        *("asked_at", "answered_at", "fresh_until"),
    }
)
"""What may be asked of an answer, besides `detail.NAME`."""

CONSENT = frozenset({"state", "at", "channel", "notice_version", "valid_until", "event", "method"})
PROMISE = frozenset({"value", "kind", "promised_at", "due_at", "kept_at"})
"""What may be asked of the newest promise of a give."""

REFERRAL = frozenset({"invited_at", "replaces_next_promotion_until"})
_UNWANTED = "does_not_want"


@dataclass(frozen=True, slots=True)
class Known:
    """A profile as a mapping looks at it: `answers` are by question, the newest first.

    The shopper's own come before what others tell.
    """

    profile: Mapping[str, Any]
    answers: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(cls, profile: Mapping[str, Any], *, source: str = "") -> "Known":
        """Look at a profile; what came from `source` itself is left out, but for the shopper's own."""
        declared = defaultdict[str, list[Mapping[str, Any]]](list)
        others = defaultdict[str, list[Mapping[str, Any]]](list)
        for answer in profile["preferences"]:
            if answer["kind"] == "declared":
                declared[answer["question"]].append(answer)
            elif answer["source"] != source:
                others[answer["question"]].append(answer)
        for question, told in others.items():
            declared[question] += told
        return cls(profile, declared)

    def find(self, path: Path) -> Any:
        """Give what a path leads to, or None."""
        match path:
            case ("identities" | "referral" as part, what):
                return self.profile.get(part, {}).get(what)
            case ("answers", question, *what):
                return _answered(self.answers.get(question, ()), *what)
            case ("consents", purpose, what):
                return (self.profile["consents"].get(purpose) or {}).get(what)
            case ("suppressions", scope, *target):
                return _suppressed(self.profile, scope, *target)
            case ("promises", *what):
                return _promised(self.profile.get("promises", ()), *what)
        return self.profile[path[0]] if len(path) == 1 else None


def _answered(told: Sequence[Mapping[str, Any]], what: str, detail: str = "") -> Any:
    """Look into the first answer; `unwanted` names every option that is not wanted.

    The shopper's own words are given without what leads to a person.
    """
    if what == "unwanted":
        refused = {one["value"] for one in told if _is_unwanted(one)}
        return ",".join(sorted(refused)) or None
    for answer in told:
        if not _is_unwanted(answer):
            found = answer["detail"].get(detail) if what == "detail" else answer[what]
            return redacted(found) if found and what == "own_words" else found
    return None


def _is_unwanted(answer: Mapping[str, Any]) -> bool:
    return bool(answer["detail"].get("polarity") == _UNWANTED)


def _suppressed(profile: Mapping[str, Any], scope: str, target: str = "") -> bool:
    """Tell whether somebody is to be left alone: everywhere, or in one channel, topic or category."""
    entries = profile["suppressions"]
    return any(
        one["scope"] == "all" or (one["scope"], one["target"]) == (scope, target) for one in entries
    )


def _promised(promises: Sequence[Mapping[str, Any]], give: str, what: str = "") -> Any:
    """Name the gives that are owed, or tell of the newest promise of one; they come newest first."""
    if not what:
        owed = {one["give"] for one in promises if one["kept_at"] is None}
        return ",".join(sorted(owed)) or None
    return next((one[what] for one in promises if one["give"] == give), None)
