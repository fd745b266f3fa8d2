"""Stripe's official SDK builds our requests; we send them, bounded like all others, and read the answers.

The SDK repeats by itself what it thinks may be repeated, tells only that a connection failed and not how far
a call got, and sends a description of this machine along. None of that is wanted where money moves.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from json import dumps
from typing import Any

from stripe import HTTPClient, StripeClient, StripeError
from yarl import URL

from payments.providers.http import Answer, Call, Http, Reach

_SENT = frozenset({"Authorization", "Content-Type", "Idempotency-Key", "Stripe-Version"})


class _NoAnswer(Exception):
    """The call got no whole answer."""


class _Line(HTTPClient):
    """Carries one request of the SDK, and keeps its answer."""

    name = "madzi"

    def __init__(self, http: Http, operation: str) -> None:
        super().__init__()
        self._http = http
        self._operation = operation
        self.answer = Answer(Reach.NEVER, fault="not_sent")

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send what the SDK has built."""
        told = {name: value for name, value in headers.items() if name in _SENT}
        body = post_data.encode() if post_data is not None else None
        call = Call("stripe", self._operation, method.upper(), URL(url, encoded=True), told, body)
        self.answer = await self._http.call(call)
        if self.answer.reach is not Reach.ANSWERED:
            raise _NoAnswer
        return dumps(self.answer.body, default=str).encode(), self.answer.status, {}


async def ask(
    http: Http,
    base_url: str,
    key: str,
    operation: str,
    work: Callable[[StripeClient], Awaitable[object]],
) -> Answer:
    """Return Stripe's answer to the one request that `work` makes with a client."""
    line = _Line(http, operation)
    client = StripeClient(key, base_addresses={"api": base_url}, http_client=line, max_network_retries=0)
    with suppress(StripeError, _NoAnswer):
        await work(client)
    return line.answer
