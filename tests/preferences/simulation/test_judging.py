from preferences.habit import Habit, habit_of
from preferences.policy import load_policy
from preferences.simulation.judging import Judged
from preferences.simulation.orders import Order
from tests.preferences.purchases import DRESS, SHIRT, an_order, other

POLICY = load_policy().misfit
MEN = habit_of([an_order()] * 12)


def judged(*orders: Order, habit: Habit = MEN) -> dict[str, dict[str, object]]:
    told = Judged()
    for order in orders:
        told.add(order, habit, POLICY)
    return {page["method"]: page for page in told.figures()}


def test_each_way_to_ask_is_measured_against_the_truth() -> None:
    tea = other(SHIRT, category="tea", audience="", size="")
    orders = (
        Order(1, an_order(SHIRT, DRESS), ("self", "gift")),
        Order(2, an_order(tea), ("self",)),
        Order(3, an_order(), ("household",)),
    )

    figures = judged(*orders)

    ours = figures["misfit"]
    assert (ours["lines"], ours["asked"]) == (4, 1)
    assert (ours["precision"], ours["precision_for_others"]) == (1.0, 1.0)
    assert (ours["false_positive_rate"], ours["recall"]) == (0.0, 0.5)
    assert (ours["recall_gift"], ours["recall_household"]) == (1.0, 0.0)
    assert ours["recall_changed"] is None
    assert figures["category_change"]["asked"] == 2
    assert figures["category_change"]["precision"] == 0.5
    assert figures["category_change"]["false_positive_rate"] == 0.5
    assert figures["ask_always"]["asked"] == 4
    assert figures["ask_always"]["recall"] == figures["ask_always"]["false_positive_rate"] == 1.0


def test_a_new_taste_is_worth_the_question_but_not_for_others() -> None:
    figures = judged(Order(1, an_order(DRESS), ("changed",)))

    assert figures["misfit"]["precision"] == 1.0
    assert figures["misfit"]["precision_for_others"] == 0.0


def test_lines_without_enough_of_a_history_are_counted_apart() -> None:
    told = Judged()
    told.add(Order(1, an_order(SHIRT, DRESS), ("self", "gift")), Habit(), POLICY)

    assert told.early == 2
    assert all(page["lines"] == 0 for page in told.figures())
    assert (told + told).early == 4
