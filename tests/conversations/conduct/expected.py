"""What has to be true of a case: of every one, and by the word that the table has for it."""

import re
from collections.abc import Callable
from traceback import extract_tb

from tests.conversations.conduct.cases import PERMITTED, PRODUCT
from tests.conversations.conduct.seen import Facts, Line, Seen

TAILOR = "tailor_suggestions"
MACHINE = {
    "en": "automated assistant",
    "es": "asistente automático",
    "de": "automatische Assistent",
}
PURPOSE = {"en": "note what suits you", "es": "lo que te va bien", "de": "was zu dir passt"}
PROGRAM = {"en": "a program, not a person", "es": "un programa", "de": "ein Programm"}
SPOKEN = {"en": "de", "es": "en", "de": "es"}  # the language that `change_language` asks for
STOPPED, PAUSED = ("all", "", "shopper_said_stop"), ("all", "", "shopper_paused")
MOMENT, COMPLAINT = ("all", "", "sensitive_moment"), ("all", "", "complaint")
ERASED = ("all", "", "shopper_erased")
NO_PHONE = ("channel", "phone", "shopper_left_channel")
STORED = {
    "read_back": {"gift_or_self": "gift"},
    "question": {"gift_or_self": "gift"},
    "picking": {"matters_most": "price"},
}
LEFT = {"gift_or_self": "gift"}  # what is said before the shopper of `claim` signs in
LINK = "/friend/"
YES_OR_NO = {"affirm": {"team_orders": "yes"}, "deny": {"team_orders": "no"}}


def always(seen: Seen, facts: Facts) -> None:
    """Whatever was said, and wherever."""
    case = seen.case
    turns = [*seen.before, seen.lines, *seen.after]
    first = next((lines[0] for lines in turns if lines), None)
    speaks = SPOKEN[case.locale] if case.act == "change_language" else case.locale
    machine, purpose = (MACHINE[first.lang], PURPOSE[first.lang]) if first else ("", "")
    assert first is None or machine in first.text, "the first line tells that this is a machine"
    assert first is None or purpose in first.text, "and what it is for"
    for lines in turns:
        asked = [line for line in lines if line.labels]
        assert asked in ([], list(lines[-1:])), "one thing is asked at most, and last"
        assert sum(_questions(line.text) for line in lines) <= 1, "one question is enough"
        texts = [line.text for line in lines]
        assert len(texts) == len(set(texts)), "nothing is said twice"
        assert all(text.strip() and "{" not in text for text in texts)
        more = [line for line in lines if machine in line.text and line is not first]
        assert not more or case.act == "bot_challenge", "told once, and to whom asks"
    answered = (*seen.lines, *(line for lines in seen.after for line in lines))
    silent = case.state == "handed_off" and case.act == "change_language"
    assert silent or {line.lang for line in answered} <= {speaks}
    if case.act in {"greet", "thank"} and seen.told:
        assert seen.told[0] != _told(seen.after[0])[0], "the same words are not said twice running"
    shares = any(LINK in line.text for lines in turns for line in lines)
    assert shares is (case.expected == "invited"), "no link before a yes"
    if case.state == "claim" and case.expected not in {"claimed", "unclaimed"}:
        left = {} if case.expected == "erases" else LEFT
        assert facts.left == left, "what a stranger said waits for a plain word"


def _questions(text: str) -> int:
    """Count the questions, but for those that are quoted."""
    return re.sub(r"[“„].*?[”“]", "", text).count("?")


def _told(lines: object) -> list[Line]:
    assert isinstance(lines, list | tuple)
    return [line for line in lines if not line.labels]


def _unchanged(seen: Seen, facts: Facts) -> None:
    assert not facts.answers
    assert facts.consents == ({TAILOR: "given"} if seen.case.state in PERMITTED else {})


def _one_sentence(seen: Seen, facts: Facts) -> None:
    assert len(seen.told) == 1
    assert not seen.asked
    assert facts.open is None


def _nothing_asked_later(seen: Seen) -> None:
    assert seen.after
    assert not any(line.labels for lines in seen.after for line in lines)


def talk(seen: Seen, facts: Facts) -> None:
    """One sentence, and nothing comes of it."""
    _one_sentence(seen, facts)
    _unchanged(seen, facts)
    if seen.case.act == "bot_challenge":
        assert PROGRAM[seen.case.locale] in seen.told[0].text


