"""Writes what a shopper does not want, and that the shopper, nobody else, wants it again."""

from datetime import timedelta

from sqlmodel import col, or_, select

from preferences.conversation import Lifted, Suppress
from preferences.store.desk import Desk
from preferences.store.ids import new_id
from preferences.store.persons import of_person
from preferences.store.tables import SuppressionRow

_ASKED_FOR = ("shopper_", "already_sorted", "not_relevant")


def write_suppression(desk: Desk, record: Suppress) -> None:
    """Keep it with the message that is its evidence; the moment may forbid on its own, too."""
    until = None if record.days is None else desk.state.now + timedelta(days=record.days)
    wish = record.suppression
    desk.session.add(
        SuppressionRow(
            id=new_id(),
            shopper_id=desk.state.shopper,
            scope=wish.scope,
            target=wish.target,
            source="shopper" if wish.reason.startswith(_ASKED_FOR) else "assistant",
            reason=wish.reason,
            message_id=desk.message_id,
            created_at=desk.state.now,
            expires_at=until,
        )
    )
    desk.note("suppression.added", scope=wish.scope, target=wish.target)


async def lift_suppressions(desk: Desk, record: Lifted) -> None:
    """Lift what is in force: this shopper says so, by this very message.

    Where kinds of goods are named, only what fell silent with them after a loss is lifted.
    """
    until = col(SuppressionRow.expires_at)
    in_force = select(SuppressionRow).where(
        of_person(SuppressionRow.shopper_id, desk.state.head),
        col(SuppressionRow.lifted_at).is_(None),
        or_(until.is_(None), until > desk.state.now),
    )
    if record.categories:
        in_force = in_force.where(
            SuppressionRow.reason == "sensitive_moment",
            or_(
                SuppressionRow.scope == "all",
                col(SuppressionRow.target).in_(record.categories),
            ),
        )
    for row in (await desk.session.exec(in_force)).all():
        row.lifted_at, row.lifted_by = desk.state.now, f"shopper:{desk.message_id}"
        desk.session.add(row)
        desk.note("suppression.lifted", scope=row.scope, target=row.target)
