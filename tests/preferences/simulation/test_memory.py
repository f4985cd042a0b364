from dataclasses import replace
from datetime import timedelta

from preferences.conversation import Closed, Lifted, Put, Suppress, Turn
from preferences.simulation.memory import Memory
from tests.preferences.scenes import DAY, MINUTE, NOW, STOPPED, a_candidate, an_ask


def a_memory() -> Memory:
    memory = Memory("shopper")
    memory.meet()
    return memory


def test_a_question_that_goes_on_in_other_words_is_one_question() -> None:
    memory, ask = a_memory(), an_ask("question")
    again = replace(ask, id="again", begun=ask.id)

    memory.keep(Turn(records=(Put(ask),)), NOW)
    memory.keep(Turn(records=(Closed("answered"), Put(again))), NOW + MINUTE)

    assert [asked.question for asked in memory.state(NOW).asked] == ["gift_or_self"]
    assert memory.state(NOW).ask == again


def test_a_candidate_waits_until_it_is_settled_or_too_old() -> None:
    memory, ask = a_memory(), an_ask("question")
    memory.offer(a_candidate(), NOW + DAY)

    assert memory.state(NOW).candidates == (a_candidate(),)
    assert memory.state(NOW + DAY).candidates == ()
    memory.keep(Turn(records=(Put(ask), Closed("declined"))), NOW)
    assert memory.state(NOW).candidates == ()


def test_what_is_left_open_in_one_conversation_is_not_open_in_the_next() -> None:
    memory, ask = a_memory(), an_ask("question")
    memory.keep(Turn(records=(Put(ask),)), NOW)

    memory.meet()
    memory.keep(Turn(records=(Closed("ignored"), Lifted())), NOW)

    state = memory.state(NOW)
    assert state.ask is None
    assert [(asked.outcome, asked.here) for asked in state.asked] == [(None, False)]
    assert state.returning


def test_a_wish_holds_as_long_as_it_was_meant_to() -> None:
    memory = a_memory()
    memory.keep(Turn(records=(Suppress(STOPPED, 7), Suppress(STOPPED))), NOW)

    assert len(memory.state(NOW + 6 * DAY).suppressions) == 2
    assert len(memory.state(NOW + timedelta(days=8)).suppressions) == 1
