"""The page where shoppers see what is kept of them and decide about it: plain HTML, forms only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.markup import Markup, join, tag
from preferences.catalogue import Catalogue, Purpose
from preferences.dates import written
from preferences.policy import Policy
from preferences.profile import Answer, ConsentEvent, SuppressionEntry
from preferences.store.own import Own
from preferences.store.sources import SOURCES
from preferences.texts import fill
from preferences.voice import Voice

PATH = "/my-data"
STYLE = f"{PATH}/style.css"
FILE = f"{PATH}/file"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""Of every page of this kind: nobody keeps it, frames it, finds it or hears where it was left for."""

type Prove = Callable[[str], str]
"""Makes the proof that a text stands on this very page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of this kind is made with: the shop's words in the shopper's language.

    `about` is how the words of the page begin in the wording.
    """

    voice: Voice
    locale: str
    about: str = "page"

    def say(self, occasion: str, **facts: str) -> str:
        """Give the page's words for an occasion."""
        return self.voice.say(f"{self.about}_{occasion}", self.locale, 0, **facts)

    def whole(self, *content: Markup) -> str:
        """Put the content into the frame."""
        title = self.say("title")
        top = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", title),
            tag("link", rel="stylesheet", href=STYLE),
        )
        body = tag("body", tag("main", tag("h1", title), *content))
        return "<!doctype html>\n" + tag("html", top, body, lang=self.locale)

    def sentence(self, occasion: str) -> str:
        """Give a page that says one thing."""
        return self.whole(tag("p", self.say(occasion), role="status"))

    def form(self, act: str, *fields: Markup, label: str, **values: str) -> Markup:
        """Give a form with one button; `values` go along unseen."""
        unseen = [tag("input", type="hidden", name=key, value=told) for key, told in values.items()]
        button = tag("button", label, name="act", value=act)
        return tag("form", *unseen, *fields, button, method="post", action=PATH)


def own_page(
    frame: Frame, own: Own, catalogue: Catalogue, policy: Policy, prove: Prove, *, done: bool
) -> str:
    """Show a person what is kept, permitted and silenced, each with what they can do about it."""
    return frame.whole(
        tag("p", frame.say("done"), role="status") if done else join(),
        tag("p", frame.say("intro")),
        join() if own.is_sure else tag("p", frame.say("unsure"), class_="note"),
        _answers(frame, own, catalogue),
        _permissions(frame, own, catalogue),
        _withheld(frame, own, catalogue, prove),
        _quiet(frame, own, catalogue, policy),
        _section(frame, "looks", tag("ul", *_sources(frame))),
        _leaving(frame, own),
    )


def door_page(frame: Frame, link: str) -> str:
    """Ask to come in: what opens the page is pressed by a person."""
    return frame.whole(
        tag("p", frame.say("door")), frame.form("open", label=frame.say("open"), link=link)
    )


def deletion_page(frame: Frame) -> str:
    """Ask once whether really everything is to go."""
    return frame.whole(
        tag("p", frame.say("delete_sure")),
        frame.form("delete", label=frame.say("delete_yes"), sure="yes"),
        tag("p", tag("a", frame.say("delete_no"), href=PATH)),
    )


def _answers(frame: Frame, own: Own, catalogue: Catalogue) -> Markup:
    shown = [_answer(frame, answer, catalogue) for answer in own.answers]
    for answers, why in (
        (own.contradicted, "contradicted"),
        (own.expired, "expired"),
        (own.unpermitted, "unpermitted"),
    ):
        shown += [_answer(frame, answer, catalogue, why) for answer in answers]
    for counted, occasion in ((own.purchases, "data_purchases"), (own.asked, "page_asks")):
        if counted:
            count, where = str(sum(counted.values())), ", ".join(counted)
            said = frame.voice.say(occasion, frame.locale, 0, count=count)
            origin = tag("p", frame.say("from", source=where), class_="quiet")
            shown.append(tag("article", tag("p", said), origin))
    return _section(frame, "answers", *(shown or [tag("p", frame.say("nothing"))]))


def _answer(frame: Frame, answer: Answer, catalogue: Catalogue, unused: str = "") -> Markup:
    """Show an answer; `unused` is the occasion that says why it is not used."""
    date = written(answer.answered_at, frame.locale)
    origin = frame.say("said" if answer.is_declared else "brought", date=date)
    if not answer.is_declared:
        origin = f"{origin} {frame.say('from', source=answer.source)}"
    return tag(
        "article",
        tag("h3", _question(frame, answer.question, catalogue, answer.wording)),
        tag("p", _value(frame, answer, catalogue), class_="value"),
        tag("p", origin, class_="quiet"),
        *([tag("p", frame.say(unused))] if unused else _acts(frame, answer, catalogue)),
    )


