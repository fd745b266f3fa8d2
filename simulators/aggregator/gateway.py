"""The gateway as the aggregator sees it: an address, a token, and forms that are posted to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

_AT_ONCE = 256
_HOP_METADATA = "at-ussd-hop-metadata"


class Unanswered(Exception):
    """The gateway could not be reached or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    text: str
    hop_metadata: str = ""


class Gateway:
    """Posts forms to `{url}/{kind}/africastalking/{token}{rest}` over one pooled session."""

    def __init__(self, url: str, token: str, timeout_s: float = 10.0) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def post(self, kind: str, rest: str, form: Mapping[str, str], hop_metadata: str = "") -> Answer:
        """Post one form to the `ussd` or `sms` side. Raises Unanswered."""
        if self._session is None:
            raise Unanswered("the gateway's session is not open")
        url = f"{self.url}/{kind}/africastalking/{self.token}{rest}"
        headers = {_HOP_METADATA: hop_metadata} if hop_metadata else None
        try:
            async with self._session.post(url, data=form, headers=headers) as reply:
                text = await reply.text(errors="replace")
                return Answer(reply.status, text, reply.headers.get(_HOP_METADATA, ""))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from None
