"""Names of a test's own world: where they lead to, and how often somebody asked."""

import socket
from collections.abc import Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult


class Names(AbstractResolver):
    """Answers from a table; a name with several answers gives the next one each time it is asked."""

    def __init__(self, table: Mapping[str, Sequence[str] | Sequence[Sequence[str]]]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        answers = self.table.get(host)
        if answers is None:
            raise OSError(socket.EAI_NONAME, "Name or service not known")
        turn = self.asked.count(host)
        self.asked.append(host)
        if not isinstance(answers[0], str):
            answers = answers[min(turn, len(answers) - 1)]
        return [
            ResolveResult(
                hostname=host,
                host=str(one),
                port=port,
                family=socket.AF_INET6 if ":" in str(one) else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in answers
        ]

    async def close(self) -> None:
        pass


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
