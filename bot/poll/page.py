"""The page behind a link of a mailed question: what was chosen, and the button that says so."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.markup import Markup, join, tag
from bot.own.page import Frame
from preferences.catalogue import Question
from preferences.store.polls import Line, Poll

PATH = "/poll"
STOP = "stop"
"""What the form says for the wish to be asked nothing more."""

type Address = Callable[[str, int], str]
"""Gives the path of the page for an ask and one of its choices."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one page is made with: its frame, what was asked, where its form goes, where the talk is."""

    frame: Frame
    poll: Poll
    action: str
    talk: str = ""

    def button(self, name: str, choice: int, label: str = "") -> Markup:
        """Give the button of a choice, by its own label or another."""
        told = label or self.poll.ask.choices[choice].label
        return tag("button", told, name=name, value=str(choice))

    def form(self, *buttons: str) -> Markup:
        """Give a form of buttons, all alike."""
        return tag("form", *buttons, method="post", action=self.action)


def question_page(sheet: Sheet, question: Question, chosen: int, others: Sequence[int]) -> str:
    """Show what was chosen, to be said by a press, and the other choices beside it."""
    frame, label = sheet.frame, sheet.poll.ask.choices[chosen].label
    return frame.whole(
        tag(
            "article",
            tag("h2", sheet.poll.ask.wording),
            tag("p", frame.say("chosen"), class_="quiet"),
            tag("p", frame.voice.say("quoted", frame.locale, answer=label), class_="value"),
            sheet.form(sheet.button("choice", chosen, frame.say("confirm"))),
            tag("p", frame.say("nothing_yet"), class_="quiet"),
        ),
        _others(sheet, frame.say("others"), "choice", others),
        _why(sheet, question),
    )


def stop_page(sheet: Sheet) -> str:
    """Ask once whether nothing more is to be asked."""
    frame = sheet.frame
    return frame.whole(
        tag("article", tag("p", frame.say("stop")), sheet.form(_stop(frame))),
        tag("p", frame.say("automated"), class_="quiet"),
    )


def thanks_page(sheet: Sheet, said: Sequence[Line], instead: Sequence[int], to: Address) -> str:
    """Say what came of it, with one tap beside what is suggested, and what can be put right."""
    return sheet.frame.whole(
        tag("div", *(tag("p", line["text"]) for line in said), role="status"),
        *_taps(said, to),
        _others(sheet, sheet.frame.say("instead"), "instead", instead),
        tag("p", sheet.frame.say("see"), class_="quiet"),
    )


def answered_page(sheet: Sheet, instead: Sequence[int]) -> str:
    """Say that it is answered, not what: a link may be passed on; and what can be put right."""
    return sheet.frame.whole(
        tag("p", sheet.frame.say("answered"), role="status"),
        _others(sheet, sheet.frame.say("instead"), "instead", instead),
        tag("p", sheet.frame.say("see"), class_="quiet"),
    )


def _taps(said: Sequence[Line], to: Address) -> Iterator[Markup]:
    for line in said:
        for number, choice in enumerate(line["choices"]):
            button = tag("button", choice["label"], name="choice", value=str(number))
            yield tag("form", button, method="post", action=to(line["ask"], number))


def _others(sheet: Sheet, heading: str, name: str, choices: Sequence[int]) -> Markup:
    if not choices:
        return join()
    form = sheet.form(*(sheet.button(name, choice) for choice in choices))
    return tag("section", tag("h2", heading), tag("article", form))


def _why(sheet: Sheet, question: Question) -> Markup:
    frame = sheet.frame
    link = tag("p", tag("a", frame.say("talk"), href=sheet.talk, rel="noreferrer"))
    return tag(
        "section",
        tag("h2", frame.say("why")),
        tag("p", frame.voice.fill(question.reason[frame.locale])),
        tag("p", frame.voice.fill(question.use[frame.locale])),
        tag("p", frame.say("automated")),
        link if sheet.talk else join(),
        sheet.form(_stop(frame)),
    )


def _stop(frame: Frame) -> Markup:
    return tag("button", frame.say("stop_label"), name="choice", value=STOP)
