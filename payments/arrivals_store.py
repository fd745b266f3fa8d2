"""Looks up what can tell whose money has come: payments, taps and people, a few queries for one arrival.

Nothing is locked here; what is decided by it is read again under locks (`payments.store`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import arrivals
from payments import tables as t
from payments.arrivals import Clues, Person
from payments.commands import Arrive
from payments.providers.account_reference import account_reference
from payments.providers.base import Arrival
from taps.tables import customer_taps, debt_parts, debts, taps, tenants
from taps.tap_id import TapId

REACHES_BACK = timedelta(days=1)  # a push as old as this can still be what has come
_KEEPS_REFERENCE = timedelta(days=60)
_MOST = 50  # rows of any one look-up; more of them mean nobody in particular
_MOST_OF_A_TAP = 500

_p, _c = t.payments.c, t.credits_.c
_LIVE = ("started", "accepted", "unknown")


async def clues(connection: AsyncConnection, command: Arrive, now: datetime) -> Clues:
    """Return what is known about an arrival."""
    arrival = command.arrival
    own = await _own(connection, command, now)
    rivals = await _rivals(connection, command, now) if arrivals.is_blank(arrival) else ()
    found = await named_taps(connection, arrival)
    people = await _tenants(connection, arrival, found) if found else ()
    debtors = () if found else await _debtors(connection, arrival)
    caretakers = await _caretakers(connection, {*found, *(person.tap_id for person in debtors)})
    return Clues(own, rivals, found, people, debtors, caretakers)


async def named_taps(connection: AsyncConnection, arrival: Arrival) -> tuple[str, ...]:
    """Return the taps that what the payer typed can mean: those of the surest reading that names any."""
    for names in arrivals.typed(arrival.account_reference):
        ids = [name.value for name in names if isinstance(name, TapId)]
        numbers = [name.value for name in names if not isinstance(name, TapId)]
        query = sa.select(taps.c.tap_id).where(sa.or_(taps.c.tap_id.in_(ids), taps.c.tap_number.in_(numbers)))
        if found := (await connection.execute(query.order_by(taps.c.tap_id))).scalars().all():
            return tuple(found)
    return ()


async def _own(connection: AsyncConnection, command: Arrive, now: datetime) -> str | None:
    tap_id = arrivals.own_tap(command.arrival)
    if tap_id is None:
        return None
    reference = arrivals.reference_of(command.arrival)
    query = (
        sa.select(_p.payment_id)
        .where(_p.tap_id == tap_id, _p.account_id == command.account_id)
        .where(_p.created_at >= now - _KEEPS_REFERENCE)
        .order_by(_p.created_at.desc())
        .limit(_MOST_OF_A_TAP)
    )
    ids = (await connection.execute(query)).scalars()
    return next((i for i in ids if account_reference(tap_id, i) == reference), None)


async def _rivals(connection: AsyncConnection, command: Arrive, now: datetime) -> tuple[str, ...]:
    """Return pushes that nothing tells from this money: same amount, a day back, a payer that fits."""
    arrival = command.arrival
    came_at = min(arrival.at or now, now)
    unsettled = sa.or_(
        sa.and_(_p.status.in_(("initiated", "pending")), _p.push_state.in_(_LIVE)),
        sa.and_(_p.status.in_(("failed", "expired")), ~_p.is_final),
        sa.and_(_p.status.in_(("success", "refunded", "reversed")), _p.receipt.is_(None)),
    )
    query = (
        sa.select(_p.payment_id, _p.msisdn)
        .where(_p.created_at >= came_at - REACHES_BACK, _p.account_id == command.account_id)
        .where(_p.amount_minor == arrival.amount_minor, _p.currency == arrival.currency, unsettled)
        .order_by(_p.created_at)
        .limit(_MOST)
    )
    rows = (await connection.execute(query)).all()
    return tuple(row.payment_id for row in rows if arrivals.fits(arrival, row.msisdn) is not False)


async def _tenants(connection: AsyncConnection, arrival: Arrival, found: Sequence[str]) -> tuple[Person, ...]:
    """Return the tenants of these taps, present or past, that the payer may be."""
    query = sa.select(tenants.c.msisdn, tenants.c.tap_id, tenants.c.tenant_id).where(
        tenants.c.tap_id.in_(found)
    )
    return _people(arrival, await connection.execute(query))


def _people(arrival: Arrival, rows: Iterable[Any]) -> tuple[Person, ...]:
    people = (Person(row.msisdn, row.tap_id, row.tenant_id) for row in rows)
    return tuple(dict.fromkeys(person for person in people if arrivals.fits(arrival, person.msisdn)))


async def _debtors(connection: AsyncConnection, arrival: Arrival) -> tuple[Person, ...]:
    """Return where phones that fit have something to pay: as tenants, or on taps that they have paid for."""
    owes = (
        sa.select(debt_parts.c.part_id)
        .join(debts, debts.c.debt_id == debt_parts.c.debt_id)
        .where(debt_parts.c.paid_minor < debt_parts.c.amount_minor)
    )
    tenant_owes = owes.where(
        debts.c.tap_id == tenants.c.tap_id,
        sa.or_(
            debts.c.tenant_id == tenants.c.tenant_id,
            sa.and_(debts.c.tenant_id.is_(None), tenants.c.removed_at.is_(None)),
        ),
    )
    tap_owes = owes.where(debts.c.tap_id == customer_taps.c.tap_id, debts.c.tenant_id.is_(None))
    as_tenant = _phones(
        sa.select(tenants.c.msisdn, tenants.c.tap_id, tenants.c.tenant_id), tenants.c.msisdn, arrival
    )
    as_payer = _phones(
        sa.select(customer_taps.c.msisdn, customer_taps.c.tap_id, sa.null().label("tenant_id")),
        customer_taps.c.msisdn,
        arrival,
    )
    if as_tenant is None or as_payer is None:
        return ()
    rows = list(await connection.execute(as_tenant.where(tenant_owes.exists()).limit(_MOST)))
    rows += list(await connection.execute(as_payer.where(tap_owes.exists()).limit(_MOST)))
    return _people(arrival, rows)


def _phones(query: sa.Select[Any], column: sa.ColumnElement[str], arrival: Arrival) -> sa.Select[Any] | None:
    """Narrow a query to phones that fit; None where nothing is told of the phone."""
    if arrival.msisdn:
        return query.where(column == arrival.msisdn)
    ends = arrivals.ends_of(arrival.masked_msisdn)
    if ends is None:
        return None
    first = f"+{ends[0]}"
    return query.where(column >= first, column < f"{first}:", column.endswith(ends[1]))  # ":" follows 9


async def _caretakers(connection: AsyncConnection, tap_ids: Iterable[str]) -> tuple[tuple[str, str], ...]:
    query = sa.select(taps.c.tap_id, taps.c.caretaker_msisdn).where(
        taps.c.tap_id.in_(sorted(tap_ids)), taps.c.caretaker_msisdn.is_not(None)
    )
    return tuple((row.tap_id, row.caretaker_msisdn) for row in await connection.execute(query))


async def credited(
    connection: AsyncConnection, commands: Sequence[Arrive]
) -> list[tuple[tuple[str, str], str, bool]]:
    """Return what is credited already of these: (account, receipt), its owner, and whether it is placed.

    A bank's own number counts as the receipt does, in either direction: it tells one and the same money in
    two shapes, each with another name in front (reference kcb-buni §4).
    """
    found: list[tuple[tuple[str, str], str, bool]] = []
    for command in commands:
        arrival, account_id = command.arrival, command.account_id
        names = [name for name in (arrival.receipt, arrival.second_reference) if name]
        mine = sa.or_(_c.receipt.in_(names), _c.second_reference.in_(names))
        query = sa.select(_c.credit_id, _c.payment_id).where(_c.account_id == account_id, mine)
        for row in await connection.execute(query):
            key = (account_id, arrival.receipt)
            found.append((key, row.payment_id or row.credit_id, row.payment_id is not None))
    return found
