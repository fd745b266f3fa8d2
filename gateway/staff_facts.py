"""Answers what the screens of agents and caretakers ask, for many calls at once.

Who may see what is decided here, from the users and the taps' caretakers as they are at this moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from payments import tables as t
from payments import views
from payments.records import Payment
from taps import behind, flags, users
from taps import store as taps_store
from taps.debts import Part, total_open_minor
from taps.model import Role, Tap, Tenant, User
from ussd_menus import facts as f

# Who runs the system may do in the field what an agent may.
AGENTS = frozenset({Role.AGENT, Role.OPERATOR, Role.ADMIN})
MOST_BEHIND = 60
# What payments have brought in for parts of a debt.
_CREDITED = (
    sa.select(
        t.claims.c.part_id,
        t.claims.c.payment_id,
        t.claims.c.credited_minor,
        t.payments.c.msisdn,
        t.payments.c.updated_at,
    )
    .join(t.payments, t.payments.c.payment_id == t.claims.c.payment_id)
    .where(t.claims.c.credited_minor > 0)
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What some phones may do in the field."""

    roles: Mapping[str, Sequence[User]]

    @classmethod
    async def load(cls, connection: AsyncConnection, msisdns: Iterable[str]) -> "Rights":
        """Read the users behind phones."""
        return cls(await users.users_by_msisdn(connection, sorted(set(msisdns))))

    def agents(self, msisdn: str) -> list[User]:
        """Return the users of a phone that are agents somewhere."""
        return [user for user in self.roles.get(msisdn, ()) if user.role in AGENTS]

    def agent_in(self, msisdn: str, zone: str) -> User | None:
        """Return the user by which a phone is an agent in a zone."""
        return next((user for user in self.agents(msisdn) if user.covers(zone)), None)


async def statuses(
    connection: AsyncConnection, requests: Sequence[f.TapStatusFacts], taps: Mapping[str, Tap]
) -> dict[f.Request[Any], Any]:
    """Return how far taps are with their bills; `taps` are by what was typed."""
    found = [request for request in requests if request.typed in taps]
    rights = await Rights.load(connection, {request.msisdn for request in found})
    allowed = [request for request in found if _may_see(taps[request.typed], request.msisdn, rights)]
    bills = await _Bills.load(connection, {taps[request.typed].tap_id for request in allowed})
    answers: dict[f.Request[Any], Any] = dict.fromkeys(requests)
    for request in found:
        tap = taps[request.typed]
        agent = rights.agent_in(request.msisdn, tap.zone)
        if agent or tap.caretaker_msisdn == request.msisdn:
            answers[request] = bills.status(tap, may_record=agent is not None)
        else:
            answers[request] = f.Barred(tap.tap_id, is_agent=bool(rights.agents(request.msisdn)))
    return answers


def _may_see(tap: Tap, msisdn: str, rights: Rights) -> bool:
    return tap.caretaker_msisdn == msisdn or rights.agent_in(msisdn, tap.zone) is not None


