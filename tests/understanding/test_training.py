from collections import defaultdict

from tests.understanding.heldout import plain, training


def as_said(text):
    """Give the words, and what makes them doubtful: "ok" agrees, "ok..." and "ok?" do not."""
    end = text.strip().replace("...", "…")[-1:]
    return plain(text) + (end if end in {"…", "?"} else "")


def contradictions(sentences):
    acts = defaultdict(set)
    for act, text in sentences:
        acts[as_said(text)].add(act)
    return {said: found for said, found in acts.items() if len(found) > 1}


def test_no_sentence_is_taught_as_two_acts():
    assert contradictions(training()) == {}


def test_case_and_punctuation_make_no_other_sentence_but_doubt_does():
    twice = [("repeat", "Hä?"), ("unsure", "hä ?"), ("affirm", "ok"), ("unsure", "ok...")]

    assert contradictions(twice) == {"hä?": {"repeat", "unsure"}}
