"""What people do to gateway accounts, at the command line and over the API: the same acts, the same refusals.

Each runs inside the caller's transaction, which holds the audit row as well.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from core import vault
from core.errors import NotFound, Refused
from core.ids import Ids
from core.vault import Keyring, MasterKeys
from gateway import credentials
from gateway.accounts import Configured
from gateway.settings import Env
from payments.providers import account_store
from payments.providers.accounts import State, default_id, zone_id
from taps import store as taps_store

DEFAULT = "DEFAULT"  # how the zones without their own are called where a zone is asked for


async def set_credentials(
    connection: AsyncConnection,
    masters: MasterKeys,
    zone: str,
    provider: str,
    fields: Mapping[str, Any],
    env: Env,
    ids: Ids,
    now: datetime,
) -> None:
    """Give a zone its own account, or other credentials in place of all it had, and enable it.

    Raises BadInput (no_such_provider, bad_credentials), NotFound (unknown_zone), Refused (not_a_zone).
    """
    _check_has_zone(zone)
    credentials.check(provider, fields, env)
    await check_zone(connection, zone)
    ring = await _ring(connection, masters, now)
    await account_store.put(connection, ring, zone, provider, fields, ids, now)


async def set_state(
    connection: AsyncConnection, zone: str, provider: str, state: State, now: datetime
) -> None:
    """Enable, disable or remove a zone's own account.

    Raises BadInput, NotFound (no_such_account), Refused (not_a_zone).
    """
    _check_has_zone(zone)
    credentials.model(provider)
    await vault.take_turn(connection)
    await account_store.set_state(connection, zone_id(provider, zone), state, now)


async def new_token(
    connection: AsyncConnection,
    masters: MasterKeys,
    zone: str,
    provider: str,
    overlap_s: float,
    ids: Ids,
    now: datetime,
) -> datetime:
    """Give an account new callback addresses; return until when the old ones are taken.

    Also for the default account (`DEFAULT`). Raises BadInput, NotFound (no_such_account).
    """
    credentials.model(provider)
    ring = await _ring(connection, masters, now)
    account_id = default_id(provider) if zone == DEFAULT else zone_id(provider, zone)
    overlap = timedelta(seconds=overlap_s)
    return await account_store.new_token(connection, ring, account_id, ids, now, overlap)


async def check_zone(connection: AsyncConnection, zone: str) -> None:
    """Raise NotFound (unknown_zone) where there is no such zone."""
    if not await taps_store.zones_by_ids(connection, [zone]):
        raise NotFound(f"there is no zone {zone[:20]!r}", code="unknown_zone")


def _check_has_zone(zone: str) -> None:
    if zone == DEFAULT:
        raise Refused(
            "the account of zones without their own comes from the settings (MADZI_MTN_… and the like)",
            code="not_a_zone",
        )


async def _ring(connection: AsyncConnection, masters: MasterKeys, now: datetime) -> Keyring:
    await vault.take_turn(connection)
    return await vault.load_or_begin(connection, masters, now)


def of_zone(accounts: list[Configured], zone: str) -> list[Configured]:
    """Return the accounts that a zone uses: its own, and the default ones of the other providers."""
    own = [one for one in accounts if one.account.zone == zone and one.account.state is not State.REMOVED]
    held = {one.account.provider for one in own}
    rest = [one for one in accounts if one.account.zone is None and one.account.provider not in held]
    return sorted(own + rest, key=lambda one: one.account.provider)
