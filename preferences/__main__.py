"""For who writes questions: `python -m preferences check` and `python -m preferences schema`."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from preferences.catalogue import HERE, Question
from preferences.check.run import check


def main(arguments: list[str]) -> int:
    """Do what is asked for and give the exit code: 1 where something is to mend."""
    parser = ArgumentParser(
        prog="python -m preferences",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="look for what is wrong in questions and wording")
    checking.add_argument(
        "folder", nargs="?", type=Path, default=HERE, help="other texts than ours"
    )
    verbs.add_parser("schema", help="print the JSON Schema of a question")
    chosen = parser.parse_args(arguments)
    return _check(chosen.folder) if chosen.verb == "check" else _schema()


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


def _schema() -> int:
    sys.stdout.write(schema())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
