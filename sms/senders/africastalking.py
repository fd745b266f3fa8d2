"""Sending through Africa's Talking with the official SDK, over our own pooled connections.

The SDK builds and checks the form, then posts it with a new connection in the caller's thread. Its
`_make_request` is the one place all calls pass, so a subclass answers it with a coroutine (design §8).
"""

from typing import Any
from urllib.parse import urlencode

import aiohttp
from africastalking.SMS import SMSService

from sms.reasons import Reason
from sms.senders import africastalking_reply
from sms.senders.base import Handed, Outcome, Outgoing
from sms.settings import AfricasTalkingSettings

_LARGEST_REPLY = 65_536
_CONNECT_S = 5.0
# No connection was made, so nothing can have been taken.
_NEVER_REACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class _PooledService(SMSService):  # type: ignore[misc]  # the SDK is not annotated
    """The SDK's SMS service with its request made by aiohttp."""

    def __init__(
        self, session: aiohttp.ClientSession, settings: AfricasTalkingSettings, timeout_s: float
    ) -> None:
        super().__init__(settings.username, settings.api_key.get_secret_value())
        # After the parent, which sets it from the user name.
        self._baseUrl = settings.base_url.rstrip("/") + "/version1"
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=_CONNECT_S)

    # The SDK passes all of these by name.
    async def _make_request(
        self, url: str, method: str, headers: dict[str, str], data: dict[str, Any], **_unused: Any
    ) -> tuple[int, bytes]:
        # Encoded here: aiohttp prepares every form for files, too, a quarter of the whole hand-over's cost.
        form = urlencode({name: str(value) for name, value in data.items()}).encode()
        headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        async with self._session.request(
            method, url, headers=headers, data=form, timeout=self._timeout, allow_redirects=False
        ) as reply:
            return reply.status, await _bounded(reply)


async def _bounded(reply: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in reply.content.iter_chunked(_LARGEST_REPLY):
        body += chunk
        if len(body) > _LARGEST_REPLY:
            reply.close()
            return b""  # no list of recipients is that long: unreadable
    return body


class AfricasTalking:
    """Hands SMS over one by one; `session` is shared and closed by whoever made it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: AfricasTalkingSettings,
        *,
        timeout_s: float = 15.0,
    ) -> None:
        self._service = _PooledService(session, settings, timeout_s)
        self._sender_id = settings.sender_id

    async def send(self, message: Outgoing) -> Handed:
        """Hand over once. A time-out or a broken reply is UNKNOWN: it may have been taken."""
        try:
            status, body = await self._service.send(
                message.text, [message.msisdn], sender_id=message.sender or self._sender_id or None
            )
        except _NEVER_REACHED as error:
            code = f"no connection: {type(error).__name__}"
            return Handed(Outcome.TRY_AGAIN, code=code, reason=Reason.NO_CONNECTION)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Handed(Outcome.UNKNOWN, code=type(error).__name__, reason=Reason.NO_ANSWER)
        except ValueError:
            return Handed(Outcome.REFUSED, code="the SDK refuses the number", reason=Reason.BAD_NUMBER)
        return africastalking_reply.read(status, body, message.msisdn)
