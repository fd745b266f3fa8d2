"""Answers what screens ask, for many calls at once, with a few set-based queries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.errors import BadTapId
from core.money import Money
from gateway import staff_facts
from gateway.sessions.calls import CallStore
from payments import routing, views
from payments.desk import Rules
from payments.records import Payment
from payments.wallet import views as wallets
from taps import store as taps_store
from taps import tap_id as tap_ids
from taps import users
from taps.debts import Part as DebtPart
from taps.model import Billing, KnownTap, Role, Tap, Tenant
from ussd_menus import facts as f

Question = TypeVar("Question")
_OF_PHONES = (taps_store.CUSTOMERS, taps_store.KNOWN_TAPS, views.UNDER_WAY, users.ROLES)


class HasRules(Protocol):
    """Whoever knows the rules of now, and which accounts do not work: the payments."""

    rules: Rules

    async def down(self, connection: AsyncConnection) -> frozenset[str]:
        """Return the accounts that do not work."""
        ...


@dataclass(frozen=True, slots=True)
class Loader:
    """Knows where the rules are that facts depend on: they may change from one hop to the next."""

    payments: HasRules
    calls: CallStore

    async def load(
        self, connection: AsyncConnection, requests: Iterable[f.Request[Any]], now: datetime
    ) -> dict[f.Request[Any], Any]:
        """Return an answer for every request."""
        asked = list(requests)
        answers: dict[f.Request[Any], Any] = {}
        answers |= await self._phones(connection, _only(asked, f.PhoneFacts), now)
        answers |= await self._taps(connection, _only(asked, f.TapFacts))
        answers |= await self._tenants(connection, _only(asked, f.TenantFacts))
        answers |= await self._ways(connection, _only(asked, f.WaysToPay))
        answers |= await self._balances(connection, _only(asked, f.Balances))
        answers |= await _kept(connection, _only(asked, f.MoneyKept))
        answers |= await self._last_payments(connection, _only(asked, f.LastPayments))
        if len(answers) < len(asked):
            answers |= await _of_staff(connection, asked, now)
        return answers

    async def _phones(
        self, connection: AsyncConnection, requests: list[f.PhoneFacts], now: datetime
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        msisdns = {request.msisdn for request in requests}
        kept = self.calls.asks_dropped(now)
        asked = (*_OF_PHONES, kept.asked) if kept else _OF_PHONES
        params = kept.params if kept else None
        known, taps, open_, roles, *found = await bulk.fetch_together(connection, asked, msisdns, params)
        dropped = found[0] if found else await self.calls.dropped(connection, msisdns, now)
        return {
            request: f.Phone(
                language=known[request.msisdn].language if request.msisdn in known else None,
                chosen_in=known[request.msisdn].chosen_in if request.msisdn in known else None,
                taps=tuple(tap.tap_id for tap in taps.get(request.msisdn, ())),
                under_way=self._under_way(open_.get(request.msisdn), by_me=True),
                dropped=dropped.get(request.msisdn),
                roles=menu_roles(roles[request.msisdn]) if request.msisdn in roles else (),
            )
            for request in requests
        }

    def _under_way(self, payment: Payment | None, *, by_me: bool) -> f.UnderWay | None:
        return under_way(payment, by_me=by_me) if payment else None

    async def _taps(
        self, connection: AsyncConnection, requests: list[f.TapFacts]
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        taps = await _read_taps(connection, {request.typed for request in requests})
        debts = await _Debts.load(connection, {tap.tap_id for tap in taps.values()})
        tenants = await taps_store.tenancies_by_msisdn(connection, sorted({r.msisdn for r in requests}))
        return {
            request: _tap(taps[request.typed], debts, tenants.get(request.msisdn, ()), request.msisdn)
            if request.typed in taps
            else None
            for request in requests
        }

    async def _tenants(
        self, connection: AsyncConnection, requests: list[f.TenantFacts]
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        tenants = await taps_store.tenancies_by_msisdn(
            connection, sorted({r.tenant_msisdn for r in requests})
        )
        debts = await _Debts.load(connection, {request.tap_id for request in requests})
        answers: dict[f.Request[Any], Any] = {}
        for request in requests:
            answers[request] = debts.of_tenant(request.tap_id, tenants.get(request.tenant_msisdn, ()), "")
        return answers

    async def _ways(
        self, connection: AsyncConnection, requests: list[f.WaysToPay]
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        taps = await taps_store.taps_by_ids(connection, {request.tap_id for request in requests})
        kept = await wallets.kept(connection, {request.payer_msisdn for request in requests})
        down = await self.payments.down(connection)
        return {
            request: self._ways_of(taps[request.tap_id], request.payer_msisdn, kept, down)
            for request in requests
        }

    def _ways_of(
        self, tap: Tap, payer_msisdn: str, kept: Mapping[str, Mapping[str, int]], down: frozenset[str]
    ) -> f.Ways:
        rails = routing.for_currency(self.payments.rules.rails_of(tap.zone), tap.currency)
        single = self.payments.rules.limits.single_minor.get(tap.currency)
        ways = tuple(
            f.Way(
                rail.provider,
                routing.NAMES[rail.provider],
                rail.traits.unit_minor,
                min(single or rail.traits.max_minor, rail.traits.max_minor),
                rail.traits.min_minor,
                is_up=routing.is_up(rail, rails, down),
            )
            for rail in rails
        )
        kept_minor = kept.get(payer_msisdn, {}).get(tap.currency, 0)
        return f.Ways(ways, routing.usual_of(payer_msisdn, rails), kept_minor)

    async def _balances(
        self, connection: AsyncConnection, requests: list[f.Balances]
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        known = await taps_store.known_taps(connection, sorted({r.msisdn for r in requests}))
        wanted = {tap.tap_id for taps in known.values() for tap in taps}
        taps = await taps_store.taps_by_ids(connection, wanted)
        debts = await _Debts.load(connection, wanted)
        return {
            request: tuple(_balance(taps[k.tap_id], debts, k) for k in known.get(request.msisdn, ()))
            for request in requests
        }

    async def _last_payments(
        self, connection: AsyncConnection, requests: list[f.LastPayments]
    ) -> dict[f.Request[Any], Any]:
        if not requests:
            return {}
        latest = await views.latest_by_phone(connection, {request.msisdn for request in requests})
        return {request: tuple(_line(p) for p in latest[request.msisdn]) for request in requests}


async def _kept(connection: AsyncConnection, requests: list[f.MoneyKept]) -> dict[f.Request[Any], Any]:
    if not requests:
        return {}
    kept = await wallets.kept(connection, {request.msisdn for request in requests})
    return {
        request: tuple(Money(minor, currency) for currency, minor in kept.get(request.msisdn, {}).items())
        for request in requests
    }


@dataclass(frozen=True, slots=True)
class _Debts:
    """What is open on some taps, who is paying it, and what was paid last."""

    parts: dict[str, list[DebtPart]]
    under_way: dict[str, Payment]
    last_paid: dict[tuple[str, str | None], views.LastPaid]

    @classmethod
    async def load(cls, connection: AsyncConnection, wanted: set[str]) -> "_Debts":
        parts = await taps_store.open_parts(connection, sorted(wanted))
        ids = [part.part_id for of_tap in parts.values() for part in of_tap if part.open_minor]
        return cls(
            parts,
            await views.under_way_by_part(connection, ids),
            await views.last_paid(connection, wanted),
        )

    def owed(self, tap_id: str, tenant_id: str | None, msisdn: str) -> f.Owed:
        """Return what a tap (None: with all its tenants) or one tenant owes, as `msisdn` sees it."""
        parts = [
            part
            for part in self.parts.get(tap_id, ())
            if part.open_minor and (tenant_id is None or part.tenant_id == tenant_id)
        ]
        paying = next((self.under_way[p.part_id] for p in parts if p.part_id in self.under_way), None)
        paid = self.last_paid.get((tap_id, tenant_id))
        return f.Owed(
            parts=tuple(f.Part(part.period, part.component, part.open_minor) for part in parts),
            tenant_id=tenant_id,
            under_way=under_way(paying, by_me=paying.contact_msisdn == msisdn) if paying else None,
            last_paid=f.LastPaid(paid.amount_minor, paid.at) if paid else None,
        )

    def of_tenant(self, tap_id: str, tenancies: Sequence[Tenant], msisdn: str) -> f.Owed | None:
        """Return what the one of `tenancies` on this tap owes; who left owing nothing is a stranger."""
        there = next((tenant for tenant in tenancies if tenant.tap_id == tap_id), None)
        owed = self.owed(tap_id, there.tenant_id, msisdn) if there else None
        return owed if there and owed and (there.active or owed.parts) else None


def menu_roles(roles: Collection[Role]) -> tuple[str, ...]:
    """Return what the main menu goes by: agent, caretaker, or both."""
    agent = ("agent",) if staff_facts.AGENTS.intersection(roles) else ()
    return (*agent, "caretaker") if Role.CARETAKER in roles else agent


async def _of_staff(
    connection: AsyncConnection, asked: Sequence[f.Request[Any]], now: datetime
) -> dict[f.Request[Any], Any]:
    statuses = _only(asked, f.TapStatusFacts)
    taps = await _read_taps(connection, {request.typed for request in statuses})
    answers = await staff_facts.statuses(connection, statuses, taps)
    answers |= await staff_facts.behind_in_zones(connection, _only(asked, f.TapsBehind), now)
    answers |= await staff_facts.kept_taps(connection, _only(asked, f.KeptTaps))
    return answers | await staff_facts.kept_tap(connection, _only(asked, f.KeptTap))


def _only(requests: Sequence[f.Request[Any]], kind: type[Question]) -> list[Question]:
    return [request for request in requests if isinstance(request, kind)]


def under_way(payment: Payment, *, by_me: bool) -> f.UnderWay:
    """Return an open payment as screens show it."""
    return f.UnderWay(
        payment_id=payment.payment_id,
        tap_id=payment.tap_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        provider_name=routing.NAMES[payment.provider],
        since=payment.created_at,
        look_again_at=look_again_at(payment),
        by_me=by_me,
    )


def look_again_at(payment: Payment) -> datetime:
    """Return when a payment will have ended, one way or the other: the next whole minute after its expiry."""
    return payment.expires_at + timedelta(seconds=59)


async def _read_taps(connection: AsyncConnection, typed: set[str]) -> dict[str, Tap]:
    by_id: dict[str, str] = {}
    by_number: dict[str, str] = {}
    for text in typed:
        try:
            read = tap_ids.read(text)
        except BadTapId:
            continue
        (by_id if isinstance(read, tap_ids.TapId) else by_number)[text] = read.value
    ids = await taps_store.taps_by_ids(connection, set(by_id.values())) if by_id else {}
    numbers = await taps_store.taps_by_numbers(connection, set(by_number.values())) if by_number else {}
    found = {text: ids[value] for text, value in by_id.items() if value in ids}
    return found | {text: numbers[value] for text, value in by_number.items() if value in numbers}


def _tap(tap: Tap, debts: _Debts, tenancies: Sequence[Tenant], msisdn: str) -> f.Tap:
    individualized = tap.latest_billing is Billing.INDIVIDUALIZED
    return f.Tap(
        tap_id=tap.tap_id,
        tap_number=tap.tap_number,
        currency=tap.currency,
        whole=debts.owed(tap.tap_id, None, msisdn),
        individualized=individualized,
        mine=debts.of_tenant(tap.tap_id, tenancies, msisdn) if individualized else None,
    )


def _balance(tap: Tap, debts: _Debts, known: KnownTap) -> f.Balance:
    own = known.tenant_id if tap.latest_billing is Billing.INDIVIDUALIZED else None
    return f.Balance(tap.tap_id, debts.owed(tap.tap_id, own, "").due_minor, tap.currency)


def _line(payment: Payment) -> f.PaymentLine:
    return f.PaymentLine(
        payment_id=payment.payment_id,
        tap_id=payment.tap_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        provider_name=routing.NAMES[payment.provider],
        status=payment.status,
        at=payment.created_at if payment.is_open else payment.updated_at,
        receipt=payment.receipt,
        look_again_at=look_again_at(payment) if payment.is_open else None,
    )
