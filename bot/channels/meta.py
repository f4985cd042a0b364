"""What Meta's products share: handshake, signature, calls of the Graph API, and what errors mean."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, web
from aiohttp.client_exceptions import ConnectionTimeoutError

from bot.channels.channel import SendError, Trouble
from bot.channels.shapes import number, thing, word
from preferences.settings import Settings

_SIGNATURE, _PREFIX = "X-Hub-Signature-256", b"sha256="
_TIMEOUT = ClientTimeout(total=20, sock_connect=5)
_RETRY = frozenset(
    {1, 2, 4, 613, 80007, 130429, 131000, 131016, 131052, 131053, 131056, 131057, 133004}
)
_STOP = frozenset(
    {
        0,
        3,
        10,
        190,
        368,
        130497,
        131005,
        131031,
        131037,
        131042,
        131044,
        131045,
        131048,
        *range(200, 300),
    }
)
_PAIR_LIMIT = 131056
_FINAL_DETAILS = frozenset({1545041, 1893063, 2018001, 2018278, 2018300})
_SERVER_ERROR, _TOO_MANY = 500, 429

META_CHANNELS = frozenset({"whatsapp", "messenger", "instagram"})
"""Those that are called by the Graph API."""

ENDS = {
    "v20.0": date(2026, 9, 24),
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
}
"""When Meta ends a version of the Graph API, as far as it was announced in November 2026."""
_WARN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Meta:
    """One Meta app: what it signs with, and where it is called."""

    secrets: tuple[str, ...]
    verify_token: str
    base: str

    @classmethod
    def of(cls, settings: Settings) -> "Meta":
        """Read it from the settings."""
        held = (settings.meta_app_secret, settings.meta_old_app_secret)
        return cls(
            tuple(one.get_secret_value() for one in held if one.get_secret_value()),
            settings.meta_verify_token.get_secret_value(),
            f"{settings.meta_url.rstrip('/')}/{settings.meta_version}",
        )

    def is_signed(self, request: web.Request, raw: bytes) -> bool:
        """Tell whether one of the secrets signed these very bytes (hex of HMAC-SHA256)."""
        given = request.headers.getall(_SIGNATURE, [])
        if len(given) != 1:
            return False
        sent = given[0].encode("utf-8", "surrogateescape")
        right = [
            _PREFIX + hmac.digest(secret.encode(), raw, sha256).hex().encode()
            for secret in self.secrets
        ]
        return any([hmac.compare_digest(sent, one) for one in right])  # noqa: C419 all are compared

    def handshake(self, request: web.Request) -> web.Response:
        """Repeat the challenge to whoever knows the verify token, and to nobody else."""
        query = request.query
        given = query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
        known = hmac.compare_digest(given, self.verify_token.encode())
        if query.get("hub.mode") != "subscribe" or not known:
            return web.Response(status=403, text="The verify token is missing or wrong.\n")
        return web.Response(text=query.get("hub.challenge", ""))

    async def call(
        self,
        http: ClientSession,
        path: str,
        token: str,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call the Graph API: with a body by POST, without one by GET.

        :raises SendError: it did not do what was asked, or nobody knows.
        """
        return await call(
            http,
            "GET" if body is None else "POST",
            f"{self.base}/{path}",
            trouble=trouble_of,
            headers={"Authorization": f"Bearer {token}"},
            json=body,
        )


async def call(
    http: ClientSession, method: str, url: str, *, trouble: Any, **more: Any
) -> dict[str, Any]:
    """Call a platform once; `trouble(status, answer)` says what is wrong with an answer.

    :raises SendError: it did not do what was asked, or nobody knows.
    """
    try:
        async with http.request(method, url, timeout=_TIMEOUT, **more) as response:
            status = response.status
            try:
                answer = thing(await response.json(content_type=None))
            except ValueError:
                answer = {}
    except (ClientConnectorError, ConnectionTimeoutError) as error:
        raise SendError(trouble="retry", code=type(error).__name__) from None
    except (ClientError, TimeoutError, OSError) as error:  # it may have arrived
        raise SendError(trouble="unknown", code=type(error).__name__) from None
    if wrong := trouble(status, answer):
        raise wrong
    return answer


def trouble_of(status: int, answer: Mapping[str, Any]) -> SendError | None:
    """Say what Meta's answer means for the message."""
    error = thing(answer.get("error"))
    if status < 300 and not error:  # noqa: PLR2004
        return None
    code, detail = number(error.get("code")), number(error.get("error_subcode"))
    name = f"{word(error.get('code')) or f'HTTP {status}'}{f'/{detail}' if detail else ''}"
    kind = classify(status, code, detail, transient=error.get("is_transient") is True)
    return SendError(trouble=kind, code=name, wait=4 if code == _PAIR_LIMIT else 0)


def classify(
    status: int, code: int | None, detail: int | None = None, *, transient: bool = False
) -> Trouble:
    """Give what to do about an error of Meta's by its code."""
    if detail in _FINAL_DETAILS:
        return "final"
    if code in _RETRY or transient or status == _TOO_MANY:
        return "retry"
    if code in _STOP:
        return "stop"
    return "retry" if status >= _SERVER_ERROR else "final"


def end_of(version: str, today: date | None = None) -> str:
    """Give a warning if a version of the Graph API ends within 90 days, or has ended; else nothing."""
    ends, today = ENDS.get(version), today or datetime.now(UTC).date()
    if ends is None and int(version[1:].partition(".")[0]) < 20:  # noqa: PLR2004
        ends = min(ENDS.values())
    if ends is None or ends - today > _WARN:
        return ""
    newest = max(ENDS, key=lambda one: ENDS[one])
    verb = "has ended" if ends <= today else "ends"
    return f"Meta's Graph API {version} {verb} on {ends}; set ASKFIRST_META_VERSION to {newest}."
