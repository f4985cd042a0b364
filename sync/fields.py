"""Works out what a CRM's fields are to hold: the mapping, applied to a profile under its permissions."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync.mapping import CrmMapping, Rule
from sync.paths import Known
from sync.transforms import transformed

_LEFT = frozenset({("erased",), ("linked_to",), ("shopper",)})
"""What is still told of who is gone: erased, or found to be somebody else."""


@dataclass(frozen=True, slots=True)
class Before:
    """What a destination may hold of a shopper by our doing.

    `fields` are those that we filled; where it is not `certain`, something was under way and nobody
    knows what arrived. `told` is whether anything ever was.
    """

    told: bool = False
    fields: frozenset[str] = frozenset()
    certain: bool = True


def values_of(mapping: CrmMapping, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Give every field that has a value and the permission for it, in the CRM's words.

    An erased shopper, and one who was found to be somebody else, has none but who that is.
    """
    known = Known.of(profile, source=crm_source(mapping.destination))
    about = ("", *known.answers)  # what hangs on no question, then what was answered
    rules = (rule for question in about for rule in mapping.by_question.get(question, ()))
    found = {rule.to: _value(rule, known) for rule in rules}
    return {name: value for name, value in found.items() if value is not None}


def fields_of(
    mapping: CrmMapping,
    profile: Mapping[str, Any],
    before: Before,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give what is to be written: values, and None for each field that is to be emptied.

    `values` are those of this profile, where the caller has them already.

    Only what we wrote, or may have written, is emptied: what a shopper took back always, what we do
    not know any more where the mapping says `overwrite`.
    """
    values = values_of(mapping, profile) if values is None else values
    return dict(values) | {
        rule.to: None
        for rule in _doubtful(mapping, profile, before)
        if rule.to not in values and _emptied(rule, profile, before)
    }


def settled(
    mapping: CrmMapping,
    fields: Mapping[str, Any],
    there: Mapping[str, Any] | None,
    before: Before,
) -> dict[str, Any]:
    """Leave out what the CRM may keep as it is, given what it holds now (None: it has no record).

    That is a field to be filled once that is not empty, and one in which the CRM's own value wins;
    but a field that we filled ourselves is ours.
    """
    held = there or {}
    kept = {
        rule.to
        for rule in mapping.rules
        if held.get(rule.to) not in (None, "")
        and fields.get(rule.to) is not None
        and (rule.line.when_null == "fill_empty" or _is_theirs(rule, before))
    }
    return {name: value for name, value in fields.items() if name not in kept}


def to_look_at(mapping: CrmMapping) -> tuple[str, ...]:
    """Name the fields that have to be read before they are written."""
    return tuple(
        rule.to
        for rule in mapping.rules
        if rule.pushed and (rule.line.when_null == "fill_empty" or rule.line.conflict == "crm")
    )


def is_permitted(rule: Rule, profile: Mapping[str, Any]) -> bool:
    """Tell whether the permission that a field needs is in force."""
    if not rule.purpose:
        return True
    consent = profile["consents"].get(rule.purpose)
    return consent is not None and consent["state"] == "given"


def _value(rule: Rule, known: Known) -> Any:
    profile = known.profile
    if not is_permitted(rule, profile):
        return None
    if _is_gone(profile) and rule.path not in _LEFT:
        return None
    found = known.find(rule.path)
    return None if found is None or found == "" else _written(rule, found)


def _written(rule: Rule, value: Any) -> Any:
    """Say each option in the CRM's words, and the whole in its form."""
    if isinstance(value, str):
        parts = value.split(",") if rule.question and rule.path[-1] == "value" else [value]
        said = [rule.values.get(part, part) for part in parts]
        value = said[0] if len(said) == 1 else ",".join(map(str, said))
    elif isinstance(value, bool) and rule.values:
        word = "true" if value else "false"
        value = rule.values.get(word, value)
    return transformed(rule.line.transform, value)


def _doubtful(mapping: CrmMapping, profile: Mapping[str, Any], before: Before) -> Iterator[Rule]:
    """Give the rules whose fields may hold something by our doing that is not to stay there."""
    if not before.told:
        return
    if before.certain:
        names: Iterable[str] = before.fields
    elif _is_gone(profile):
        names = mapping.by_field
    else:
        groups = mapping.by_purpose.values()
        forbidden = (
            rule for rules in groups if not is_permitted(rules[0], profile) for rule in rules
        )
        names = before.fields.union(rule.to for rule in forbidden)
    for name in names:
        if name in mapping.by_field:
            yield mapping.by_field[name]


def _emptied(rule: Rule, profile: Mapping[str, Any], before: Before) -> bool:
    ours = rule.to in before.fields
    if _is_gone(profile) or not is_permitted(rule, profile):
        return ours or not before.certain
    return ours and rule.line.when_null == "overwrite"


def _is_gone(profile: Mapping[str, Any]) -> bool:
    return profile["erased"] or profile["linked_to"] is not None


def _is_theirs(rule: Rule, before: Before) -> bool:
    return rule.line.conflict == "crm" and rule.to not in before.fields


def filled(fields: Mapping[str, Any], before: Collection[str]) -> frozenset[str]:
    """Give the fields that are filled by our doing once these are written."""
    emptied = {name for name, value in fields.items() if value is None}
    return frozenset({*before, *fields} - emptied)


def crm_source(destination: str) -> str:
    """Name a CRM as the source of a fact."""
    return f"crm/{destination}"
