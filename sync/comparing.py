"""Compares what a CRM holds with what it should hold: drift, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.fields import Before, is_permitted, values_of
from sync.mapping import CrmMapping, Rule

_EMPTY: tuple[Any, ...] = (None, "", [])
_MILLISECONDS = 10**11  # a number from here on that stands for a time


@dataclass(frozen=True, slots=True)
class Drift:
    """A field that holds something else than it should; None is empty."""

    field: str
    expected: Any
    found: Any


def drift(
    mapping: CrmMapping, profile: Mapping[str, Any], before: Before, there: Mapping[str, Any]
) -> list[Drift]:
    """Tell what is not as it should be in the fields that are ours.

    A field that the CRM may keep is ours only where we filled it.
    """
    values = values_of(mapping, profile)
    found = []
    for rule in mapping.rules:
        expected, held = values.get(rule.to), there.get(rule.to)
        if rule.pushed and _is_ours(rule, profile, before, expected) and not same(expected, held):
            found.append(Drift(rule.to, expected, held))
    return found


def same(expected: Any, found: Any) -> bool:
    """Tell whether two values say the same, whatever form a CRM gives them."""
    if expected in _EMPTY or found in _EMPTY:
        return expected in _EMPTY and found in _EMPTY
    return _plain(expected) == _plain(found)


def _plain(value: Any) -> object:
    if isinstance(value, list | tuple):
        return sorted(str(one).casefold() for one in value)
    text = str(value).strip().casefold()
    if ";" in text:
        return sorted(one.strip() for one in text.split(";") if one.strip())
    if text.lstrip("-").isdecimal() and abs(int(text)) > _MILLISECONDS:
        return int(text)
    try:
        at = datetime.fromisoformat(text.replace("z", "+00:00"))
    except ValueError:
        return text
    return int(at.timestamp() * 1000) if at.tzinfo else text


def _is_ours(rule: Rule, profile: Mapping[str, Any], before: Before, expected: Any) -> bool:
    ours = rule.to in before.fields
    if expected is not None:
        may_keep = rule.line.when_null == "fill_empty" or rule.line.conflict == "crm"
        return rule.line.when_null != "fill_empty" and (ours or not may_keep)
    return ours and not is_permitted(rule, profile)
