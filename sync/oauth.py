"""Speaks to a CRM with a token of OAuth's client credentials flow, which is renewed when it is over."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from preferences.errors import AskfirstError
from sync.errors import DestinationRefusedError
from sync.http import Answer, Client


class ExpiredError(AskfirstError):
    """The token is not accepted any more. A client's `judge` raises it, for a 401 as a rule."""


@dataclass(slots=True)
class SignedIn:
    """A client with an app's key and secret. `path` gives tokens; the first call asks for one."""

    client: Client
    path: str
    key: str
    secret: str = field(repr=False)
    _token: str = field(default="", repr=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def call(self, method: str, path: str, **more: Any) -> Answer:
        """Ask as the client does, and once more with a new token where the old one is over.

        :raises DestinationRefusedError: key and secret give no token, or none that is accepted.
        """
        token = self._token or await self._renew("")
        try:
            return await self._call(token, method, path, **more)
        except ExpiredError:
            token = await self._renew(token)
        try:
            return await self._call(token, method, path, **more)
        except ExpiredError:
            raise self._not_accepted() from None

    async def _call(self, token: str, method: str, path: str, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        return await self.client.call(method, path, headers=headers, **more)

    async def _renew(self, expired: str) -> str:
        """Ask for a token; of several that find the same one expired the first does."""
        async with self._renewing:
            if self._token in ("", expired):
                self._token = await self._sign_in()
        return self._token

    async def _sign_in(self) -> str:
        basic = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = b"grant_type=client_credentials"
        try:
            answer = await self.client.call("POST", self.path, body=form, headers=headers)
        except ExpiredError:
            raise self._not_accepted() from None
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if not answer.is_taken or not token:
            raise self._not_accepted()
        return str(token)

    def _not_accepted(self) -> DestinationRefusedError:
        message = (
            f"{self.client.name} does not accept our credentials; check {self.client.secret}, and "
            "that the app allows the client credentials flow."
        )
        return DestinationRefusedError(message)
