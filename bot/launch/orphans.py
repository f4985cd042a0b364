"""Lets the launcher inherit the children of a part that died before them."""

import ctypes
import sys

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Become the parent of every orphan below, so that it can be collected once it has ended.

    In a container the first process often collects nobody, and ended orphans would stay as
    zombies. Nothing happens beyond Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