def _acts(frame: Frame, answer: Answer, catalogue: Catalogue) -> Iterator[Markup]:
    question = catalogue.questions.get(answer.question)
    if question and question.options and answer.is_declared:
        choices = [
            tag("option", option.label[frame.locale], value=option.value)
            for option in question.options
            if option.value != answer.value
        ]
        select = tag("select", *choices, name="value", aria_label=frame.say("right"))
        yield frame.form("correct", select, label=frame.say("correct"), answer=answer.id)
    yield frame.form("mute", label=frame.say("mute"), scope="topic", target=answer.question)


def _permissions(frame: Frame, own: Own, catalogue: Catalogue) -> Markup:
    given = [event for event in own.profile.consents.values() if event.permits]
    shown = [_permission(frame, event, catalogue) for event in given]
    return _section(frame, "permissions", *(shown or [tag("p", frame.say("nothing"))]))


def _withheld(frame: Frame, own: Own, catalogue: Catalogue, prove: Prove) -> Markup:
    """Show what they can permit, each by itself, to whom the answer is sure to belong."""
    given = {name for name, event in own.profile.consents.items() if event.permits}
    left = [name for name in catalogue.purposes if name not in given]
    if not left or not own.may_permit:
        return join()
    offers = (_offer(frame, name, catalogue.purposes[name], prove) for name in left)
    return _section(frame, "withheld", tag("p", frame.say("withheld_how")), *offers)


def _offer(frame: Frame, name: str, purpose: Purpose, prove: Prove) -> Markup:
    notice, agree = notice_of(frame, purpose), purpose.agree[frame.locale]
    form = frame.form("permit", label=agree, purpose=name, shown=prove(notice))
    return tag("article", tag("blockquote", notice), form)


def notice_of(frame: Frame, purpose: Purpose) -> str:
    """Give the words that ask for a permission, as they stand on the page."""
    return frame.voice.fill(purpose.wording[frame.locale])


def _permission(frame: Frame, event: ConsentEvent, catalogue: Catalogue) -> Markup:
    purpose = catalogue.purposes.get(event.purpose)
    notice = notice_of(frame, purpose) if purpose else event.purpose
    return tag(
        "article",
        tag("p", frame.say("given", date=written(event.occurred_at, frame.locale)), class_="quiet"),
        tag("blockquote", notice),
        frame.form("withdraw", label=frame.say("withdraw"), purpose=event.purpose),
    )


def _quiet(frame: Frame, own: Own, catalogue: Catalogue, policy: Policy) -> Markup:
    silences = own.profile.suppressions
    shown = [_silence(frame, entry, catalogue) for entry in silences]
    acts = [
        frame.form("pause", label=frame.say("pause", days=str(policy.days_between_questions))),
        frame.form("stop", label=frame.say("stop")),
    ]
    open_to_all = all(entry.scope != "all" for entry in silences)
    promise = frame.voice.say("promise", frame.locale, 0, **policy.promised)
    said = [tag("p", f"{frame.say('asked')} {promise}"), *acts] if open_to_all else []
    return _section(frame, "quiet", *shown, *said)


def _silence(frame: Frame, entry: SuppressionEntry, catalogue: Catalogue) -> Markup:
    until = entry.until and frame.say("until", date=written(entry.until, frame.locale))
    end = f" ({until})" if until else ""
    return tag(
        "article",
        tag("p", f"{_silent(frame, entry, catalogue)}{end}"),
        frame.form("lift", label=frame.say("lift"), scope=entry.scope, target=entry.target),
    )


def _silent(frame: Frame, entry: SuppressionEntry, catalogue: Catalogue) -> str:
    match entry.scope:
        case "all":
            return frame.say("silent")
        case "channel":
            return frame.say("silent_by", target=entry.target)
        case _:
            return frame.say(
                "silent_about", target=_question(frame, entry.target, catalogue, entry.target)
            )


def _sources(frame: Frame) -> Iterator[Markup]:
    """Tell what the rules go by, and what for."""
    return (tag("li", frame.say(f"looks_{name}")) for name in SOURCES)


def _leaving(frame: Frame, own: Own) -> Markup:
    file = tag("p", tag("a", frame.say("file"), href=FILE, download=True))
    return _section(
        frame,
        "take",
        file if own.is_sure else join(),
        frame.form("delete", label=frame.say("delete")),
    )


def _section(frame: Frame, occasion: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", frame.say(occasion)), *content)


def _question(frame: Frame, name: str, catalogue: Catalogue, instead: str) -> str:
    """Name a question as it was put, else as it is put now; what is none by its own name."""
    question = catalogue.questions.get(name)
    if instead != name and instead:
        return instead
    return fill(question.wording[frame.locale], {"shop": frame.voice.shop}) if question else name


def _value(frame: Frame, answer: Answer, catalogue: Catalogue) -> str:
    question = catalogue.questions.get(answer.question)
    chosen = question.chosen(answer.value) if question else ()
    labels = ", ".join(option.label[frame.locale] for option in chosen)
    said = labels or answer.own_words or answer.value
    return frame.voice.say(
        "data_unwanted" if answer.unwanted else "quoted", frame.locale, answer=said
    )
