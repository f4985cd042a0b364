"""Hands any number of values to a statement as one parameter, JSON: it stays the same for all of them.

A list that is written out, `IN (?, ?, …)`, is worked out anew each time it is sent.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, String, bindparam, column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.selectable import TableValuedAlias


class _Texts(GenericFunction[Any]):
    """The elements of a JSON array of texts, one a row."""

    name = "given_texts"
    inherit_cache = True


class _Pages(GenericFunction[Any]):
    """The elements of a JSON array of objects, one a row."""

    name = "given_pages"
    inherit_cache = True


def among(owner: Any, parameter: str) -> ColumnElement[bool]:
    """Tell that a column holds one of the texts that `texts` put into a parameter."""
    given = _Texts(bindparam(parameter, type_=String)).table_valued("value")
    is_among: ColumnElement[bool] = owner.in_(select(given.c.value))
    return is_among


def pages(parameter: str) -> TableValuedAlias:
    """Give the rows that `as_pages` put into a parameter: take from `value` what each holds."""
    given = _Pages(bindparam(parameter, type_=String))
    return given.table_valued(column("value", JSON)).alias(parameter)


def as_texts(values: Iterable[str]) -> str:
    """Write the parameter of `among`."""
    return json.dumps([*values])


def as_pages(values: Sequence[Mapping[str, Any]]) -> str:
    """Write the parameter of `pages`."""
    return json.dumps(values)


@compiles(_Texts, "sqlite")
@compiles(_Pages, "sqlite")
def _each(element: GenericFunction[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Texts, "postgresql")
def _texts(element: _Texts, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


@compiles(_Pages, "postgresql")
def _pages(element: _Pages, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSON))"
