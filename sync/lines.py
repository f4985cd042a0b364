"""Keeps several fields in one text that people read: a line each, longer ones indented."""

from collections.abc import Mapping


def told(head: str, fields: Mapping[str, str]) -> str:
    """Write `name: value` lines under a head line, in the order of their names."""
    lines = [f"{name}: {value}".replace("\n", "\n ") for name, value in sorted(fields.items())]
    return "\n".join([head, *lines])


def read(text: str) -> dict[str, str]:
    """Give the fields of such a text, whatever its head says."""
    fields, name = dict[str, str](), ""
    for line in text.split("\n")[1:]:
        if line.startswith(" ") and name:
            fields[name] += f"\n{line[1:]}"
        elif ": " in line:
            name, _, fields[line.partition(": ")[0]] = line.partition(": ")
    return fields
