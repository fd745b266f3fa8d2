"""The gateway as aggregators see it: an address, a token, and what is posted to it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from simulators.aggregator.wires.base import Answer, Post

_AT_ONCE = 256
_HOP_METADATA = "at-ussd-hop-metadata"


class Unanswered(Exception):
    """The gateway could not be reached or did not answer in time."""


class Gateway:
    """Posts to `{url}/{kind}/{channel}/{token}{rest}` over one pooled session."""

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

    async def post(self, kind: str, rest: str, form: Mapping[str, str]) -> Answer:
        """Post one form of Africa's Talking to the `ussd` or `sms` side. Raises Unanswered."""
        return await self._send(kind, Post("africastalking", rest, form=form))

    async def send(self, post: Post) -> Answer:
        """Post one hop or end of a call, over any aggregator's wire. Raises Unanswered."""
        return await self._send("ussd", post)

    async def _send(self, kind: str, post: Post) -> Answer:
        if self._session is None:
            raise Unanswered("the gateway's session is not open")
        url = f"{self.url}/{kind}/{post.channel}/{self.token}{post.rest}"
        try:
            async with self._session.post(
                url, data=post.form, json=post.value, headers=post.headers
            ) as reply:
                text = await reply.text(errors="replace")
                return Answer(reply.status, text, reply.headers.get(_HOP_METADATA, ""))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from None
