"""KCB's multi-currency gateway for East Africa (document 002); a provider apart from KCB Buni.

The wire format is ASSUMED: nothing of it is public but its address, its API key and the header
`externalOrigin` (reference kcb-buni §7). Whoever gets the gateway's documents mends `kcb_multi_wire` and
`kcb_multi_codes`, and the vectors beside them; nothing else knows the format. Its callback is not signed: a
hint, which the query confirms.
"""

import json

from core.clock import Clock
from core.errors import Refused, Unavailable
from payments.providers import kcb_multi_wire as wire
from payments.providers.base import Push, PushReply, Report
from payments.providers.http import Answer, Call, Http, Reach, endpoint
from payments.providers.kcb_multi_settings import KcbMultiSettings
from payments.providers.tokens import TokenStore

_REFUSED = frozenset({401, 403})
_NOBODYS = "00000000-0000-4000-8000-000000000000"


class KcbMulti:
    """The gateway with one branch's key."""

    name = "kcb_multi"

    def __init__(
        self,
        settings: KcbMultiSettings,
        *,
        account_id: str,  # noqa: ARG002 - as all rails are built; a key needs no token of its own
        http: Http,
        clock: Clock | None = None,  # noqa: ARG002
        store: TokenStore | None = None,  # noqa: ARG002
    ) -> None:
        self._settings = settings
        self._http = http
        self.traits = wire.traits(settings)

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; must not be repeated once it may have been taken."""
        fault = wire.amount_fault(push, self._settings)
        if fault is not None:
            return fault
        return wire.read_push(await self._call("push", "POST", "", json.dumps(wire.push_body(push)).encode()))

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - our own name will do
        """Ask what became of a push."""
        return wire.read_query(await self._call("query", "GET", f"/{reference}"), self._settings)

    def read_callback(self, body: bytes) -> Report:
        """Read a callback; raises BadInput."""
        return wire.read_callback(body, self._settings)

    async def check(self) -> None:
        """See that the key opens the gateway, by asking about nothing; raises Refused, Unavailable."""
        answer = await self._call("check", "GET", f"/{_NOBODYS}")
        if answer.reach is not Reach.ANSWERED:
            raise Unavailable(f"no answer: {answer.fault}", code="provider_unavailable")
        if answer.status in _REFUSED:
            raise Refused("the gateway refuses this key or this origin", code="key_refused")

    async def _call(self, operation: str, method: str, path: str, body: bytes | None = None) -> Answer:
        url = endpoint(self._settings.base_url, wire.PAYMENTS + path)
        headers = wire.headers(self._settings)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._http.call(Call("kcb_multi", operation, method, url, headers, body))
