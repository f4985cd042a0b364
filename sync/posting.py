"""Posts one signed message as standardwebhooks.com describes it, and says what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from standardwebhooks import Webhook as Signer
from yarl import URL

from preferences.errors import AskfirstError

PATIENCE = timedelta(seconds=15)
"""How long a whole exchange may take, as the standard advises."""

_LONGEST_WAIT = timedelta(days=1)  # a Retry-After beyond it is taken for a mistake
_MOST_READ = 64 * 1024  # bytes of an answer: enough to use the connection again


class UnansweredError(AskfirstError):
    """No answer came; the message may have arrived all the same: post it again under its name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said: its status, and how long it asks not to be tried again."""

    status: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts to addresses that `check_url` gave, through a guarded session."""

    session: ClientSession
    patience: timedelta = PATIENCE

    async def post(
        self, url: URL, signers: Sequence[Signer], name: str, body: str, now: datetime
    ) -> Answer:
        """Post a body under a name that stays the same when it is posted again.

        :raises UnansweredError: nobody answered in time.
        :raises ForbiddenAddressError: the name leads where nothing is posted.
        """
        try:
            async with self.session.post(
                url,
                data=body.encode(),
                headers=_headers(signers, name, body, now),
                allow_redirects=False,
                timeout=ClientTimeout(total=self.patience.total_seconds()),
            ) as response:
                await _drain(response)
                return Answer(response.status, _retry_after(response, now))
        except (ClientError, TimeoutError, OSError) as error:
            message = f"It cannot be reached ({type(error).__name__}); is it running?"
            raise UnansweredError(message) from None


def _headers(signers: Sequence[Signer], name: str, body: str, now: datetime) -> dict[str, str]:
    at = now.astimezone(UTC)  # the library would take the clock of any other zone for UTC
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signer.sign(name, at, body) for signer in signers),
    }


async def _drain(response: ClientResponse) -> None:
    """Read a little of a body, which says nothing to us; what is longer loses its connection."""
    try:
        read = 0
        async for chunk in response.content.iter_any():
            read += len(chunk)
            if read > _MOST_READ:
                break
        else:
            return
    except (ClientError, TimeoutError, OSError):
        pass  # the status is known, and that is what counts
    response.close()


def _retry_after(response: ClientResponse, now: datetime) -> timedelta:
    """Read seconds or a date; what cannot be read asks for no wait."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        wait = (
            timedelta(seconds=int(text)) if text.isdecimal() else parsedate_to_datetime(text) - now
        )
    except (ValueError, OverflowError, TypeError):
        return timedelta()
    return min(max(wait, timedelta()), _LONGEST_WAIT)
