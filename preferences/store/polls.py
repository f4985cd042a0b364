"""Questions that a shop mails: put like any other, answered by a press on a page that a link opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue, Question
from preferences.choosing import choose, forbidding
from preferences.choosing.inputs import MAIL, Inputs
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Ask, Candidate, Put, Reason, Reply, Suppression
from preferences.dialogue.asks import candidate_ask
from preferences.dialogue.respond import Assistant
from preferences.dialogue.scene import Scene
from preferences.errors import AskfirstError, BadInputError
from preferences.store.conversations import receive
from preferences.store.corrections import put_right
from preferences.store.desk import Desk
from preferences.store.engine import Store, vault_of
from preferences.store.facts import refuse_erased
from preferences.store.ids import new_id
from preferences.store.persons import head_of, hold_person, of_person
from preferences.store.records import write_records
from preferences.store.states import Need, read_consents, read_state, read_suppressions, to_ask
from preferences.store.tables import AnswerRow, AskRow, ConversationRow, MessageRow
from preferences.store.turns import Turns, line_of
from preferences.texts import placeholders
from preferences.understanding import Heard

CHANNEL = "email"
"""The channel of these conversations, by the name that a wish to be left alone there has."""

ONE_PRESS = frozenset({"one_choice", "confirm"})
"""The kinds of question that one press answers whole."""

_PREFERENCE = "channel_preference"
_STOP = "stop"

type Line = Mapping[str, Any]
"""A line that the assistant says, as the log of a conversation gives it."""

type Standing = Literal["open", "answered", "over"]
"""Whether an answer is taken: it is `over` also where it was declined, or may not be kept any more."""


class NotAskedError(AskfirstError):
    """They are not asked; `reasons` say why, the gravest first, and none of them is to be got round."""

    def __init__(self, message: str, reasons: Sequence[Reason]) -> None:
        super().__init__(message)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question that a shop would like to mail.

    `name` is that of the mail: wanted again under it, it is the same one. `page` is where the shop has
    the chat, or empty; without a `locale` it is that of the last conversation, or else `otherwise`.
    """

    question: str
    name: str
    lasts: timedelta
    page: str = ""
    locale: str | None = None
    otherwise: str = "en"


