"""Finds what a mapping names in a profile: `answers.motivation.value`, `consents.news.state`."""

from collections.abc import Mapping, Sequence
from typing import Any

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


def find(path: Path, profile: Mapping[str, Any], *, source: str = "") -> Any:
    """Give what a path leads to, or None.

    What came from `source` itself is left out: a CRM is not told its own facts.
    """
    match path:
        case ("identities" | "referral" as part, what):
            return profile.get(part, {}).get(what)
        case ("answers", question, *what):
            return _answered(profile, question, tuple(what), source)
        case ("consents", purpose, what):
            return (profile["consents"].get(purpose) or {}).get(what)
        case ("suppressions", scope, *target):
            return _suppressed(profile, scope, *target)
        case ("promises", *what):
            return _promised(profile.get("promises", ()), *what)
    return profile[path[0]] if len(path) == 1 else None


def _answered(profile: Mapping[str, Any], question: str, what: Path, source: str) -> Any:
    """Look into the newest answer, the shopper's own before what others tell.

    `unwanted` names every option that is not wanted.
    """
    told = [one for one in profile["preferences"] if one["question"] == question]
    told = [one for one in told if _is_declared(one) or one["source"] != source]
    if what == ("unwanted",):
        refused = [one["value"] for one in told if _is_unwanted(one)]
        return ",".join(sorted(set(refused))) or None
    for answer in sorted(told, key=_is_declared, reverse=True):
        if not _is_unwanted(answer):
            return answer["detail"].get(what[1]) if what[0] == "detail" else answer[what[0]]
    return None


def _is_declared(answer: Mapping[str, Any]) -> bool:
    return bool(answer["kind"] == "declared")


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
