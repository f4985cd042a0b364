"""The lanes in which a CRM is told: a wish overtakes everything, a backfill waits for everything."""

from typing import Literal

type Lane = Literal["wish", "news", "backfill"]
"""Why something is told now: it is taken back or forbidden, it was said, or all is told again."""

LANES: tuple[Lane, ...] = ("wish", "news", "backfill")
"""Every lane, the first first."""
