"""Pages of YAML that know the line of everything in them, so that a finding can point at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from preferences.catalogue import LOADER

type Step = str | int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: where it is, what is wrong, and what to do."""

    file: Path
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}. {self.remedy}."


@dataclass(frozen=True)
class Page:
    """One file, as its author wrote it."""

    file: Path
    text: str

    @cached_property
    def data(self) -> Any:
        """What the page holds."""
        return yaml.load(self.text, Loader=LOADER)  # noqa: S506 - one of the two safe ones

    @cached_property
    def _root(self) -> yaml.Node:
        return yaml.compose(self.text, Loader=LOADER) or yaml.MappingNode("", [])

    def find(self, what: str, remedy: str, *place: Step) -> Finding:
        """Make a finding about a place of this page."""
        return Finding(self.file, self.line(*place), what, remedy)

    def line(self, *place: Step) -> int:
        """Give the line of a place, or of the last thing on the way to it that exists."""
        line, node = 1, self._root
        for step in place:
            below = _below(node, step)
            if below is None:
                break
            name, node = below
            line = name.start_mark.line + 1
        return line

    def twice(self) -> Iterator[tuple[str, int]]:
        """Give every name that stands a second time beside itself, with its line."""
        yield from _twice(self._root)


def read_page(file: Path) -> Page | Finding:
    """Read a page; a finding tells why it cannot be read."""
    try:
        page = Page(file, file.read_text(encoding="utf-8"))
        readable = isinstance(page.data, dict)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return Finding(file, line, f"is not YAML: {error.problem}", "Put the text in quotes")
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return Finding(file, 1, "cannot be read", "Write it as a UTF-8 text that may be read")
    if not readable:
        return Finding(file, 1, "holds no names and values", "Write it as the pages beside it")
    return page


def _below(node: yaml.Node, step: Step) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((name, value) for name, value in node.value if name.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _twice(node: yaml.Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for name, value in node.value:
            if name.value in seen:
                yield name.value, name.start_mark.line + 1
            seen.add(name.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value)
