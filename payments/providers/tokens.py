"""Access tokens: one for an account, fetched by one flight for all who wait.

At Daraja a new token kills the one before (reference daraja §1), so a process whose token is refused first
looks whether another process has stored a newer one, and only then asks for its own.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeGuard

from core.clock import Clock
from core.errors import MadziError, Refused, Unavailable
from payments.providers.http import Answer, Reach

_VALUE = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
_SECONDS = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_LIFE_S = 3600
_MARGIN_S = 60
_PAUSE = timedelta(seconds=5)
_OK = 200
_TRY_LATER = frozenset({408, 425, 429})
_FIRST_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; it is to be renewed at `renew_at`, some time before it expires."""

    value: str = field(repr=False)
    renew_at: datetime
    expires_at: datetime


class TokenStore(Protocol):
    """Where the tokens of all accounts are shared. It never raises: what it cannot read is None."""

    async def get(self, account: str) -> Token | None:
        """Return the account's newest token."""
        ...

    async def put(self, account: str, token: Token) -> None:
        """Keep the account's newest token."""
        ...


class MemoryTokens:
    """A store for one process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    async def get(self, account: str) -> Token | None:
        """Return the account's newest token."""
        return self._tokens.get(account)

    async def put(self, account: str, token: Token) -> None:
        """Keep the account's newest token."""
        self._tokens[account] = token


class Tokens:
    """The token of one account. `fetch` asks the provider; it raises Refused or Unavailable."""

    def __init__(
        self, account: str, fetch: Callable[[], Awaitable[Token]], store: TokenStore, clock: Clock
    ) -> None:
        self._account = account
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._token: Token | None = None
        self._dead = ""
        self._flight: asyncio.Task[Token] | None = None
        self._fault: tuple[datetime, MadziError] | None = None

    async def get(self) -> str:
        """Return a token that should work.

        Raises Refused where the provider refuses the keys, Unavailable where it does not answer; both are
        remembered for five seconds, so that a queue of payments does not become a queue of token calls.
        """
        if self._is_fresh(self._token):
            return self._token.value
        if not self._is_pausing():
            return (await self._joined()).value
        return self._spare().value

    async def renew(self, refused: str) -> str:
        """Return another token than the one that was refused, unless the provider gives it again."""
        self._dead = refused
        return await self.get()

    async def fetch_new(self) -> None:
        """Ask the provider now, whatever is kept: proves that the keys work. Raises as `get` does."""
        self._keep(await self._fetch())
        if self._token is not None:
            await self._store.put(self._account, self._token)

    async def _joined(self) -> Token:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
            self._flight.add_done_callback(self._landed)
        # Shielded: one caller who gives up must not take the token from the others.
        return await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # seen, even where every caller has gone

    async def _fly(self) -> Token:
        stored = await self._store.get(self._account)
        if self._is_fresh(stored):
            return self._keep(stored)
        try:
            token = self._keep(await self._fetch())
        except MadziError as fault:
            self._fault = (self._clock.now(), fault)
            return self._spare()
        await self._store.put(self._account, token)
        return token

    def _keep(self, token: Token) -> Token:
        self._token, self._dead, self._fault = token, "", None
        return token

    def _spare(self) -> Token:
        """Return the token we have while it lives, else say again why there is no new one."""
        token = self._token
        if token is not None and token.value != self._dead and self._clock.now() < token.expires_at:
            return token
        if self._fault is None:
            raise Unavailable("no token", code="token_unavailable")
        fault = self._fault[1]
        raise type(fault)(fault.detail, code=fault.reason)

    def _is_pausing(self) -> bool:
        # A clock that was set back does not prolong the pause.
        return self._fault is not None and timedelta() <= self._clock.now() - self._fault[0] < _PAUSE

    def _is_fresh(self, token: Token | None) -> TypeGuard[Token]:
        return token is not None and token.value != self._dead and self._clock.now() < token.renew_at


async def authorised(
    tokens: Tokens, send: Callable[[str], Awaitable[Answer]], refuses_token: Callable[[Answer], bool]
) -> Answer:
    """Send with a token, and once more with another one where it was refused.

    A refused token took nothing, so sending again is safe for a push too. Raises as `Tokens.get` does.
    """
    token = await tokens.get()
    answer = await send(token)
    if not refuses_token(answer):
        return answer
    return await send(await tokens.renew(token))


def read_token(answer: Answer, now: datetime) -> Token:
    """Read the reply to a token call.

    Raises Refused where the keys are wrong, Unavailable where the provider gave no token for now.
    """
    if answer.reach is not Reach.ANSWERED:
        raise Unavailable(f"no token: {answer.fault}", code="token_unavailable")
    if answer.status >= _FIRST_SERVER_FAULT or answer.status in _TRY_LATER:
        raise Unavailable(f"no token: HTTP {answer.status}", code="token_unavailable")
    if answer.status != _OK:
        raise Refused(f"the keys were refused: HTTP {answer.status}", code="token_refused")
    value = answer.says("access_token")
    if answer.body is None or not _VALUE.fullmatch(value):
        raise Unavailable("no token in the reply", code="token_unavailable")
    life_s = _life_s(answer.body.get("expires_in"))
    # A margin of a minute; a tenth where a token lives shortly, else each call would fetch one.
    margin_s = min(_MARGIN_S, life_s / 10)
    expires_at = now + timedelta(seconds=life_s)
    return Token(value, expires_at - timedelta(seconds=margin_s), expires_at)


def _life_s(expires_in: Any) -> int:
    """Read seconds sent as a number or as text (reference daraja §1); an hour where it is neither."""
    found = _SECONDS.fullmatch(str(expires_in))
    return int(found[0]) if found else _LIFE_S
