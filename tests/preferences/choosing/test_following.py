from datetime import timedelta

import pytest

from preferences.buying import Bought, Order
from preferences.choosing.following import follow_up, welcome
from preferences.habit import Article
from preferences.policy import FollowUpPolicy, WelcomePolicy
from tests.preferences.scenes import DAY, NOW

POLICY = FollowUpPolicy(
    question="how_was_it",
    days=7,
    categories={"coffee": 10, "coffee/machines": 21},
    articles={"beans": 3},
    expires_days=30,
)


def a_line(sku: str, category: str = "", price: float | None = None, quantity: int = 1) -> Bought:
    return Bought(sku, sku.title(), Article(category, price=price, quantity=quantity))


def an_order(*lines: Bought) -> Order:
    return Order("order", "web", NOW, NOW, "", marked=False, lines=lines)


@pytest.mark.parametrize(
    ("line", "days"),
    [
        (a_line("lamp", "home"), 7),
        (a_line("cup", "coffee/cups"), 10),
        (a_line("machine", "Coffee > Machines > Small"), 21),
        (a_line("beans", "coffee"), 3),
    ],
)
def test_each_article_has_its_own_time_after_the_delivery(line: Bought, days: int) -> None:
    one = follow_up(an_order(line), NOW, POLICY)

    assert one is not None
    assert (one.question, one.reason, one.line) == ("how_was_it", "follow_up", line)
    assert (one.due_at, one.expires_at) == (NOW + days * DAY, NOW + (days + 30) * DAY)


def test_of_several_articles_the_dearest_is_asked_about() -> None:
    lines = a_line("cup", price=9.0, quantity=6), a_line("machine", price=300.0), a_line("gift")
    one = follow_up(an_order(*lines), NOW, POLICY)

    assert one is not None
    assert one.line == lines[1]


def test_what_was_given_back_as_a_whole_is_no_occasion() -> None:
    assert follow_up(an_order(), NOW, POLICY) is None


def test_a_welcome_asks_in_turn_and_ends() -> None:
    policy = WelcomePolicy(questions=("a", "b", "c"), days_between=7, expires_days=10)

    assert [(one.question, one.due_at, one.expires_at) for one in welcome(NOW, policy)] == [
        ("a", NOW, NOW + timedelta(days=10)),
        ("b", NOW + timedelta(days=7), NOW + timedelta(days=10)),
    ]
