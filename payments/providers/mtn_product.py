"""One product of MTN MoMo: each has its own subscription key, user and token (reference mtn-momo §2)."""

import base64
from dataclasses import dataclass

from pydantic import SecretStr
from yarl import URL

from core.clock import Clock
from payments.providers.http import Answer, Call, Http, endpoint
from payments.providers.mtn_wire import refuses_token
from payments.providers.settings import MtnSettings
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

_TOKEN_CALL_S = 30.0  # reference §2: 10 to 20 s were seen


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a product: the first part of its paths, its subscription key, its user."""

    product: str
    subscription_key: SecretStr
    user: str
    api_key: SecretStr


def collection_keys(settings: MtnSettings) -> Keys:
    """Return the keys of what brings money in."""
    return Keys("collection", settings.subscription_key, settings.api_user, settings.api_key)


def disbursement_keys(settings: MtnSettings) -> Keys | None:
    """Return the keys of what sends money out; None where there are none, and then nothing can."""
    if settings.disbursement_key is None:
        return None
    return Keys(
        "disbursement",
        settings.disbursement_key,
        settings.disbursement_user or settings.api_user,
        settings.disbursement_api_key or settings.api_key,
    )


class Product:
    """Speaks to one product with its own token."""

    def __init__(
        self,
        settings: MtnSettings,
        keys: Keys,
        *,
        token_id: str,
        http: Http,
        clock: Clock,
        store: TokenStore,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._http = http
        self._clock = clock
        self._tokens = Tokens(token_id, self._fetch_token, store, clock)

    async def send(
        self,
        operation: str,
        method: str,
        path: str,
        body: bytes | None = None,
        extra: dict[str, str] | None = None,
    ) -> Answer:
        """Make an authorised call; raises Refused or Unavailable where there is no token for it."""
        url = self._url(path)

        async def send(token: str) -> Answer:
            headers = {"Authorization": f"Bearer {token}"} | self._account_headers() | (extra or {})
            return await self._http.call(Call("mtn", operation, method, url, headers, body))

        return await authorised(self._tokens, send, refuses_token)

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused."""
        await self._tokens.fetch_new()

    def _url(self, path: str) -> URL:
        return endpoint(self._settings.base_url, f"/{self._keys.product}{path}")

    def _account_headers(self) -> dict[str, str]:
        return {
            "X-Target-Environment": self._settings.target_environment,
            "Ocp-Apim-Subscription-Key": self._keys.subscription_key.get_secret_value(),
        }

    async def _fetch_token(self) -> Token:
        pair = f"{self._keys.user}:{self._keys.api_key.get_secret_value()}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        # No body: a JSON one is a documented cause of 400 (reference §2).
        call = Call(
            "mtn",
            "token",
            "POST",
            self._url("/token/"),
            headers | self._account_headers(),
            total_s=_TOKEN_CALL_S,
        )
        return read_token(await self._http.call(call), self._clock.now())
