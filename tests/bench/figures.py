"""Figures and the JSON lines that tell them, each beside the baseline's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `n` is how many single measurements it stands on."""

    value: float
    unit: str
    n: int


Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Compared:
    """Figures with what they are compared with: its name, and its figure for each of ours."""

    ours: Figures
    against: str
    baseline: Figures


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def latency(name: str, seconds: Sequence[float]) -> Figures:
    """Give median and 99th percentile in milliseconds."""
    return {
        f"{name}.p{share}": Figure(1000 * percentile(seconds, share / 100), "ms", len(seconds))
        for share in (50, 99)
    }


def line(name: str, ours: Figure, other: Figure | None, against: str) -> str:
    """Write a figure as JSON, `against` names the baseline; without one it is null as is `ratio`."""
    return json.dumps(
        {
            "name": name,
            "value": _rounded(ours.value),
            "unit": ours.unit,
            "against": against if other else None,
            "baseline": _rounded(other.value) if other else None,
            "ratio": _rounded(ours.value / other.value) if other and other.value else None,
            "n": ours.n,
        }
    )


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
