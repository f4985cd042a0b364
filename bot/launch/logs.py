"""What each part says, in `log/<part>.log` of the data folder."""

from collections import deque
from pathlib import Path


def rotate(log: Path) -> None:
    """Put the log of the last run aside as `<name>.log.1`, and make room for this one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))


def tail(log: Path, lines: int = 20) -> str:
    """Give the last lines, or an empty text where there is no log."""
    if not log.exists():
        return ""
    with log.open(encoding="utf-8", errors="replace") as text:
        return "".join(deque(text, maxlen=lines)).rstrip()
