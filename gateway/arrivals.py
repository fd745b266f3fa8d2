"""Money that comes by itself, at the edge: who says so, whether that is proof, and looking for it unasked.

A confirmation that nobody has signed is a hint. The provider is asked: its list of transactions where that
is switched on, else the status of the receipt, whose answer comes to an address with a key that only the
provider was told. What is proof goes to the payments (`Arrive`), which take each receipt once.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import sqlalchemy as sa
import structlog

from core import bulk
from core.clock import Clock
from core.db import Database
from core.errors import BadInput
from core.ids import Ids
from gateway.callbacks import Finding, StoredCallback
from payments import arrivals_store, store
from payments import tables as t
from payments.arrivals import validate_arrival
from payments.commands import Arrive, OpenItem, Reported
from payments.providers.accounts import safe_token
from payments.providers.base import Arrival, Outcome, Provider, PushReply, Report, Taken, TakesArrivals
from payments.results import AskFirst, Noted
from payments.service import PaymentService

MARK = "c."  # keys of questions about receipts begin with it
CONFIRMATION, VALIDATION = "c2b_confirmation", "c2b_validation"
LONGEST_KEY = 22  # payments.tables
TRIES = 40  # of a confirmation that nobody can prove yet
_FIRST_WAIT_S, _MOST_WAIT_S = 5.0, 6 * 3600.0
_GIVE_UP_AFTER = timedelta(hours=26)  # pushes are asked about for a day
_KEPT_FOR = timedelta(days=3)
_LOOKS_BACK = timedelta(hours=48)
_OVERLAP = timedelta(minutes=15)
_SLICE = timedelta(hours=6)  # of a list looked through at a time
_MOST_AT_ONCE = 50
_log = structlog.get_logger()


@runtime_checkable
class AsksStatus(Protocol):
    """A rail that can be asked about one receipt, and answers by a notice."""

    async def ask_status(self, receipt: str, result_url: str, timeout_url: str) -> PushReply:
        """Ask; never raises."""
        ...

    def read_status(self, body: bytes) -> Any:
        """Read the answer: its `outcome`, and an `arrival` where it is money of ours. Raises BadInput."""
        ...


class Rails(Protocol):
    """The gateway accounts of now."""

    async def find_provider(self, account_id: str) -> Provider | None:
        """Return the provider of an account; None where it has no settings that work."""
        ...

    def items(self) -> Iterable[tuple[str, Provider]]:
        """Return every account with its provider."""
        ...


Ask = Callable[..., Any]  # Pusher.ask
Addresses = Callable[[str, str], tuple[str, str]]  # account_id, key -> where answer and time-out are told


class Arrivals:
    """Takes money that comes by itself, and looks for such money."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        payments: PaymentService,
        rails: Rails,
        ask: Ask,
        addresses: Addresses,
        *,
        sweep_every_s: float = 300,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._payments = payments
        self._rails = rails
        self._ask = ask
        self._addresses = addresses
        self._sweep_every_s = sweep_every_s
        self._swept: dict[str, datetime] = {}  # by account: until when its list was seen
        self._next_sweep: datetime | None = None
        self._sweeping: asyncio.Task[int] | None = None

    async def close(self) -> None:
        """Stop looking; what was not seen is looked for by the next process."""
        if self._sweeping:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping

    # Taking what is proof

    async def take(self, command: Arrive, *, told_at: datetime) -> Finding:
        """Hand proven money to the payments; where a push of ours may be it, that is asked about before.

        While nobody knows, nothing is booked, and it is to be tried again; after a day a person is told.
        """
        answer = await self._payments.submit(command)
        if isinstance(answer, AskFirst):
            await self._ask(answer.payment_ids, cause="recheck")
            answer = await self._payments.submit(command)
        if isinstance(answer, Noted):
            return Finding(answer.verdict, answer.payment.payment_id if answer.payment else None)
        age = self._clock.now() - told_at
        if age < _GIVE_UP_AFTER:
            return Finding("push_first", answer.payment_ids[0], self._wait_s(age), TRIES)
        await self._open(
            command, "arrival_unclear", f"may be payment {answer.payment_ids[0]}, whose end nobody knows"
        )
        return Finding("unclear", answer.payment_ids[0])

    async def _open(self, command: Arrive, kind: str, detail: str) -> None:
        arrival = command.arrival
        said = f"{arrival.amount_minor} minor units, receipt {arrival.receipt}: {detail}"
        key = f"{kind}:{command.account_id}:{arrival.receipt}"[:100]
        await self._payments.submit(
            OpenItem(key, kind, command.account_id, arrival.currency, said, raw_id=command.raw_id)
        )

    def _wait_s(self, age: timedelta) -> float:
        return min(max(_FIRST_WAIT_S, age.total_seconds() / 2), _MOST_WAIT_S)

    # Notices

    async def noticed(self, raw: StoredCallback, provider: Provider) -> Finding | None:
        """Judge a stored notice; None where it is not about money that came by itself."""
        if not isinstance(provider, TakesArrivals):
            return None
        if raw.kind == VALIDATION:
            return Finding("asked")
        try:
            if raw.kind == CONFIRMATION:
                return await self._confirmation(raw, provider)
            return await self._answered(raw, provider) if raw.key.startswith(MARK) else None
        except BadInput as unreadable:
            _log.warning("arrival_unreadable", raw_id=raw.raw_id, code=unreadable.reason)
            return Finding("unreadable")

    async def _confirmation(self, raw: StoredCallback, provider: Any) -> Finding:
        arrival: Arrival = provider.read_arrival(raw.kind, raw.body)
        command = Arrive(
            account_id=raw.account_id, provider=provider.name, arrival=arrival, cause="c2b", raw_id=raw.raw_id
        )
        known = await self._known(raw.account_id, [arrival.receipt])
        if known:
            return Finding("confirmed" if raw.key else "repeated", known[arrival.receipt])
        asked = await self._by_query(command, provider)
        if asked is not None:
            return asked
        proof = await self._listed(command, provider, raw.received_at)
        if proof is not None:
            return await self.take(proof, told_at=raw.received_at)
        return await self._question(raw, command, provider)

    async def _by_query(self, command: Arrive, provider: Provider) -> Finding | None:
        """A confirmation of a push of ours is proved as its callback is: by asking about the push."""
        arrival = command.arrival
        async with self._db.read() as connection:
            clues = await arrivals_store.clues(connection, command, self._clock.now())
            found = (await store.by_ids(connection, clues.payment_ids)).get(clues.own or "")
        if found is None or not provider.traits.has_query or not found.provider_reference:
            return None
        if found.receipt or found.amount_minor != arrival.amount_minor:
            return None
        word = await provider.query(found.reference, found.provider_reference)
        if word.outcome in (Outcome.NOT_PAID, Outcome.EXPIRED):
            return None  # the rail says no of the push: then it is other money, if it is any
        hint = Report(Outcome.PAID, receipt=arrival.receipt, amount_minor=arrival.amount_minor)
        noted = await self._payments.submit(
            Reported(found.payment_id, word, "callback", command.raw_id, hint)
        )
        again_after_s = (word.retry_after_s or 2.0) if noted.verdict == "unconfirmed" else None
        return Finding(noted.verdict, found.payment_id, again_after_s, TRIES)

    async def _listed(self, command: Arrive, provider: TakesArrivals, told_at: datetime) -> Arrive | None:
        """Look the receipt up in the provider's own list; None where it is not there, or there is no list."""
        came_at = min(command.arrival.at or told_at, told_at)
        found = await provider.find_arrivals(came_at - _OVERLAP, self._clock.now())
        mine = next((one for one in found or () if one.receipt == command.arrival.receipt), None)
        if mine is None:
            return None
        arrival = replace(mine, account_reference=mine.account_reference or command.arrival.account_reference)
        return Arrive(
            account_id=command.account_id, provider=command.provider, arrival=arrival, cause="pull",
            raw_id=command.raw_id, beside=_receipts(found or ()),
        )  # fmt: skip

    async def _question(self, raw: StoredCallback, command: Arrive, provider: Any) -> Finding:
        """Ask about the receipt; the answer is a notice of its own, and this one is looked at again."""
        age = self._clock.now() - raw.received_at
        taken = Taken.REFUSED
        if isinstance(provider, AsksStatus):
            key = raw.key or await self._keyed(raw)
            reply = await provider.ask_status(command.arrival.receipt, *self._addresses(raw.account_id, key))
            taken = reply.taken
        if age < _GIVE_UP_AFTER and taken is not Taken.REFUSED:
            return Finding("asked", None, self._wait_s(age), TRIES)
        await self._open(command, "unmatched_callback", "a confirmation that the provider has not confirmed")
        return Finding("unproven")

    async def _keyed(self, raw: StoredCallback) -> str:
        """Give a confirmation the key that its answer will carry, before anybody is told of it."""
        key = (MARK + safe_token(self._ids))[:LONGEST_KEY]
        async with self._db.write() as connection:
            await bulk.update(connection, t.callbacks, [{"raw_id": raw.raw_id, "key": key}])
        return key

    async def _answered(self, raw: StoredCallback, provider: Any) -> Finding:
        """Take the answer to a question of ours: it carries the key that only the provider was told."""
        status = provider.read_status(raw.body)
        first = await self._asked(raw)
        if first is None:
            return Finding("unmatched")
        if status.arrival is None:
            return Finding(str(status.outcome))
        told: Arrival = provider.read_arrival(first.kind, first.body)
        if told.receipt != status.arrival.receipt:
            return Finding("unmatched")
        arrival = replace(
            status.arrival,
            account_reference=told.account_reference,
            masked_msisdn=status.arrival.masked_msisdn or told.masked_msisdn,
            at=status.arrival.at or told.at,
        )
        command = Arrive(
            account_id=raw.account_id,
            provider=provider.name,
            arrival=arrival,
            cause="status",
            raw_id=first.raw_id,
        )
        return await self.take(command, told_at=raw.received_at)

    async def _asked(self, raw: StoredCallback) -> StoredCallback | None:
        c = t.callbacks.c
        query = sa.select(t.callbacks).where(
            c.received_at >= raw.received_at - _KEPT_FOR,
            c.account_id == raw.account_id,
            c.key == raw.key,
            c.kind == CONFIRMATION,
        )
        async with self._db.read() as connection:
            return (await connection.execute(query)).first()

    async def _known(self, account_id: str, receipts: Sequence[str]) -> Mapping[str, str | None]:
        """Return the payments, None for suspense, of receipts that are in the books."""
        c = t.credits_.c
        query = sa.select(c.receipt, c.payment_id).where(c.account_id == account_id)
        async with self._db.read() as connection:
            rows = await bulk.fetch(connection, query, c.receipt, receipts)
        return {row.receipt: row.payment_id for row in rows}

    # Before money moves

    async def reason_to_refuse(self, arrival: Arrival, *, is_strict: bool) -> str | None:
        """Return why money should not move (`account`, `amount`), None to accept it; for a rail that asks."""
        is_known = True
        if is_strict:
            async with self._db.read() as connection:
                is_known = bool(await arrivals_store.named_taps(connection, arrival))
        return validate_arrival(arrival, is_known=is_known, is_strict=is_strict)

    # Looking for what nobody told us of

    async def sweep_due(self) -> int:
        """Begin to look through the providers' lists where that is due; returns at once, with 0."""
        now = self._clock.now()
        if not self._sweep_every_s or (self._next_sweep and now < self._next_sweep):
            return 0
        if self._sweeping is None or self._sweeping.done():
            # Several processes look; a little apart, so that a provider is not asked by all of them at once.
            wait_s = self._sweep_every_s * (1 + random.random() / 4)  # noqa: S311 - spreads, hides nothing
            self._next_sweep = now + timedelta(seconds=wait_s)
            self._sweeping = asyncio.create_task(self.sweep())
        return 0

    async def sweep(self) -> int:
        """Look through every provider's list once; return how many receipts nobody had told us of."""
        found = 0
        for account_id, provider in list(self._rails.items()):
            if isinstance(provider, TakesArrivals):
                try:
                    found += await self._sweep_one(account_id, provider)
                except Exception:
                    _log.exception("sweep_failed", account_id=account_id)
        return found

    async def _sweep_one(self, account_id: str, provider: Any) -> int:
        """Look from where the last look ended, slice by slice: one bad page does not lose a long list."""
        now = self._clock.now()
        since = max(self._swept.get(account_id, now - _LOOKS_BACK) - _OVERLAP, now - _LOOKS_BACK)
        beside: set[str] = set()
        waits: list[datetime] = []
        count = 0
        while since < now:
            until = min(since + _SLICE, now)
            listed = await provider.find_arrivals(since, until)
            if listed is None:
                break
            beside |= {one.receipt for one in listed}
            found = await self._take_slice(account_id, provider, listed, frozenset(beside))
            waits += [one.at or since for one, finding in found if finding.again_after_s]
            count += len(found)
            # What waits for the end of a push is looked at again from where it stands in the list.
            self._swept[account_id] = min([until, *waits])
            since = until
        if count:
            _log.info("arrivals_found", account_id=account_id, count=count)
        return count

    async def _take_slice(
        self, account_id: str, provider: Any, listed: Sequence[Arrival], beside: frozenset[str]
    ) -> list[tuple[Arrival, Finding]]:
        """Take what nobody had told us of."""
        known = await self._known(account_id, [one.receipt for one in listed])
        fresh = [one for one in listed if one.receipt not in known]
        findings: list[Finding] = []
        for start in range(0, len(fresh), _MOST_AT_ONCE):
            part = fresh[start : start + _MOST_AT_ONCE]
            taking = (self._take_listed(account_id, provider, one, beside) for one in part)
            findings += await asyncio.gather(*taking)
        return list(zip(fresh, findings, strict=True))

    async def _take_listed(
        self, account_id: str, provider: Provider, arrival: Arrival, beside: frozenset[str]
    ) -> Finding:
        command = Arrive(
            account_id=account_id, provider=provider.name, arrival=arrival, cause="pull", beside=beside
        )
        return await self.take(command, told_at=arrival.at or self._clock.now())


def _receipts(listed: Iterable[Arrival]) -> frozenset[str]:
    return frozenset(one.receipt for one in listed)
