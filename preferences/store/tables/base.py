"""What every table shares, and how its columns are declared."""

from typing import Any, ClassVar

from sqlalchemy import String
from sqlmodel import Field, SQLModel

from preferences.store.types import Json, UtcTime


class Row(SQLModel):
    """What every table shares: a name of its own, given in words of the domain."""

    __tablename__: ClassVar[str]


def a_time(**more: Any) -> Any:
    """Declare a moment, aware and in UTC."""
    return Field(sa_type=UtcTime, **more)


def a_json(**more: Any) -> Any:
    """Declare a value that is kept as JSON."""
    return Field(sa_type=Json, **more)


def a_word(**more: Any) -> Any:
    """Declare a word of a closed vocabulary."""
    return Field(sa_type=String, **more)
