"""`/api/v1/zones/{zone}/gateways[/{provider}]`: a branch sees and changes how it is paid (requirement B9).

Secrets go in and never come out; addresses hold callback tokens and are for those who may change them.
"""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.errors import BadInput, MadziError, NotFound, Refused
from gateway import account_acts, credentials
from gateway.accounts import Configured
from gateway.api import answers, reading
from gateway.api.schemas import GatewayChange
from gateway.master_key import masters
from gateway.problems import problem
from gateway.runtime import Runtime
from payments import health
from payments.providers.accounts import State, urls, zone_id
from taps.model import Role, User
from taps.store import zones_by_ids

_CODE = re.compile(r"[A-Z0-9_-]{1,12}", re.ASCII)
_READERS = frozenset({Role.OPERATOR, Role.FINANCE, Role.ADMIN})
_WRITERS = frozenset({Role.FINANCE, Role.ADMIN})


class Branches:
    """The endpoints."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def show_all(self, request: web.Request, user: User) -> web.StreamResponse:
        """Show the accounts that a zone uses: its own, and the default ones of other providers."""
        zone = await self._zone(request, user, _READERS)
        shown = [await self._shown(one, user) for one in await self._used(zone)]
        return answers.as_json({"zone": zone, "gateways": shown})

    async def show(self, request: web.Request, user: User) -> web.StreamResponse:
        """Show the account that a zone uses at one provider."""
        zone = await self._zone(request, user, _READERS)
        return answers.as_json(await self._one(zone, _provider(request), user))

    async def change(self, request: web.Request, user: User) -> web.StreamResponse:
        """Give a zone its own account at a provider, other credentials, or switch it on or off."""
        zone = await self._zone(request, user, _WRITERS)
        provider = _provider(request)
        try:
            body = await reading.body(request, GatewayChange)
            await self._audited(request, user, zone, provider, body)
        except (reading.WrongType, reading.BadFields) as wrong:
            return wrong.answer()
        except credentials.BadCredentials as wrong:
            return problem(400, wrong.reason, wrong.detail, errors=wrong.errors)
        await self._runtime.gateways.look()
        return answers.as_json(await self._one(zone, provider, user))

    async def _zone(self, request: web.Request, user: User, allowed: frozenset[Role]) -> str:
        """Return the zone of an address; raises Refused (not_allowed), NotFound (no_such_zone)."""
        if user.role not in allowed:
            raise Refused("this needs the token of finance or of an admin", code="not_allowed")
        zone = request.match_info["zone"].upper()
        async with self._runtime.db.read() as connection:
            if _CODE.fullmatch(zone) and user.covers(zone) and await zones_by_ids(connection, [zone]):
                return zone
        raise NotFound("there is no such zone", code="no_such_zone")

    async def _used(self, zone: str) -> list[Configured]:
        await self._runtime.gateways.look()
        return account_acts.of_zone(self._runtime.gateways.configured, zone)

    async def _one(self, zone: str, provider: str, user: User) -> dict[str, Any]:
        found = [one for one in await self._used(zone) if one.account.provider == provider]
        if not found:
            raise NotFound(f"{zone} is not paid by {provider}", code="no_such_account")
        return await self._shown(found[0], user)

    async def _shown(self, one: Configured, user: User) -> dict[str, Any]:
        account = one.account
        can_be_used = one.settings is not None and account.state is State.ENABLED
        async with self._runtime.db.read() as connection:
            is_healthy = can_be_used and await health.is_healthy(connection, account.account_id)
        sees_urls = user.role in _WRITERS and (account.zone is not None or not user.zones)
        return {
            "zone": account.zone,
            "provider": account.provider,
            "account": account.account_id,
            "enabled": account.state is State.ENABLED,
            "healthy": is_healthy,
            "settings": _own(one) if account.zone else {},
            "urls": urls(self._runtime.settings.public_url, account) if sees_urls else {},
        }

    async def _audited(
        self, request: web.Request, user: User, zone: str, provider: str, body: GatewayChange
    ) -> None:
        runtime = self._runtime

        def row(result: str) -> dict[str, Any]:
            return audit.row(
                ids=runtime.ids, at=runtime.clock.now(), actor=user.name, role=user.role.value,
                channel=audit.Channel.API, source=request.remote or "", action="gateway.set",
                subject=zone_id(provider, zone), detail=_noted(body), result=result,
            )  # fmt: skip

        try:
            async with runtime.db.write() as connection:
                await self._apply(connection, zone, provider, body)
                await audit.write(connection, [row(audit.DONE)])
        except MadziError as refused:
            async with runtime.db.write() as connection:
                await audit.write(connection, [row(refused.reason)])
            raise

    async def _apply(
        self, connection: AsyncConnection, zone: str, provider: str, body: GatewayChange
    ) -> None:
        runtime, now = self._runtime, self._runtime.clock.now()
        if body.settings is not None:
            await account_acts.set_credentials(
                connection, masters(runtime.settings), zone, provider, body.settings,
                runtime.settings.env, runtime.ids, now,
            )  # fmt: skip
        if body.settings is None or not body.enabled:
            state = State.ENABLED if body.enabled else State.DISABLED
            await account_acts.set_state(connection, zone, provider, state, now)


def _own(one: Configured) -> Mapping[str, Any]:
    return credentials.masked(one.settings)


def _noted(body: GatewayChange) -> dict[str, Any]:
    return {"fields": sorted(name[:40] for name in body.settings or ()), "enabled": body.enabled}


def _provider(request: web.Request) -> str:
    """Return the provider of an address; raises NotFound (no_such_provider)."""
    provider = request.match_info["provider"]
    try:
        credentials.model(provider)
    except BadInput as unknown:
        raise NotFound(unknown.detail, code=unknown.reason) from None
    return provider
