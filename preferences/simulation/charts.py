"""Draws the figures of a simulation as SVG that can be read on light and on dark paper."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from preferences.simulation.judging import METHODS, share
from preferences.simulation.report import Report

_LABELS, _BARS, _VALUES, _ROW, _HEAD = 270, 330, 80, 22, 44
_WIDTH = _LABELS + _BARS + _VALUES
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1d2733 }
.title { font-weight: 600; font-size: 15px }
.bar { fill: #2f6f9f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6cb2e4 } }
"""
_MEASURES = ("precision", "recall_gift", "recall_household", "false_positive_rate")
_MANY = 16

Row = tuple[str, float, str]
"""A bar: its label, its length, and the figure beside it."""


def draw(report: Report, folder: Path) -> list[Path]:
    """Write the charts into a folder, which is made if it is missing, and tell their files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, svg in charts(report).items():
        file = folder / f"{name}.svg"
        file.write_text(svg, encoding="utf-8")
        drawn.append(file)
    return drawn


def charts(report: Report) -> Mapping[str, str]:
    """Give the charts, each by the name of its file."""
    return {
        "asks": bars("Shoppers by how many questions they were asked", _asks(report)),
        "answers": bars("Questions answered, by kind of shopper", _answers(report.outcomes)),
        "misfit": bars(
            "Lines of orders that do not fit: three ways to notice them", _misfit(report)
        ),
        "channels": bars("Questions answered, by channel", _answers(report.channels)),
        "silence": bars("Why nothing was asked, share of silent moments", _silence(report)),
    }


def bars(title: str, rows: Sequence[Row]) -> str:
    """Draw bars lying under one another; the longest fills the width."""
    longest = max((value for _, value, _ in rows), default=0) or 1
    height = _HEAD + _ROW * len(rows) + 8
    told = escape(f"{title}: " + "; ".join(f"{label} {figure}" for label, _, figure in rows))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{told}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
    ]
    for place, row in enumerate(rows):
        lines += _bar(row, _HEAD + _ROW * place, longest)
    return "\n".join([*lines, "</svg>\n"])


def _bar(row: Row, top: int, longest: float) -> Iterator[str]:
    label, value, figure = row
    length, line = max(1, round(_BARS * value / longest)), top + 14
    yield f'<text x="{_LABELS - 8}" y="{line}" text-anchor="end">{escape(label)}</text>'
    yield f'<rect class="bar" x="{_LABELS}" y="{top}" width="{length}" height="{_ROW - 4}" rx="2"/>'
    yield f'<text x="{_LABELS + length + 6}" y="{line}">{escape(figure)}</text>'


def _asks(report: Report) -> list[Row]:
    counted = {str(number): report.asks[number] for number in range(max(report.asks) + 1)}
    beyond = dict(list(counted.items())[_MANY:])
    shown = {label: count for label, count in counted.items() if label not in beyond}
    if beyond:
        shown[f"{_MANY} or more"] = sum(beyond.values())
    return [(label, n, _percent(n, report.asks.total())) for label, n in shown.items()]


def _answers(outcomes: Mapping[str, Counter[str]]) -> list[Row]:
    return [
        (
            name,
            share(found["answered"], found.total()) or 0,
            _percent(found["answered"], found.total()),
        )
        for name, found in sorted(outcomes.items())
    ]


def _misfit(report: Report) -> list[Row]:
    figures = {page["method"]: page for page in report.judged.figures()}
    return [
        (f"{measure} · {method}".replace("_", " "), value, f"{value:.1%}")
        for measure in _MEASURES
        for method in METHODS
        for value in [figures[method][measure] or 0.0]
    ]


def _silence(report: Report) -> list[Row]:
    return [
        (code.replace("_", " "), count, _percent(count, report.silent))
        for code, count in report.silences.most_common(12)
    ]


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"
