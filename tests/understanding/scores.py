"""Recall and precision of each act and locale, and the figures that were aimed at."""

from collections.abc import Callable, Iterator, Sequence
from statistics import mean
from typing import Any

from tests.understanding.heldout import Sentence, plain

Pairs = list[tuple[Sentence, dict[str, Any]]]
_NOT_UNIVERSAL = frozenset({"answer", "out_of_scope"})


def figures(
    system: str,
    judged: Sequence[Sentence],
    readings: Sequence[dict[str, Any]],
    trained: frozenset[str],
) -> Iterator[dict[str, Any]]:
    """Give a line for the aims, for each locale, and for each act."""
    pairs = list(zip(judged, readings, strict=True))
    yield {"system": system, "locale": "all", **aims(pairs)}
    unknown = _only(pairs, lambda s: plain(s.text) not in trained)
    yield {"system": system, "locale": "all, none of them a training sentence", **aims(unknown)}
    for locale in sorted({sentence.locale for sentence in judged}):
        spoken = [pair for pair in pairs if pair[0].locale == locale]
        yield {"system": system, "locale": locale, **aims(spoken)}
    for act in sorted({sentence.act for sentence in judged}):
        yield {"system": system, "act": act, **_act(pairs, act)}


def aims(pairs: Pairs) -> dict[str, Any]:
    """Reckon the figures of the aim; None where there is no sentence for one."""
    asked = _only(pairs, lambda s: s.act not in _NOT_UNIVERSAL)
    hard = _only(pairs, lambda s: "hard_negative" in s.tags)
    outside = _only(pairs, lambda s: s.act == "out_of_scope")
    inside = _only(pairs, lambda s: "out_of_scope" not in s.acts)
    unwilling = _only(pairs, lambda s: "never_consent" in s.tags)
    return {
        "sentences": len(pairs),
        "accuracy": _right(pairs),
        "universal_accuracy": _right(asked),
        "stop_recall": _right(_only(pairs, lambda s: s.act == "stop")),
        "grief_recall": _right(_only(pairs, lambda s: s.act == "sensitive_event")),
        "grief_false_alarms": _taken_for(hard, "sensitive_event"),
        "stop_false_alarms": _taken_for(hard, "stop"),
        "out_of_scope_recall": _right(outside),
        "in_scope_refused": _taken_for(inside, "out_of_scope"),
        "recipient_macro_f1": _recipient(pairs),
        "channel_accuracy": _channels(pairs),
        "answer_accuracy": _answers(pairs),
        "false_yes": sum(reading["act"] == "affirm" for _, reading in unwilling),
    }


def _only(pairs: Pairs, wanted: Callable[[Sentence], bool]) -> Pairs:
    return [pair for pair in pairs if wanted(pair[0])]


def _right(pairs: Pairs) -> float | None:
    hits = [reading["act"] in sentence.acts for sentence, reading in pairs]
    return round(mean(hits), 3) if hits else None


def _taken_for(pairs: Pairs, act: str) -> float | None:
    hits = [reading["act"] == act for _, reading in pairs]
    return round(mean(hits), 3) if hits else None


def _act(pairs: Pairs, act: str) -> dict[str, Any]:
    taken = [sentence for sentence, reading in pairs if reading["act"] == act]
    return {
        "sentences": len(_only(pairs, lambda s: s.act == act)),
        "recall": _right(_only(pairs, lambda s: s.act == act)),
        "precision": round(mean(act in s.acts for s in taken), 3) if taken else None,
    }


def _recipient(pairs: Pairs) -> float | None:
    """Reckon the macro-F1 over the options of gift_or_self; another act is a miss."""
    answers = _only(pairs, lambda s: s.question == "gift_or_self")
    wanted = [sentence.value for sentence, _ in answers]
    found = [r["value"] if r["question"] == "gift_or_self" else None for _, r in answers]
    scores = []
    for value in sorted({value for value in wanted if value}):
        hits = sum(one == other == value for one, other in zip(wanted, found, strict=True))
        scores.append(2 * hits / (wanted.count(value) + found.count(value)))
    return round(mean(scores), 3) if scores else None


def _channels(pairs: Pairs) -> float | None:
    """Tell how often the channel and what is thought of it are both right."""
    said = _only(pairs, lambda s: s.question == "channel_preference" and s.act == "answer")
    hits = [(r["value"], r["polarity"]) == (s.value, s.polarity) for s, r in said]
    return round(mean(hits), 3) if hits else None


def _answers(pairs: Pairs) -> float | None:
    """Tell how often the question and the option that an answer means are both right."""
    said = _only(pairs, lambda s: s.act == "answer" and s.value is not None)
    hits = [(r["question"], r["value"]) == (s.question, s.value) for s, r in said]
    return round(mean(hits), 3) if hits else None
