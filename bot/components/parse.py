"""Reads sentences with a trained model, outside any server: `python -m bot.components.parse MODEL`.

JSON lines in, `{"text", "locale"}`; JSON lines out, in the same order, what Rasa would hand to the
action. The first line out says that the model is loaded. Anything else goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage

from bot.components.quiet import hush
from bot.components.turns import spoken

READY = {"ready": True}
NO_WORDS = {"text": "", "intent_ranking": [], "entities": []}
SHOWN = ("text", "intent", "intent_ranking", "entities")


class Parser:
    """The understanding of a trained model alone: no policies, no tracker, no store."""

    def __init__(self, model: Path) -> None:
        """Unpack and load it; the folder goes when the parser is closed."""
        self._folder = TemporaryDirectory(prefix="askfirst-model-")
        storage, about = LocalModelStorage.from_model_archive(Path(self._folder.name), model)
        self._target = about.nlu_target
        schema: GraphSchema = about.predict_schema.minimal_graph_schema([self._target])
        self._runner = DaskGraphRunner.create(schema, storage, ExecutionContext(schema))

    def parse(self, text: str, locale: str) -> dict[str, Any]:
        """Give what Rasa would make of a message; a lead that it took for a command is cut off."""
        words = spoken(text)
        if not words:
            return dict(NO_WORDS)
        message = UserMessage(words, metadata={"locale": locale})
        results = self._runner.run({PLACEHOLDER_MESSAGE: [message]}, [self._target])
        parsed = results[self._target][0].as_dict(only_output_properties=True)
        return {key: parsed[key] for key in SHOWN if key in parsed}

    def close(self) -> None:
        """Remove the unpacked model."""
        self._folder.cleanup()


def serve(parser: Parser, lines: TextIO, out: TextIO) -> None:
    """Answer every line until there are no more."""
    _write(out, READY)
    for line in lines:
        asked = json.loads(line)
        _write(out, parser.parse(asked["text"], asked["locale"]))


def _write(out: TextIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


def main(model: Path) -> None:
    """Serve standard input; what libraries print must not come between the answers."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    hush()
    parser = Parser(model)
    try:
        serve(parser, open(0, encoding="utf-8", closefd=False), out)  # noqa: SIM115 - it stays open
    finally:
        parser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
