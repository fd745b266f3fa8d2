"""Where providers' notices come in: whose they are, from where, how many; stored raw and answered at once.

What is refused here is refused before its body is looked at. What a notice means is asked later, by the
worker (`gateway.callbacks`). Only the question whether money may come at all is answered here, from what is
known within a second: a rail that waits longer decides by itself (reference daraja §7).
"""

import asyncio
import ipaddress
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import lru_cache
from typing import cast

import structlog
from aiohttp import hdrs, web
from sqlalchemy.exc import SQLAlchemyError

from core.errors import BadInput
from gateway import problems
from gateway.api.rates import Rates
from gateway.callbacks import Raw
from gateway.channels.africastalking import clean
from gateway.runtime import Runtime
from gateway.settings import Networks
from payments.providers.accounts import Account
from payments.providers.base import Arrival, Provider, SignsNotices, TakesArrivals

_log = structlog.get_logger()
VALIDATION = "c2b_validation"
_NO_REPLY = ("application/json", "{}")
_LONGEST_SIGNATURE = 1400  # payments.tables; base64 of 8,192 bits
_LONGEST_KEY = 22
_LONGEST_SOURCE = 45
_LOOK_FOR_S = 1.0  # for the tap of a payment by hand; the rail waits about 8 s
_MOST_KEPT_ASIDE = 200  # questions being stored after they were answered


class Edge:
    """Takes in notices; one for a process."""

    def __init__(self, runtime: Runtime, wake: Callable[[str], None]) -> None:
        self._runtime = runtime
        self._wake = wake
        settings = runtime.settings
        self._sources = settings.callback_sources
        self._proxies = settings.trusted_proxies
        self._rates = Rates(runtime.clock, per_s=settings.callback_rate_per_s, burst=settings.callback_burst)
        self._aside: set[asyncio.Task[None]] = set()

    async def take(self, request: web.Request) -> web.Response:
        """Answer one notice; what is stored is safe before the answer leaves."""
        account = await self._runtime.gateways.find_account(request.match_info["token"])
        if account is None:
            raise web.HTTPNotFound
        source = client(request, self._proxies)
        refusal = self._refusal(request, account, source)
        if refusal is not None:
            return refusal
        provider = await self._runtime.gateways.find_provider(account.account_id)
        known = cast("Hashable", provider)  # a protocol does not say so
        signer = _signer(known)
        raw = Raw(
            account=account,
            kind=request.match_info.get("kind", "callback"),
            key=clean(request.query.get("key", ""))[:_LONGEST_KEY],
            body=await request.read(),
            source=source,
            signature=_signature(request, signer),
        )
        asker = _asker(known) if raw.kind == VALIDATION else None
        if asker is not None:
            return await self._validate(raw, asker)
        raw_id = await self._runtime.inbox.store(raw)
        self._wake("callback")
        return _answer(provider, signer, raw, raw_id)

    def _refusal(self, request: web.Request, account: Account, source: str) -> web.Response | None:
        """Return why a notice is not even read; None where it is."""
        if not is_allowed(source, self._sources.get(account.provider, ())):
            _log.warning("callback_refused", account_id=account.account_id, source=source)
            return problems.problem(403, "source_not_allowed", "this address is not one of the provider's")
        wait_s = self._rates.take(account.account_id)
        if wait_s:
            _log.warning("callbacks_too_many", account_id=account.account_id)
            answer = problems.problem(429, "too_many", "too many notices at once: send it again")
            answer.headers[hdrs.RETRY_AFTER] = str(max(1, round(wait_s)))
            return answer
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            return problems.problem(415, "encoded_body", "send the body as it is, without compression")
        return None

    async def _validate(self, raw: Raw, provider: TakesArrivals) -> web.Response:
        """Say whether money may come, within what the rail waits, however busy the database is."""
        self._keep_aside(raw)
        try:
            arrival = provider.read_arrival(raw.kind, raw.body)
        except BadInput as unreadable:
            _log.warning("validation_unreadable", account_id=raw.account.account_id, code=unreadable.reason)
            return _reply(provider.validation_reply("other"))
        return _reply(provider.validation_reply(await self._reason_to_refuse(arrival)))

    async def _reason_to_refuse(self, arrival: Arrival) -> str | None:
        """Say why money should not come; where nobody can tell in time, it may."""
        is_strict = self._runtime.settings.c2b_strict
        try:
            async with asyncio.timeout(_LOOK_FOR_S):
                return await self._runtime.arrivals.reason_to_refuse(arrival, is_strict=is_strict)
        except (TimeoutError, SQLAlchemyError, OSError):
            _log.warning("validation_not_looked_up")
            return None

    def _keep_aside(self, raw: Raw) -> None:
        """Store a question while it is answered: no money hangs on it."""
        if len(self._aside) >= _MOST_KEPT_ASIDE:
            return
        task = asyncio.create_task(self._store(raw))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _store(self, raw: Raw) -> None:
        try:
            await self._runtime.inbox.store(raw)
        except Exception:
            _log.exception("validation_not_stored", account_id=raw.account.account_id)

    async def close(self) -> None:
        """Store what waits."""
        if self._aside:
            await asyncio.wait(self._aside, timeout=5)


def client(request: web.Request, proxies: int) -> str:
    """Return the address of who sent a request.

    Of `X-Forwarded-For` only what our own proxies wrote counts: the left of it is anybody's (reference
    webhooks §6). Without proxies it is the connection's.
    """
    peer = request.remote or ""
    if proxies:
        hops = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        peer = hops[-proxies] if len(hops) >= proxies and hops[-proxies] else peer
    return clean(peer)[:_LONGEST_SOURCE]


def is_allowed(source: str, networks: Networks) -> bool:
    """Say whether a provider may send from an address; from anywhere, where no networks are set."""
    if not networks:
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(source)
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in networks)
    return False


def _answer(provider: Provider | None, signer: SignsNotices | None, raw: Raw, raw_id: str) -> web.Response:
    if signer is not None:
        return _reply(signer.acknowledgement(raw.body, raw_id))
    return _reply(provider.traits.callback_reply if provider else _NO_REPLY)


def _reply(answer: tuple[str, str]) -> web.Response:
    content_type, body = answer
    return web.Response(text=body, content_type=content_type)


# Asking what a provider can do costs as much as the rest of the edge (Python 3.11 looks its protocol up anew
# each time), and it is always the same.
@lru_cache(maxsize=64)
def _signer(provider: Hashable) -> SignsNotices | None:
    return provider if isinstance(provider, SignsNotices) else None


@lru_cache(maxsize=64)
def _asker(provider: Hashable) -> TakesArrivals | None:
    return provider if isinstance(provider, TakesArrivals) else None


def _signature(request: web.Request, signer: SignsNotices | None) -> str:
    """Return a notice's signature as it came; longer than any is as good as none, and cannot be stored."""
    header = request.headers.get(signer.signature_header, "") if signer else ""
    return clean(header)[:_LONGEST_SIGNATURE]
