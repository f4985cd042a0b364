from collections import Counter
from dataclasses import replace

import pytest

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.simulation.life import Year, live
from tests.preferences.scenes import INVITING, POLICY, VOICE

ASSISTANT = Assistant(load_catalogue(), VOICE, POLICY, INVITING)


@pytest.fixture(scope="module")
def years() -> list[Year]:
    return [live(4, number, 365, ASSISTANT) for number in range(80)]


def test_the_same_seed_lives_the_same_year(years: list[Year]) -> None:
    assert [live(4, number, 365, ASSISTANT) for number in range(10)] == years[:10]
    assert live(5, 0, 365, ASSISTANT) != years[0]


def test_without_a_page_of_terms_nobody_is_invited(years: list[Year]) -> None:
    plain = Assistant(load_catalogue(), VOICE, POLICY)

    alone = [live(4, number, 365, plain) for number in range(10)]

    assert any(asked.kind == "invite" for year in years for asked in year.asked)
    assert not [asked for year in alone for asked in year.asked if asked.kind == "invite"]


def test_no_limit_is_ever_exceeded(years: list[Year]) -> None:
    assert [year.breaches for year in years if year.breaches] == []


def test_time_never_goes_back_in_a_life(years: list[Year]) -> None:
    for year in years:
        moments = [decision.at for decision in year.decisions if decision.at is not None]
        assert moments == sorted(moments)
        assert len(moments) == len(year.decisions)


def test_all_that_people_do_with_a_question_happens(years: list[Year]) -> None:
    outcomes = {asked.outcome for year in years for asked in year.asked}

    assert outcomes >= {"answered", "skipped", "declined", None}


def test_nobody_is_asked_a_question_before_permission_was_asked_for(years: list[Year]) -> None:
    for year in years:
        permitted = set[str]()
        for asked in year.asked:
            if asked.kind == "consent":
                permitted.add(asked.purpose)
            elif asked.kind == "question" and asked.here:  # who asks elsewhere has their own
                assert asked.purpose in permitted


def test_people_complain_mourn_send_back_and_praise_and_talk_on_several_channels(
    years: list[Year],
) -> None:
    fates, channels = Counter[str](), Counter[str]()
    for year in years:
        fates.update(year.fates)
        channels.update(year.places)

    assert fates.keys() == {"return", "complaint", "loss", "praise", "poll"}
    assert channels.keys() == {"web", "whatsapp", "mail", "desk"}


def test_some_are_invited_and_some_of_them_take_a_link(years: list[Year]) -> None:
    invited = [asked for year in years for asked in year.asked if asked.kind == "invite"]

    assert {asked.outcome for asked in invited} >= {"answered", "declined"}
    assert len(invited) < sum(year.orders for year in years) / 10


def test_what_does_not_fit_is_asked_about_and_answered_truly(years: list[Year]) -> None:
    about_gifts = [
        asked for year in years for asked in year.asked if asked.question == "gift_or_self"
    ]

    assert about_gifts
    assert sum(sum(year.misfits.values()) for year in years) >= len(about_gifts)


def test_who_says_stop_is_not_asked_any_more(years: list[Year]) -> None:
    stopped = [year for year in years if any(asked.outcome == "withdrawn" for asked in year.asked)]

    assert stopped
    for year in stopped:
        last = max(n for n, asked in enumerate(year.asked) if asked.outcome == "withdrawn")
        assert year.asked[last + 1 :] == ()


@pytest.mark.parametrize(("a_month", "share"), [(0, 0), (1, 0.9)])
def test_a_tighter_limit_lets_less_be_asked(years: list[Year], a_month: int, share: float) -> None:
    tight = POLICY.model_copy(update={"questions_per_month": a_month})
    assistant = replace(ASSISTANT, policy=tight)

    def questions(lived: list[Year]) -> int:
        return sum(asked.kind in {"question", "invite"} for year in lived for asked in year.asked)

    asked = questions([live(4, number, 365, assistant) for number in range(30)])

    assert asked <= share * questions(years[:30])