@dataclass(frozen=True, slots=True)
class _Bills:
    """What is open on some taps and in their latest bills, who paid, who pays."""

    parts: Mapping[str, Sequence[Part]]
    under_way: Mapping[str, Payment]  # by part
    credited: Mapping[str, Sequence[Any]]  # by part
    tenants: Mapping[str, Tenant]

    @classmethod
    async def load(cls, connection: AsyncConnection, tap_ids: set[str]) -> "_Bills":
        if not tap_ids:
            return cls({}, {}, {}, {})
        parts = await taps_store.open_parts(connection, sorted(tap_ids))
        every = [part for of_tap in parts.values() for part in of_tap]
        open_ = [part.part_id for part in every if part.open_minor]
        paid = {part.part_id for part in every if part.paid_minor and not part.tenant_id}
        credited: dict[str, list[Any]] = {}
        for row in await bulk.fetch(connection, _CREDITED, t.claims.c.part_id, paid):
            credited.setdefault(row.part_id, []).append(row)
        owners = {part.tenant_id for part in every if part.tenant_id}
        return cls(
            parts,
            await views.under_way_by_part(connection, open_),
            credited,
            await taps_store.tenants_by_ids(connection, owners) if owners else {},
        )

    def status(self, tap: Tap, *, may_record: bool) -> f.TapStatus:
        parts = self.parts.get(tap.tap_id, ())
        period = max((part.period for part in parts), default="")
        latest = [part for part in parts if part.period == period]
        is_split = any(part.tenant_id for part in latest)
        return f.TapStatus(
            tap_id=tap.tap_id,
            tap_number=tap.tap_number,
            currency=tap.currency,
            period=period,
            billed_minor=sum(part.amount_minor for part in latest),
            paid_minor=sum(part.paid_minor for part in latest),
            open_minor=total_open_minor(parts),
            is_split=is_split,
            lines=tuple(self._tenants(latest, parts) if is_split else self._payments(latest)),
            may_record=may_record,
        )

    def _payments(self, latest: Sequence[Part]) -> list[f.Line]:
        """Return the payments of a shared bill: the one under way first, then the newest."""
        waiting = {p.payment_id: p for part in latest if (p := self.under_way.get(part.part_id))}
        lines = [
            f.Line(f.Settling.WAITING, p.msisdn[-4:], p.amount_minor, p.created_at) for p in waiting.values()
        ]
        rows = sorted((row for part in latest for row in self.credited.get(part.part_id, ())), key=_newest)
        for _, group in groupby(rows, key=_newest):
            paid = list(group)
            amount_minor = sum(row.credited_minor for row in paid)
            lines.append(f.Line(f.Settling.PAID, paid[0].msisdn[-4:], amount_minor, paid[0].updated_at))
        return lines

    def _tenants(self, latest: Sequence[Part], parts: Sequence[Part]) -> list[f.Line]:
        """Return the tenants of a bill: who has not paid first, then who is paying, then the others."""
        owners = sorted({part.tenant_id for part in latest if part.tenant_id})
        lines = [self._tenant(owner, latest, parts) for owner in owners]
        order = [f.Settling.OPEN, f.Settling.WAITING, f.Settling.PAID]
        return sorted(lines, key=lambda line: (order.index(line.settling), line.name.casefold(), line.ending))

    def _tenant(self, owner: str, latest: Sequence[Part], parts: Sequence[Part]) -> f.Line:
        own = [part for part in latest if part.tenant_id == owner]
        tenant = self.tenants[owner]
        paying = next((self.under_way[p.part_id] for p in own if p.part_id in self.under_way), None)
        open_minor = total_open_minor(own)
        settling = f.Settling.PAID if not open_minor else f.Settling.WAITING if paying else f.Settling.OPEN
        return f.Line(
            settling=settling,
            ending=tenant.msisdn[-4:],
            amount_minor=open_minor,
            at=paying.created_at if paying else None,
            name=tenant.name,
            msisdn=tenant.msisdn,
            tenant_id=owner,
            owed_minor=total_open_minor(part for part in parts if part.tenant_id == owner),
        )


def _newest(row: Any) -> tuple[float, str]:
    return -row.updated_at.timestamp(), row.payment_id


async def behind_in_zones(
    connection: AsyncConnection, requests: Sequence[f.TapsBehind], now: datetime
) -> dict[f.Request[Any], Any]:
    """Return the taps behind in each agent's zones; agents of the same zones are asked for once."""
    if not requests:
        return {}
    rights = await Rights.load(connection, {request.msisdn for request in requests})
    every = [zone.zone for zone in await taps_store.all_zones(connection)]
    zones = {
        request: tuple(zone for zone in every if rights.agent_in(request.msisdn, zone))
        for request in requests
    }
    pages = {
        wanted: (await behind.page(connection, wanted, now, limit=MOST_BEHIND)).items if wanted else ()
        for wanted in sorted(set(zones.values()))
    }
    return {
        request: tuple(f.Behind(tap.tap_id, tap.owed_minor, tap.currency) for tap in pages[wanted])
        for request, wanted in zones.items()
    }


async def kept_taps(connection: AsyncConnection, requests: Sequence[f.KeptTaps]) -> dict[f.Request[Any], Any]:
    """Return each caretaker's taps."""
    if not requests:
        return {}
    kept = await users.kept_taps(connection, sorted({request.msisdn for request in requests}))
    tap_ids = sorted({tap_id for own in kept.values() for tap_id in own})
    tenants = await taps_store.tenants_of(connection, tap_ids)
    return {
        request: tuple(f.Kept(tap_id, len(tenants[tap_id])) for tap_id in kept[request.msisdn])
        for request in requests
    }


async def kept_tap(connection: AsyncConnection, requests: Sequence[f.KeptTap]) -> dict[f.Request[Any], Any]:
    """Return single taps as their caretakers see them; None for who is not the caretaker."""
    if not requests:
        return {}
    taps = await taps_store.taps_by_ids(connection, {request.tap_id for request in requests})
    answers: dict[f.Request[Any], Any] = dict.fromkeys(requests)
    own = [r for r in requests if r.tap_id in taps and taps[r.tap_id].caretaker_msisdn == r.msisdn]
    wanted = sorted({request.tap_id for request in own})
    tenants = await taps_store.tenants_of(connection, wanted)
    found = await flags.unresolved_of(connection, wanted)
    for request in own:
        tap_id = request.tap_id
        answers[request] = f.TapKept(
            tap_id,
            taps[tap_id].country,
            tuple(f.Lodger(one.msisdn, one.name, one.occupants) for one in tenants[tap_id]),
            tuple(f.Open(flag.reference, flag.kind.value, flag.created_at) for flag in found[tap_id]),
        )
    return answers
