"""Turns the JSON lines of a run into the table of docs/benchmarks.md: `… | python -m tests.bench.table`."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

_HEAD = ("| name | Askfirst | baseline | ratio | n |", "|---|---|---|---|---|")
_MANY = 100  # from here on decimals say nothing


def table(lines: Iterable[str]) -> Iterator[str]:
    """Give the rows, the head first; figures of less than a hundredth are left out."""
    yield from _HEAD
    for figure in map(json.loads, lines):
        if figure["value"] >= 0.01:
            yield _row(figure)


def _row(figure: dict[str, Any]) -> str:
    value = f"{_short(figure['value'])} {figure['unit']}"
    ratio = "–" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
    return (
        f"| `{figure['name']}` | {value} | {_short(figure['baseline'])} | {ratio} | {figure['n']} |"
    )


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= _MANY else f"{value:.3g}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{row}\n" for row in table(sys.stdin))
