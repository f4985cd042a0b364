"""Free loopback ports, kept for this instance from the moment they are chosen."""

import socket
import sys
from contextlib import ExitStack
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class Ports:
    """Ports that no other program is given while this is open.

    A chosen port stays bound here, without listening: the kernel then gives it to nobody who asks
    for any free one, and our own server, which sets SO_REUSEADDR like every server does, may still
    listen on it, also after a restart. Only Linux allows that; elsewhere the port is only chosen.
    """

    def __init__(self) -> None:
        self._held = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    def choose(self) -> int:
        """Take a port that nobody uses."""
        holder = socket.socket()
        holder.bind((LOOPBACK, 0))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port: int = holder.getsockname()[1]
        if sys.platform == "linux":
            self._held.enter_context(holder)
        else:
            holder.close()
        return port