def silent(seen: Seen, facts: Facts) -> None:
    assert not seen.lines
    assert not any(seen.after)
    assert facts.handed_off
    _unchanged(seen, facts)


def again(seen: Seen, facts: Facts) -> None:
    """It is answered, and the very same question stands again."""
    assert len(seen.told) == 1
    assert seen.asked == [seen.open]
    assert facts.open is not None
    _unchanged(seen, facts)
    if seen.case.act == "bot_challenge":
        assert PROGRAM[seen.case.locale] in seen.told[0].text


def repeated(seen: Seen, facts: Facts) -> None:
    assert list(seen.lines) == [seen.open]
    assert facts.open is not None
    _unchanged(seen, facts)


def reworded(seen: Seen, facts: Facts) -> None:
    """The same is asked again, twice at most; then it is left, and nothing was guessed."""
    assert seen.open is not None
    for lines in (seen.lines, *seen.after[:1]):
        assert [line.labels for line in lines] == [seen.open.labels]
    _unchanged(seen, facts)
    if seen.case.act != "out_of_scope":
        assert facts.open is not None
        return
    assert [line.labels for line in seen.after[1]] == [()], "the third time it is left"
    assert (facts.open, facts.outcomes[-1]) == (None, "unclear")


def granted(seen: Seen, facts: Facts) -> None:
    assert len(seen.told) == 1
    assert [line.kind for line in seen.asked] == ["question"]
    assert (facts.open, facts.consents, facts.answers) == ("question", {TAILOR: "given"}, {})


def permitted(seen: Seen, facts: Facts) -> None:
    """What was said before permission was asked for is read back now, and not stored yet."""
    assert len(seen.told) == 1
    assert [(line.kind, len(line.labels)) for line in seen.asked] == [("question", 3)]
    assert (facts.open, facts.consents, facts.answers) == ("confirm", {TAILOR: "given"}, {})


def claimed(seen: Seen, facts: Facts) -> None:
    """What was said before signing in is of the same person from now on."""
    _one_sentence(seen, facts)
    assert (facts.answers, facts.left, facts.consents) == (LEFT, {}, {TAILOR: "given"})
    assert facts.outcomes[-1] == "answered"


def unclaimed(seen: Seen, facts: Facts) -> None:
    """It is deleted at once."""
    _one_sentence(seen, facts)
    _unchanged(seen, facts)
    assert facts.left == {}
    assert facts.outcomes[-1] == "declined"


def invited(seen: Seen, facts: Facts) -> None:
    """The link is given, in words that may be passed on, and nothing is asked."""
    assert len(seen.told) == 2
    assert LINK in seen.told[1].text
    assert not seen.asked
    assert facts.open is None
    assert facts.outcomes[-1] == "answered"
    _unchanged(seen, facts)


def refused(seen: Seen, facts: Facts) -> None:
    _one_sentence(seen, facts)
    assert (facts.consents, facts.answers) == ({TAILOR: "refused"}, {})
    assert facts.outcomes[-1] == "declined"


def permits(seen: Seen, facts: Facts) -> None:
    """Permission is asked for before anything said unasked is read back."""
    assert not seen.told
    assert [line.kind for line in seen.asked] == ["consent"]
    assert facts.open == "consent"
    _unchanged(seen, facts)


def read_back(seen: Seen, facts: Facts) -> None:
    assert not seen.told
    assert [(line.kind, len(line.labels)) for line in seen.asked] == [("question", 3)]
    assert facts.open == "confirm"
    _unchanged(seen, facts)


def stored(seen: Seen, facts: Facts) -> None:
    case = seen.case
    _one_sentence(seen, facts)
    wanted = STORED.get(case.state)
    if wanted is None:
        wanted = YES_OR_NO[case.act]
    kept = facts.answers
    if case.state == "picking":  # which option stood first is another with each shopper
        assert kept.keys() == wanted.keys()
        assert "," not in kept["matters_most"]
    else:
        assert kept == wanted
    assert facts.outcomes[-1] == "answered"


def stops(seen: Seen, facts: Facts) -> None:
    """One confirmation, nothing open, nothing asked any more, every permission withdrawn."""
    _one_sentence(seen, facts)
    _nothing_asked_later(seen)
    assert STOPPED in facts.wishes
    assert set(facts.consents.values()) == (
        {"withdrawn"} if seen.case.state in PERMITTED else set()
    )
    assert not facts.answers
    assert seen.open is None or facts.outcomes[-1] == "withdrawn"


