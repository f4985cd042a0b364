"""For who writes questions and who answers for the store: `python -m preferences --help`."""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from preferences.catalogue import HERE, Question
from preferences.check.run import check
from preferences.commands import (
    erase,
    experiments,
    export,
    importing,
    keys,
    orders,
    receipt,
    reception,
    recompute,
    register,
    reseal,
    resume,
    simulate,
    verify,
    waste,
    why,
)
from preferences.errors import AskfirstError

_CANNOT = 2
_COMMANDS = (
    export,
    importing,
    orders,
    recompute,
    keys,
    erase,
    receipt,
    verify,
    register,
    reseal,
    resume,
    simulate,
    reception,
    waste,
    experiments,
    why,
)


def main(arguments: list[str]) -> int:
    """Do what is asked for and give the exit code: 1 where something is to mend, 2 if it failed."""
    parser = ArgumentParser(
        prog="python -m preferences",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser(
        "check", help="look for what is wrong in questions, wording and limits"
    )
    checking.add_argument(
        "folder", nargs="?", type=Path, default=HERE, help="other texts than ours"
    )
    checking.set_defaults(run=lambda chosen: _check(chosen.folder))
    verbs.add_parser("schema", help="print the JSON Schema of a question").set_defaults(run=_schema)
    for command in _COMMANDS:
        command.add(verbs)
    chosen = parser.parse_args(arguments)
    try:
        done: int = chosen.run(chosen)
    except AskfirstError as error:
        sys.stderr.write(f"{error}\n")
        return _CANNOT
    return done


def schema() -> str:
    """Give the JSON Schema of a question, as question.schema.json holds it."""
    page = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Question.model_json_schema(),
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _check(folder: Path) -> int:
    if folder.resolve().is_relative_to(Path.cwd()):
        folder = folder.resolve().relative_to(Path.cwd())
    findings = check(folder)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if not findings:
        count = len(list((folder / "questions").glob("*.yml")))
        sys.stdout.write(f"All is well: {count} questions, ready to be asked.\n")
    return 1 if findings else 0


def _schema(_chosen: Namespace) -> int:
    sys.stdout.write(schema())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
