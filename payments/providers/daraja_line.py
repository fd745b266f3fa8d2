"""Speaks to M-PESA Daraja with a token; one token for all operations of an account."""

import base64
import json
from typing import Any

from core.clock import Clock
from payments.providers.daraja_wire import refuses_token
from payments.providers.http import Answer, Call, Http, endpoint
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

_TOKEN = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - a path


class Line:
    """The calls of one set of credentials."""

    def __init__(
        self, settings: DarajaSettings, account_id: str, http: Http, clock: Clock, store: TokenStore
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._tokens = Tokens(account_id, self._fetch_token, store, clock)

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused. It ends the life of the token before."""
        await self._tokens.fetch_new()

    async def post(self, operation: str, path: str, body: dict[str, Any]) -> Answer:
        """Send a request; raises Refused or Unavailable where there is no token to send it with."""
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