@dataclass(frozen=True, slots=True)
class Poll:
    """A question that was mailed: whose it is, as it was worded, and until when its links hold."""

    shopper: str
    conversation: str
    ask: Ask
    standing: Standing
    until: datetime
    page: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What came of a press: the lines that are said to it, and whether it was this one that was taken."""

    replies: Sequence[Line]
    is_taken: bool


async def put_poll(
    store: Store, shopper: str, wanted: Wanted, assistant: Assistant, now: datetime
) -> Poll:
    """Decide whether a person is asked by mail, and put the question if so; it counts like any other.

    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises BadInputError: it cannot be asked by mail, or the name is that of another mail.
    :raises NotAskedError: something speaks against it; the decision is kept.
    """
    question = _askable(wanted, assistant)
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        await refuse_erased(session, head)
        talk = _name(head, wanted.name)
        if (held := await session.get(ConversationRow, talk)) is not None:
            return await _again(session, held, head, wanted)
        row = ConversationRow(
            id=talk,
            shopper_id=head,
            channel=CHANNEL,
            locale=wanted.locale or await _locale_of(session, head) or wanted.otherwise,
            assurance="claimed",  # a link proves no more than that somebody has it
            referral={"page": wanted.page, "until": (now + wanted.lasts).isoformat()},
            created_at=now,
            seen_at=now,
        )
        ask, reasons = await _decide(session, row, question, assistant, now)
    if ask is None:
        message = f"They are not asked: {', '.join(dict.fromkeys(one.code for one in reasons))}."
        raise NotAskedError(message, reasons)
    return Poll(head, talk, ask, "open", now + wanted.lasts, wanted.page)


async def read_poll(store: Store, ask: str, catalogue: Catalogue, now: datetime) -> Poll | None:
    """Give a question that was mailed, or what was suggested after it, and how it stands now.

    None where there is no such question (any more): of whoever was erased nothing is known.
    """
    async with store.begin(readonly=True) as session:
        row = await session.get(AskRow, ask)
        talk = None if row is None else await session.get(ConversationRow, row.conversation_id)
        if row is None or talk is None or talk.channel != CHANNEL or not talk.referral:
            return None
        head = await head_of(session, row.shopper_id)
        return Poll(
            head,
            talk.id,
            to_ask(vault_of(session), row),
            await _standing(session, row, head, catalogue, now),
            datetime.fromisoformat(talk.referral["until"]),
            talk.referral["page"],
        )


async def press(turns: Turns, poll: Poll, option: int) -> Pressed:
    """Take a press of an option as one in a chat is taken: of one question the first, once.

    :raises NotFoundError: the conversation is gone.
    :raises UnavailableError: it is kept, and is taken as soon as it can be.
    """
    name, now, choice = f"poll-{poll.ask.id}", turns.clock(), poll.ask.choices[option]
    await _disclose(turns.store, poll.conversation, now)
    kept = await receive(
        turns.store,
        poll.conversation,
        message_id=name,
        kind="press",
        text=choice.label,
        body={"ask": poll.ask.id, "option": option},
        now=now,
    )
    replies = await turns.take(poll.conversation, name, Heard(kept.text))
    async with turns.store.begin(readonly=True) as session:
        row = await session.get(AskRow, poll.ask.id)
        answered = select(AnswerRow.id).where(AnswerRow.ask_id == poll.ask.id)
        is_answer = (await session.exec(answered)).first() is not None
    is_ours = kept.body.get("option") == option
    is_met = (
        is_answer if choice.value is not None else row is not None and row.outcome != "withdrawn"
    )
    return Pressed(replies, is_taken=is_ours and is_met)


async def stop(turns: Turns, poll: Poll) -> Sequence[Line]:
    """Take a press of “stop” as the word itself: everywhere, at once, and every permission with it.

    :raises NotFoundError: the conversation is gone.
    :raises UnavailableError: it is kept, and is taken as soon as it can be.
    """
    name, now = new_id(), turns.clock()
    await _disclose(turns.store, poll.conversation, now)
    talk = poll.conversation
    await receive(turns.store, talk, message_id=name, kind="text", text=_STOP, body={}, now=now)
    return await turns.take(talk, name, Heard(_STOP))


async def correct(
    store: Store,
    poll: Poll,
    option: int,
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> bool:
    """Put another option in the place of what was answered to this mail; tell whether it stands now.

    It does not where something else was said since, which a link must not overwrite.

    :raises NotFoundError: they permit no more that it is kept.
    :raises ErasedError: they had everything deleted.
    :raises BadInputError: the question, as it is today, has no such option.
    """
    async with store.begin() as session:
        head = await hold_person(session, poll.shopper)
        await refuse_erased(session, head)
        newest = (
            select(AnswerRow)
            .where(
                of_person(AnswerRow.shopper_id, head),
                AnswerRow.question_id == poll.ask.question,
                AnswerRow.kind == "declared",
            )
            .order_by(col(AnswerRow.answered_at).desc())
            .limit(1)
        )
        wrong, value = (await session.exec(newest)).first(), poll.ask.choices[option].value
        if wrong is None or value is None or wrong.asked_at != poll.ask.asked_at:
            return False
        if wrong.value != value:
            await put_right(session, head, (wrong, value), catalogue, destinations, now)
    return True


def pressable(poll: Poll, question: Question) -> Sequence[int]:
    """Give the choices that one press takes whole, and that the question knows as it is today."""
    one = question.kind in ONE_PRESS
    return [
        number
        for number, choice in enumerate(poll.ask.choices)
        if choice.value is None or (one and question.holds(choice.value))
    ]


def _askable(wanted: Wanted, assistant: Assistant) -> Question:
    question = assistant.catalogue.questions.get(wanted.question)
    if question is None:
        message = f"There is no question {wanted.question}; name one of the catalogue."
    elif question.id in assistant.policy.worth.per_purchase or _names_a_fact(question):
        message = (
            f"{question.id} is about a purchase, or about what was said before, and a link that may be"
            " passed on must not tell that; ask it in the talk."
        )
    elif question.kind not in ONE_PRESS and not wanted.page:
        message = (
            f"No single press answers {question.id} ({question.kind}); give `page`, where the chat is,"
            " and mail the link into the talk."
        )
    else:
        return question
    raise BadInputError(message, field="question")


def _names_a_fact(question: Question) -> bool:
    return any(placeholders(text) - {"shop"} for text in question.wording.values())


async def _again(session: AsyncSession, talk: ConversationRow, head: str, wanted: Wanted) -> Poll:
    """Give the mail of that name as it was made."""
    first = select(AskRow).where(AskRow.conversation_id == talk.id, AskRow.kind == "question")
    row = (await session.exec(first.order_by(col(AskRow.asked_at)).limit(1))).one()
    if row.question_id != wanted.question:
        message = "Another question was mailed under this reference; give each mail its own."
        raise BadInputError(message, field="reference")
    told = talk.referral or {}
    until = datetime.fromisoformat(told["until"])
    return Poll(head, talk.id, to_ask(vault_of(session), row), "open", until, told["page"])


async def _decide(
    session: AsyncSession,
    row: ConversationRow,
    question: Question,
    assistant: Assistant,
    now: datetime,
) -> tuple[Ask | None, Sequence[Reason]]:
    """Decide as in any conversation, of this one question; write the decision, and the ask if any."""
    catalogue, policy = assistant.catalogue, assistant.policy
    candidate = Candidate(f"{MAIL}:{question.id}", question.id, NOTHING, MAIL, now)
    need = Need(occasion=True, knowledge=False, only=candidate)
    state = await read_state(
        session, row, None, need, turn=1, now=now, catalogue=catalogue, policy=policy
    )
    if await _wants_no_mail(session, state.head):
        left = Suppression("channel", CHANNEL, "shopper_left_channel")
        state = replace(state, suppressions=(*state.suppressions, left))
    state = replace(state, seen_at=None)  # nobody is here
    decision = choose(MAIL, state, catalogue, policy)
    inbound = MessageRow(
        conversation_id=row.id,
        seq=1,
        author="shop",
        kind="event",
        sealed_text="",
        lang=row.locale,
        at=now,
    )
    desk = Desk(session, row, inbound, state, catalogue, ())
    if decision.question is None:
        await write_records(desk, (decision,))
        return None, decision.reasons
    ask = candidate_ask(Scene(state, catalogue, assistant.voice, policy), question, candidate)
    session.add(row)
    await session.flush()
    await write_records(desk, (decision, Put(ask)))
    _log(desk, ask, now)
    return ask, ()


def _log(desk: Desk, ask: Ask, now: datetime) -> None:
    """Keep what the mail shows, as what is shown anywhere is kept."""
    shown = Reply("question", ask.wording, ask.id, ask.choices)
    line = line_of(vault_of(desk.session), desk.conversation, desk.inbound, shown, 2, now)
    desk.session.add_all((desk.inbound, line))
    desk.conversation.last_seq = 2


async def _wants_no_mail(session: AsyncSession, head: str) -> bool:
    """Tell whether the last that they said of it is another way, or not this one."""
    query = (
        select(AnswerRow.value, AnswerRow.detail)
        .where(
            of_person(AnswerRow.shopper_id, head),
            AnswerRow.question_id == _PREFERENCE,
            AnswerRow.kind == "declared",
        )
        .order_by(col(AnswerRow.answered_at).desc())
        .limit(10)
    )
    for value, detail in (await session.exec(query)).all():
        is_this, refuses = CHANNEL in value.split(","), detail.get("polarity") == "does_not_want"
        if is_this or not refuses:
            return refuses or not is_this
    return False


async def _standing(
    session: AsyncSession, row: AskRow, head: str, catalogue: Catalogue, now: datetime
) -> Standing:
    if row.kind == "suggestion":
        return "open"  # that no more of it is wanted is heard in any case
    if row.outcome is not None:
        return "answered" if row.outcome == "answered" else "over"
    question = catalogue.questions.get(row.question_id)
    consent = (await read_consents(session, head, now)).get(row.purpose)
    wishes = await read_suppressions(session, head, now)
    moment = Inputs(MAIL, now, head, CHANNEL, row.locale, suppressions=wishes)
    is_permitted = consent is not None and consent.state == "given"
    return "open" if question and is_permitted and not forbidding(moment) else "over"


async def _locale_of(session: AsyncSession, head: str) -> str | None:
    """Give the language of their last conversation."""
    query = (
        select(ConversationRow.locale)
        .where(of_person(ConversationRow.shopper_id, head))
        .order_by(col(ConversationRow.seen_at).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()


async def _disclose(store: Store, conversation: str, now: datetime) -> None:
    """Note that they were told that this is a machine: the page says so before anything is pressed."""
    here = (col(ConversationRow.id) == conversation) & col(ConversationRow.disclosed_at).is_(None)
    async with store.begin() as session:
        await session.exec(update(ConversationRow).where(here).values(disclosed_at=now))


def _name(head: str, name: str) -> str:
    return sha256(f"poll\n{head}\n{name}".encode()).hexdigest()[:32]
