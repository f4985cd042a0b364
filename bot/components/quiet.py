"""Logs that tell what happened and never what a shopper said."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer, dict_tracebacks
from structlog.tracebacks import ExceptionDictTransformer

# Their debug lines carry whole messages, states and slots.
TALKATIVE = ("rasa", "sanic", "sanic_cors", "aiohttp", "asyncio", "spacy")


def hush() -> None:
    """Stop debug lines and values of variables; call it once Rasa has configured its logging."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
    processors: list[Any] = structlog.get_config()["processors"]
    # In place, because loggers that were used before hold on to this very list.
    processors[:] = [_without_values(processor) for processor in processors]


def _without_values(processor: Any) -> Any:
    """Print tracebacks without the variables of their frames."""
    if processor is dict_tracebacks:
        return ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    if isinstance(processor, ConsoleRenderer):
        processor._exception_formatter = plain_traceback
    return processor
