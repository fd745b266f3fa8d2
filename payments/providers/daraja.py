"""M-PESA Daraja: STK push, its query, its callback (reference daraja)."""

import base64
import json
from dataclasses import replace
from typing import Any

from core.clock import Clock
from core.errors import MadziError
from payments.providers.base import Outcome, Push, PushReply, Report
from payments.providers.daraja_callback import read_callback
from payments.providers.daraja_wire import (
    TRAITS,
    amount_fault,
    error_of,
    paced,
    push_body,
    query_body,
    read_push,
    read_query,
    refuses_token,
)
from payments.providers.faults import push_without_token, report_without_token
from payments.providers.http import Answer, Call, Http, Reach, endpoint
from payments.providers.pace import Pace
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

_PUSH = "/mpesa/stkpush/v1/processrequest"
_QUERY = "/mpesa/stkpushquery/v1/query"
_TOKEN = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - a path


class Daraja:
    """M-PESA Daraja with one set of credentials."""

    name = "daraja"
    traits = TRAITS

    def __init__(
        self,
        settings: DarajaSettings,
        *,
        account_id: str,
        http: Http,
        clock: Clock,
        store: TokenStore,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._tokens = Tokens(account_id, self._fetch_token, store, clock)
        self._pace = pace or Pace(settings.queries_per_minute, most_wait_s=settings.query_wait_s)

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; must not be repeated once it may have been taken."""
        fault = amount_fault(push)
        if fault is not None:
            return fault
        body = push_body(push, self._settings, self._clock.now())
        try:
            answer = await self._post("push", _PUSH, body)
        except MadziError as no_token:
            return push_without_token(no_token)
        return read_push(answer)

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Ask what became of a push; without the CheckoutRequestID nobody can say."""
        if not provider_reference:
            return Report(Outcome.UNKNOWN, code="no_reference")
        wait_s = await self._pace.enter()
        if wait_s:
            return paced(provider_reference, wait_s)
        body = query_body(provider_reference, self._settings, self._clock.now())
        try:
            answer = await self._post("query", _QUERY, body)
        except MadziError as no_token:
            return report_without_token(no_token)
        return self._heeded(answer, read_query(answer, provider_reference))

    def read_callback(self, body: bytes) -> Report:
        """Read a result notice (reference §3)."""
        return read_callback(body)

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused. It ends the life of the token before."""
        await self._tokens.fetch_new()

    def _heeded(self, answer: Answer, report: Report) -> Report:
        """Pause all queries of the account where the provider says that they are too many."""
        if answer.reach is not Reach.ANSWERED or not error_of(answer).is_rate:
            return report
        pause_s = max(self._settings.spike_pause_s, answer.retry_after_s or 0)
        self._pace.pause(pause_s)
        return replace(report, retry_after_s=pause_s)

    async def _post(self, operation: str, path: str, body: dict[str, Any]) -> Answer:
        url = endpoint(self._settings.base_url, path)
        raw = json.dumps(body).encode()

        async def send(token: str) -> Answer:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            return await self._http.call(Call("daraja", operation, "POST", url, headers, raw))

        return await authorised(self._tokens, send, refuses_token)

    async def _fetch_token(self) -> Token:
        key, secret = self._settings.consumer_key, self._settings.consumer_secret
        keys = f"{key.get_secret_value()}:{secret.get_secret_value()}"
        headers = {"Authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"}
        call = Call("daraja", "token", "GET", endpoint(self._settings.base_url, _TOKEN), headers)
        return read_token(await self._http.call(call), self._clock.now())
