import json
from collections import Counter

import pytest

from tests.understanding.__main__ import looked_at, report, unseen
from tests.understanding.heldout import (
    FIFTH,
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    Sentence,
    plain,
    sentences,
    trained_on,
)
from tests.understanding.scores import figures


def said(text, act, *tags, **more):
    about = {"asked": None, "locale": "en", "question": None, "value": None, "polarity": None}
    return Sentence(text=text, act=act, tags=tags, **{**about, **more})


def taken(act, question=None, value=None, polarity=None):
    return {"act": act, "question": question, "value": value, "polarity": polarity}


@pytest.mark.parametrize("folder", [FIRST, SECOND], ids=lambda folder: folder.name)
def test_both_halves_hold_sentences_of_every_language(folder):
    for looking in (True, False):
        half = [one for one in sentences(folder) if one.is_for_looking == looking]

        assert len(half) > 600
        assert {"en", "es", "de"} == {one.locale for one in half}


def test_figures_are_those_of_the_aim():
    judged = [
        said("stop", "stop"),
        said("no more", "stop"),
        said("my mum died", "sensitive_event"),
        said("dead battery", "out_of_scope", "hard_negative"),
        said("ok cool", "unsure", "never_consent", "also:affirm"),
        said("a present", "answer", question="gift_or_self", value="gift"),
        said("mine", "answer", question="gift_or_self", value="self"),
        said("email", "answer", question="channel_preference", value="email", polarity="wants"),
    ]
    readings = [
        taken("stop"),
        taken("decline"),
        taken("sensitive_event"),
        taken("sensitive_event"),
        taken("affirm"),
        taken("answer", "gift_or_self", "gift"),
        taken("out_of_scope"),
        taken("answer", "channel_preference", "email", "wants"),
    ]
    lines = list(figures("ours", judged, readings, frozenset({"stop"})))
    every, unknown = lines[0], lines[1]

    assert every["stop_recall"] == 0.5
    assert unknown["stop_recall"] == 0.0
    assert 1.0 == every["grief_recall"] == every["grief_false_alarms"]
    assert every["out_of_scope_recall"] == 0.0
    assert every["in_scope_refused"] == 0.143
    assert every["recipient_macro_f1"] == 0.5
    assert every["channel_accuracy"] == 1.0
    assert every["answer_accuracy"] == 0.667
    assert every["false_yes"] == 1
    assert next(line for line in lines if line.get("act") == "sensitive_event")["precision"] == 0.5


def test_each_set_gets_the_readings_of_its_own_sentences(capsys):
    sets = {"new": [said("bye", "goodbye")], "old": [said("hi", "greet"), said("hey", "greet")]}

    report("ours", sets, [taken("goodbye"), taken("greet"), taken("thank")], frozenset())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {line["set"]: line["accuracy"] for line in lines if line.get("locale") == "all"}
    assert found == {"new": 1.0, "old": 0.5}


def test_the_figures_come_from_nothing_that_may_be_looked_at():
    figures_of, mended_by = (
        [s for part in sets.values() for s in part] for sets in (unseen(), looked_at())
    )
    halved = sentences(FIRST) + sentences(SECOND) + sentences(FOURTH) + sentences(FIFTH)

    assert Counter(figures_of + mended_by) == Counter(halved + sentences(THIRD))
    assert not any(sentence.is_for_looking for sentence in figures_of if sentence in halved)
    assert all(sentence.is_for_looking for sentence in mended_by)


def test_what_the_model_is_trained_on_is_known():
    assert {"stop", "a gift", "un regalo"} <= trained_on()
    assert plain("STOP, it!") == "stop it"
