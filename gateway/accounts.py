"""Which gateway accounts there are now: read at the start, and again soon after somebody has changed them.

A process looks at one number every two seconds (`core.vault.turn`) and reads the accounts where it has moved,
or at once where it meets an account or an address that it does not know yet.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from core import vault
from core.clock import Clock
from core.db import Database
from core.errors import BadInput
from core.ids import Ids
from core.vault import MasterKeys
from gateway import credentials
from gateway.settings import Settings
from payments.desk import Rail, Rules
from payments.providers import account_store
from payments.providers.account_store import Door, Stored
from payments.providers.accounts import Account, State, hash_token
from payments.providers.base import Provider

_log = structlog.get_logger()
LOOK_EVERY_S = 2.0
# Whoever guesses addresses makes nobody look more often than this.
_LOOK_AT_MOST_EVERY = timedelta(seconds=0.5)

# Makes a provider of its name, its settings and the id of its account; None where there is no such rail.
Build = Callable[[str, BaseModel, str], Provider | None]


@dataclass(frozen=True, slots=True)
class Configured:
    """An account with the settings by which it can be used; None where there are none that fit."""

    account: Account
    settings: BaseModel | None
    fault: str = ""


class Gateways(Mapping[str, Provider]):
    """The providers of all accounts, by account id; with their accounts, addresses and rules."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        masters: MasterKeys,
        build: Build,
        providers: Iterable[str],
    ) -> None:
        """Prepare; nothing is known before `begin`. `providers` are the names of those that can be built."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._masters = masters
        self._build = build
        self._names = tuple(providers)
        self._number = -1
        self._looked_at = clock.now()
        self._looking = asyncio.Lock()
        self._doors: dict[str, Door] = {}
        self._configured: dict[str, Configured] = {}
        self._providers: dict[str, tuple[BaseModel, Provider]] = {}
        self._told: list[Callable[[Rules], None]] = []
        self.rules = Rules(rails={})

    def __getitem__(self, account_id: str) -> Provider:
        return self._providers[account_id][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers)

    def __len__(self) -> int:
        return len(self._providers)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """All accounts, by their id."""
        return {account_id: one.account for account_id, one in self._configured.items()}

    @property
    def by_token(self) -> Mapping[str, Account]:
        """Accounts that have a provider, by their newest callback token."""
        held = (self._configured[account_id].account for account_id in self._providers)
        return {account.callback_token: account for account in held if account.callback_token}

    @property
    def configured(self) -> list[Configured]:
        """All accounts with their settings, in the order of their ids."""
        return list(self._configured.values())

    def tell(self, rules: Callable[[Rules], None]) -> None:
        """Call this with the rules, now and whenever they have changed."""
        self._told.append(rules)
        rules(self.rules)

    def account_of(self, account_id: str) -> Account:
        """Return an account that is known; raises KeyError."""
        return self._configured[account_id].account

    async def find_account(self, token: str) -> Account | None:
        """Return whose callback token this is; None where it is nobody's, or its time is over."""
        token_hash = hash_token(token)
        if token_hash not in self._doors:
            await self.look_soon()
        door = self._doors.get(token_hash)
        if door is None or (door.ends_at and door.ends_at <= self._clock.now()):
            return None
        return self._configured[door.account_id].account

    async def find_provider(self, account_id: str) -> Provider | None:
        """Return the provider of an account; None where it has no settings that work."""
        if account_id not in self._configured:
            await self.look_soon()
        found = self._providers.get(account_id)
        return found[1] if found else None

    async def begin(self) -> None:
        """Make what is missing, and read everything; raises what is wrong with the master key."""
        configured = [name for name in self._names if getattr(self._settings, name, None) is not None]
        async with self._db.write() as connection:
            await vault.take_turn(connection)
            now = self._clock.now()
            ring = await vault.load_or_begin(connection, self._masters, now)
            await account_store.ensure_defaults(connection, ring, configured, self._ids, now)
        await self.look()

    async def look_soon(self) -> None:
        """Look for changes now, unless somebody has only just looked; what is known holds if that fails."""
        now = self._clock.now()
        if now - self._looked_at >= _LOOK_AT_MOST_EVERY:
            self._looked_at = now
            await self._try_to_look()

    async def look(self) -> None:
        """Read the accounts where something has changed since they were read."""
        async with self._looking:
            async with self._db.read() as connection:
                number = await vault.turn(connection)
                if number == self._number:
                    return
                await self._read(connection)
            self._number = number
        for told in self._told:
            told(self.rules)

    async def _read(self, connection: AsyncConnection) -> None:
        ring = await vault.load(connection, self._masters)
        if ring is None:
            return
        stored = await account_store.read(connection, ring)
        doors = await account_store.doors(connection, self._clock.now())
        # From here on nothing is waited for: whoever reads sees all of it, or nothing.
        self._doors = {door.token_hash: door for door in doors}
        self._configured = {one.account.account_id: self._checked(one) for one in stored}
        self._providers = self._built()
        self.rules = self._ruled()

    def _checked(self, stored: Stored) -> Configured:
        account = stored.account
        if account.zone is None:
            return Configured(account, getattr(self._settings, account.provider, None))
        if stored.credentials is None:
            _log.error("gateway_account_not_opened", account_id=account.account_id, code=stored.fault)
            return Configured(account, None, stored.fault)
        try:
            own = credentials.check(account.provider, stored.credentials, self._settings.env)
        except BadInput as wrong:
            _log.error("gateway_account_unfit", account_id=account.account_id, detail=wrong.detail)
            return Configured(account, None, wrong.reason)
        return Configured(account, own)

    def _built(self) -> dict[str, tuple[BaseModel, Provider]]:
        """Return a provider for each account with settings: the one before, where they are the same."""
        built = {}
        for account_id, one in self._configured.items():
            before = self._providers.get(account_id)
            if before and before[0] == one.settings:
                built[account_id] = before
            elif one.settings and (made := self._build(one.account.provider, one.settings, account_id)):
                built[account_id] = (one.settings, made)
        return built

    def _ruled(self) -> Rules:
        accounts = [self._configured[account_id].account for account_id in self._providers]
        known = {a.account_id: Rail(a.provider, a.account_id, self[a.account_id].traits) for a in accounts}
        usable = [a for a in accounts if a.state is State.ENABLED]
        settings = self._settings
        return replace(
            Rules(rails={a.provider: known[a.account_id] for a in usable if a.zone is None}),
            zone_rails={(a.zone, a.provider): known[a.account_id] for a in usable if a.zone},
            closed=frozenset(self._closed()),
            known=known,
            limits=settings.limits,
            expiry_s=settings.payment_expiry_s,
            poll_after_s=settings.poll_after_s,
            guide_after_s=settings.guide_after_s,
            wait_for_rail_s=settings.wait_for_provider_s,
            fees={name: one.fee() for name, one in settings.fees.items()},
        )

    def _closed(self) -> Iterator[tuple[str, str]]:
        """Where a zone has an account of its own that takes nothing now: the default must not take it."""
        for account_id, one in self._configured.items():
            account = one.account
            is_used = account.state is State.ENABLED and account_id in self._providers
            if account.zone and account.state is not State.REMOVED and not is_used:
                yield account.zone, account.provider

    async def watch(self) -> None:
        """Look for changes for ever; where the database does not answer, what was read before holds."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._try_to_look()

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except Exception:
            _log.exception("gateway_accounts_not_read")


async def stop(task: "asyncio.Task[None]") -> None:
    """End a watch."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
