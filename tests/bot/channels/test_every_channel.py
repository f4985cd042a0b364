"""What holds on every channel alike, the website's among them: each is tried by a visitor of its own."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from preferences.catalogue import Question, load_catalogue
from preferences.settings.channels import CHANNEL_NEEDS
from preferences.store.keys import issue_key
from preferences.store.ledger import Notice
from preferences.store.links import link, unlink
from preferences.store.profiles import read_profile
from preferences.store.tables import ConsentRow
from preferences.store.wishes import Reported, report_decision
from preferences.understanding import Guess
from tests.bot.channels.conftest import Dial, Line
from tests.bot.channels.visiting import (
    CHANNELS,
    NUMBERED,
    PAGES,
    Told,
    Visitor,
    receiving,
    visitor,
)
from tests.preferences.store.machines.world import THOROUGH

HELLO = (
    "Hello, I am the automated assistant of Corner Shop, not a person."
    " I am here to note what suits you."
)
WELCOME_BACK = (
    "Welcome back. I am the automated assistant of Corner Shop, not a person,"
    " here to note what suits you."
)
NOTICE = (
    "May I keep what you tell me here, so that Corner Shop can fit its suggestions to you?"
    " You can take it back at any time: just write “stop”."
)
GIFT = "To get our suggestions right: is “the toy mouse” a gift, or for you?"
SIZE = "So that the size suits next time: how does “the toy mouse” fit?"
CALLED = "I am calling a person from Corner Shop. I stay quiet until then."
_WHAT_FOR = re.compile(r"^(So that|To) [^.?]+: [^.?]+[.?]")
_AT_A_TIME = 3
_WAYS = ("words", "button", "number")

every_channel = pytest.mark.parametrize("channel", CHANNELS)


async def asked(line: Line, channel: str) -> tuple[Visitor, Told]:
    """Give somebody who was greeted and has given permission, and the question they were asked."""
    shopper = await visitor(line, channel)
    assert (await shopper.says("hello")).text.startswith(HELLO)
    await shopper.is_worth_asking("gift_or_self")
    notice = await shopper.opens()
    return shopper, await shopper.presses(notice, "Yes, you may")


@every_channel
async def test_who_comes_back_is_greeted_as_one_who_comes_back_and_asked_nothing_that_is_known(
    dial: Dial, channel: str
) -> None:
    async with receiving(dial) as line:
        shopper, question = await asked(line, channel)
        assert GIFT in question.text
        thanks = await shopper.presses(question, "A gift")
        assert await shopper.answered() == {"gift_or_self": "gift"}
        await shopper.stays_away(days=31)
        await shopper.signs_in_anew()
        await shopper.is_worth_asking("gift_or_self", "size_fit")
        back = await shopper.opens()
        later = await shopper.says("hello")

        assert WELCOME_BACK not in thanks.text + later.text
        assert back.text.startswith(f"{WELCOME_BACK}\n\n{SIZE}")
        assert GIFT not in back.text + later.text
        assert HELLO not in back.text + later.text


@every_channel
async def test_who_only_pauses_is_not_greeted_again(dial: Dial, channel: str) -> None:
    async with receiving(dial) as line:
        shopper = await visitor(line, channel)
        await shopper.says("hello")
        await shopper.stays_away(hours=11)
        again = await shopper.says("hello")

        assert again.text
        assert "automated" not in again.text


@every_channel
async def test_the_first_words_tell_that_it_is_automated_and_what_it_can_do(
    dial: Dial, channel: str
) -> None:
    async with receiving(dial) as line:
        shopper = await visitor(line, channel)
        first = await shopper.opens()

        greeting, _, offer = first.text.partition("\n\n")
        assert greeting == HELLO
        assert "ask what I know about you, or ask for a person" in offer


@every_channel
async def test_a_person_is_called_from_every_state_and_nothing_is_said_until_it_is_handed_back(
    dial: Dial, channel: str
) -> None:
    async with receiving(dial) as line:
        for state in ("new", "consent", "question", "answered"):
            shopper = await visitor(line, channel)
            told = await _in(state, shopper)
            called = await shopper.says("a person please")
            assert called.text.endswith(CALLED)
            assert called.options == ()
            for _ in range(2):
                assert await shopper.says("hello") == Told("")
            assert await shopper.opens() == Told("")
            if told.options:
                assert await shopper.presses(told, told.labels[0]) == Told("")
            await _hands_back(line, shopper)

            assert (await shopper.says("hello")).text, state


async def _in(state: str, shopper: Visitor) -> Told:
    if state == "new":
        return Told("")
    await shopper.says("hello")
    await shopper.is_worth_asking("gift_or_self")
    told = await shopper.opens()
    for label in {
        "consent": (),
        "question": ("Yes, you may",),
        "answered": ("Yes, you may", "A gift"),
    }[state]:
        told = await shopper.presses(told, label)
    return told


async def _hands_back(line: Line, shopper: Visitor) -> None:
    lasts, now = timedelta(hours=1), datetime.now(UTC)
    key = await issue_key(line.store, "a help desk", frozenset({"write"}), lasts, now)
    url = f"{line.gateway.url}/v1/conversations/{(await shopper.conversation()).id}/hand-back"
    headers = {"Authorization": f"Bearer {key}"}
    async with line.gateway.http.post(url, headers=headers) as response:
        assert response.status == 200


@every_channel
async def test_every_question_takes_words_buttons_and_numbers_and_says_what_it_is_for_in_a_sentence(
    dial: Dial, channel: str
) -> None:
    """The first line has the use and what comes of it for the shopper.

    On each channel a question is answered in one way, by turns, and one of those for motives stands for
    all, which are alike; the thorough profile tries every one in every way.
    """
    room, first = asyncio.Semaphore(_AT_A_TIME), CHANNELS.index(channel)
    questions = load_catalogue().questions
    motives = sorted(name for name in questions if name.startswith("motivation_"))
    tried = questions.keys() if THOROUGH else questions.keys() - set(motives) | {motives[first]}
    every = [
        (questions[name], way)
        for place, name in enumerate(sorted(tried))
        for way in (_WAYS if THOROUGH else (_WAYS[(place + first) % len(_WAYS)],))
    ]
    async with receiving(dial) as line:

        async def answers(question: Question, way: str) -> tuple[str, dict[str, str]]:
            async with room:
                shopper = await visitor(line, channel)
                await shopper.says("hello")
                await _permits(shopper, question.purpose)
                await shopper.is_worth_asking(question.id)
                told = await shopper.opens()
                assert _WHAT_FOR.match(told.first_line), told.text
                option = question.options[0]
                label = option.label["en"]
                line.rasa.taught[f"{question.id}, please"] = (
                    Guess("answer", 0.97, question.id, option.value),
                )
                told = await _gives(shopper, told, label, way, f"{question.id}, please")
                if "That's all" in told.labels:
                    await _gives(shopper, told, "That's all", way, "that's all")
                elif "Yes" in told.labels:  # words are read back where more hangs on them
                    await _gives(shopper, told, "Yes", way, "yes")
                return option.value, await shopper.answered()

        given = await asyncio.gather(*(answers(*one) for one in every))

        assert [kept for _, kept in given] == [
            {question.id: value} for (question, _), (value, _) in zip(every, given, strict=True)
        ]


async def _permits(shopper: Visitor, purpose: str) -> None:
    page, now = load_catalogue().purposes[purpose], datetime.now(UTC)
    shown = Notice(purpose, page.version, "en", page.wording["en"], now, "")
    decided = (purpose, "given", None, "en", "web", "test", f"{shopper.name}-{purpose}")
    talk, store = await shopper.conversation(), shopper.line.store
    await report_decision(store, talk.shopper_id, Reported(*decided, shown), page, (), now)


async def _gives(shopper: Visitor, told: Told, label: str, way: str, words: str) -> Told:
    if way == "button":
        return await shopper.presses(told, label)
    if way == "number":
        return await shopper.says(f"{told.labels.index(label) + 1}.")
    return await shopper.says(words)


@every_channel
async def test_a_number_gives_permission_where_the_options_are_numbered_and_nowhere_else(
    dial: Dial, channel: str
) -> None:
    async with receiving(dial) as line:
        shopper = await visitor(line, channel)
        await shopper.says("hello")
        await shopper.is_worth_asking("gift_or_self")
        notice = await shopper.opens()
        assert NOTICE in notice.text
        told = await shopper.says("1")
        given = [row.state for row in await line.rows(ConsentRow)]

        assert bool(NUMBERED.search(notice.text)) is (channel in {"instagram", "twilio"})
        if NUMBERED.search(notice.text):
            assert given == ["given"]
            assert GIFT in told.text
        else:
            assert given == []
            assert "only keep something after a clear yes" in told.text


async def test_nobody_is_taken_for_somebody_else_of_another_channel_without_proof(
    dial: Dial,
) -> None:
    async with receiving(dial) as line:
        people: dict[str, str] = {}
        name = (await visitor(line, "whatsapp")).name
        for channel in CHANNELS:
            shopper = replace(await visitor(line, channel), name=name)
            if channel == "customer":
                shopper.page = await line.gateway.page(name)
            await shopper.says("hello")
            people[channel] = (await shopper.conversation()).shopper_id

        assert people["whatsapp"] == people["twilio"]  # both platforms vouch for the number
        assert len(set(people.values())) == len(people) - 1


@every_channel
async def test_what_was_said_elsewhere_is_told_to_whom_the_shop_vouches_for_and_a_link_is_undone(
    dial: Dial, channel: str
) -> None:
    async with receiving(dial) as line:
        customer, question = await asked(line, "customer")
        await customer.presses(question, "A gift")
        shopper = await visitor(line, channel)
        await shopper.says("hello")
        ends = [(await one.conversation()).shopper_id for one in (customer, shopper)]
        before = [await read_profile(line.store, one) for one in ends]
        by = {"actor": "test", "destinations": ("log",), "now": datetime.now(UTC)}
        await link(line.store, ends[0], ends[1], proof="confirmed_code", **by)
        told = await shopper.says("what do you know about me?")
        own = await customer.says("what do you know about me?")
        await unlink(line.store, ends[0], ends[1], **by)
        after = [await read_profile(line.store, one) for one in ends]

        assert "“A gift”" in own.text
        assert ("“A gift”" in told.text) is (channel == "customer")
        assert "toy mouse" not in told.text or channel == "customer"
        assert [one.answers for one in after] == [one.answers for one in before]
        assert [one.identities for one in after] == [one.identities for one in before]


def test_the_channels_of_these_tests_are_all_there_are() -> None:
    assert {*CHANNELS} == {*CHANNEL_NEEDS, *PAGES}
