"""Names that nobody can guess."""

from uuid import uuid4


def new_id() -> str:
    """Give 122 random bits in 32 characters."""
    return uuid4().hex