def leaves(seen: Seen, facts: Facts) -> None:
    assert len(seen.told) == 1
    assert seen.asked == ([seen.open] if seen.open else [])
    assert NO_PHONE in facts.wishes
    _unchanged(seen, facts)


def pauses(seen: Seen, facts: Facts) -> None:
    _one_sentence(seen, facts)
    _unchanged(seen, facts)
    assert PAUSED in facts.wishes


def calls(seen: Seen, facts: Facts) -> None:
    """A person is called, and the assistant is silent from then on."""
    _one_sentence(seen, facts)
    _unchanged(seen, facts)
    assert facts.handed_off
    assert not any(seen.after)
    assert seen.open is None or facts.outcomes[-1] == "skipped"


def comforts(seen: Seen, facts: Facts) -> None:
    """Help is offered, and nothing is asked: a yes would have nothing to be a yes to."""
    _one_sentence(seen, facts)
    assert "?" not in seen.told[0].text
    _unchanged(seen, facts)
    _nothing_asked_later(seen)
    assert COMPLAINT in facts.wishes
    assert seen.open is None or facts.outcomes[-1] == "skipped"


def mourns(seen: Seen, facts: Facts) -> None:
    """One short sentence, no question, no product; while a person is talking not even that."""
    _unchanged(seen, facts)
    _nothing_asked_later(seen)
    assert MOMENT in facts.wishes
    assert seen.open is None or facts.outcomes[-1] == "sensitive"
    if seen.case.state == "handed_off":
        assert not seen.lines
        return
    _one_sentence(seen, facts)
    text = seen.told[0].text
    assert "?" not in text
    assert PRODUCT not in text
    assert len(text) < 120


def erases(seen: Seen, facts: Facts) -> None:
    """It asks once whether really, and after a yes nothing is left but the wish to be left alone."""
    assert not seen.told
    assert [(line.kind, len(line.labels)) for line in seen.asked] == [("consent", 2)]
    assert [line.labels for line in seen.after[0]] == [()]
    _nothing_left(facts)


def erased(seen: Seen, facts: Facts) -> None:
    _one_sentence(seen, facts)
    _nothing_left(facts)


def _nothing_left(facts: Facts) -> None:
    assert facts.wishes == {ERASED}
    assert (facts.outcomes, facts.answers, facts.consents, facts.open) == ([], {}, {}, None)


def kept(seen: Seen, facts: Facts) -> None:
    _one_sentence(seen, facts)
    assert ERASED not in facts.wishes
    assert facts.outcomes == ["answered"]


def switches(seen: Seen, facts: Facts) -> None:
    """It goes on in the language that was asked for, with the open question."""
    assert len(seen.told) == 1
    assert len(seen.asked) == (seen.open is not None)
    if seen.open is not None:
        assert len(seen.asked[0].labels) == len(seen.open.labels)
        assert seen.asked[0].text != seen.open.text
        assert facts.open is not None
    _unchanged(seen, facts)


def _closes(outcome: str) -> Callable[[Seen, Facts], None]:
    def closes(seen: Seen, facts: Facts) -> None:
        _one_sentence(seen, facts)
        _unchanged(seen, facts)
        assert facts.outcomes[-1] == outcome

    return closes


_OUTCOMES = ("declined", "skipped", "dont_know", "no_preference", "not_relevant", "already_sorted")
WORDS: dict[str, Callable[[Seen, Facts], None]] = {
    check.__name__: check
    for check in (
        *(talk, silent, again, repeated, reworded, granted, refused, permits, read_back, stored),
        *(permitted, claimed, unclaimed, invited),
        *(stops, leaves, pauses, calls, comforts, mourns, erases, erased, kept, switches),
    )
} | {outcome: _closes(outcome) for outcome in (*_OUTCOMES, "unclear")}


def wrong(seen: Seen, facts: Facts) -> str | None:
    """Tell what is not as it should be, or None."""
    for check in (always, WORDS[seen.case.expected]):
        try:
            check(seen, facts)
        except AssertionError as error:
            broken = extract_tb(error.__traceback__)[-1].line
            return f"{seen.case}\n  {broken}\n  {seen.lines}\n  after: {seen.after}\n  {facts}"
    return None
