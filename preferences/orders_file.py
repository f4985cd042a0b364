"""Reads files of orders, CSV or JSON lines: every line is read, and said to be wrong where it is."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO

from pydantic import ValidationError

from preferences.errors import BadInputError
from preferences.orders import OrderEvent, OrderLine, purchase_of
from preferences.purchases import Purchase

_LINE = {"line_title": "title"} | {name: name for name in OrderLine.model_fields if name != "title"}
_ORDER = {"order_id": "id"} | {
    name: name for name in OrderEvent.model_fields if name not in {"id", "lines"}
}
COLUMNS = (*_ORDER, *_LINE)
"""What a CSV file may have: one line for each article, those of one order below one another."""
_NEEDED = ("source", "order_id", "placed_at")
_NUMBERS = ("quantity", "refunded")
_FLAGS = ("gift_wrap", "gift_message", "ships_elsewhere", "test")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """One order of a file: the numbers of its lines, what stands there, and what became of it.

    Either `purchase` is there, or `problem` says what to mend, or it is a test of the shop's.
    """

    numbers: Sequence[int]
    page: object = field(repr=False)
    purchase: Purchase | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: Mapping[str, str] = field(repr=False)
    problem: str = ""


def read_ndjson(file: Iterable[str], now: datetime) -> Iterator[Entry]:
    """Read a file with one order in each line, as the API takes it."""
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            page = json.loads(text)
        except (ValueError, RecursionError):
            yield Entry(
                [number], text.rstrip("\n"), problem="It is no JSON; write one order a line."
            )
        else:
            yield _entry([number], page, page, now)


def read_csv(file: TextIO, now: datetime) -> Iterator[Entry]:
    """Read a file with one article in each line. Every cell is text: a formula is a word like others.

    :raises BadInputError: its first line does not name the columns.
    """
    begun = set[tuple[str, str]]()
    group: list[_Row] = []
    for row in _rows(file):
        if group and (row.problem or _order_of(row) != _order_of(group[0])):
            yield _together(group, now)
            group = []
        if row.problem:
            yield Entry([row.number], row.cells, problem=row.problem)
        elif not group and _order_of(row) in begun:
            problem = "Another order stands between the lines of this one; sort the file by order."
            yield Entry([row.number], row.cells, problem=problem)
        else:
            begun.add(_order_of(row))
            group.append(row)
    if group:
        yield _together(group, now)


def _rows(file: TextIO) -> Iterator[_Row]:
    reader = csv.reader(file, strict=True)
    names = _columns(reader)
    while True:
        before = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Row(before, {}, f"It is no CSV ({error}); quote what holds a comma or a quote.")
            continue
        if not cells:
            continue
        row = dict(zip(names, cells, strict=False))
        wrong = "" if len(cells) == len(names) else f"It has {len(cells)} cells, not {len(names)}."
        yield _Row(before, row, wrong)


def _columns(reader: Iterator[list[str]]) -> list[str]:
    names = []
    with suppress(StopIteration, csv.Error):
        names = [name.strip().lower().removeprefix("\ufeff") for name in next(reader)]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        message = (
            f"The first line has to name the columns, each once: {', '.join(_NEEDED)}, and any of "
            f"{', '.join(name for name in COLUMNS if name not in _NEEDED)}."
        )
        raise BadInputError(message)
    return names


def _order_of(row: _Row) -> tuple[str, str]:
    return row.cells["source"].strip(), row.cells["order_id"].strip()


def _together(rows: Sequence[_Row], now: datetime) -> Entry:
    """Make one order of its lines: the first tells of the order, each of an article."""
    cells = [dict(row.cells) for row in rows]
    numbers = [row.number for row in rows]
    for row in rows[1:]:
        for name in _ORDER:
            if row.cells.get(name, "").strip() not in {"", rows[0].cells.get(name, "").strip()}:
                problem = f"Line {row.number} has another {name} than the first of its order."
                return Entry(numbers, cells, problem=problem)
    page = _part(rows[0], _ORDER)
    lines = [_part(row, _LINE) for row in rows]
    return _entry(numbers, page | {"lines": [line for line in lines if line]}, cells, now)


def _part(row: _Row, columns: Mapping[str, str]) -> dict[str, Any]:
    """Give what stands in some columns; an empty cell is one that is not there."""
    cells = ((name, row.cells.get(name, "").strip()) for name in columns)
    return {columns[name]: _value(name, cell) for name, cell in cells if cell}


def _value(name: str, cell: str) -> object:
    if name in _FLAGS:
        return _TRUTH.get(cell.lower(), cell)
    if name in _NUMBERS and cell.isascii() and cell.isdigit():
        return int(cell) if len(cell) <= len("1000000") else cell
    return cell


def _entry(numbers: Sequence[int], page: object, told: object, now: datetime) -> Entry:
    try:
        event = OrderEvent.model_validate(page)
        purchase = None if event.test else purchase_of(event, now)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Entry(numbers, told, problem=f"{place}: {first['msg']}".removeprefix(": "))
    except BadInputError as error:
        return Entry(numbers, told, problem=f"{error.field}: {error}")
    return Entry(numbers, told, purchase)
