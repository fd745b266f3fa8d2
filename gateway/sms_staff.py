"""What agents and caretakers are told of a tap, from its debts: pure."""

from collections.abc import Sequence
from datetime import datetime

from core.i18n import Text
from gateway.sms_asked import Person
from gateway.sms_facts import Facts, allowed_zones
from sms.inbound import texts
from sms.inbound.texts import Counts, Owed
from taps.behind import Page
from taps.debts import Part, total_open_minor
from taps.model import Tap, Zone
from taps.occupancy import due_day

_MOST_NAMED = 4


def status(tap: Tap, facts: Facts) -> Text:
    """Say how much of a tap's latest bill is paid, by how many tenants."""
    parts = _latest(facts.parts.get(tap.tap_id, ()))
    if not parts:
        return texts.nothing_owed(tap.tap_id, None, tap.currency)
    billed = Owed(tap.tap_id, sum(part.amount_minor for part in parts), tap.currency, (parts[0].period,))
    paid_minor = sum(part.paid_minor for part in parts)
    since = _since(parts, facts)
    due = due_day(parts[0].period)
    if all(part.tenant_id is None for part in parts):
        return texts.status_shared(billed, paid_minor, since, due)
    owing, waiting = _owing(parts), _waiting(parts, facts)
    counts = Counts(len(_tenants(parts) - owing), len(owing - waiting), len(waiting), since)
    return texts.status(billed, paid_minor, counts, due)


def who(tap: Tap, facts: Facts) -> Text:
    """Name who has not paid their part of a tap's latest bill; a shared tap has one bill for all."""
    parts = [part for part in _latest(facts.parts.get(tap.tap_id, ())) if part.tenant_id]
    if not parts:
        return status(tap, facts)
    owing = _owing(parts)
    here = {tenant.tenant_id: tenant.name for tenant in facts.tenants.get(tap.tap_id, ())}
    names = [name for tenant_id, name in here.items() if tenant_id in owing]
    gone = len(owing) - len(names)  # they left, their part stays
    return texts.who(tap.tap_id, parts[0].period, names or ["-"] * gone, len(_tenants(parts) - owing))


def behind(page: Page) -> Text:
    """Name the taps that owe most for periods that are over."""
    if not page.items:
        return texts.none_behind()
    named = [Owed(one.tap_id, one.owed_minor, one.currency) for one in page.items[:_MOST_NAMED]]
    return texts.behind(named, len(page.items) - len(named))


def first_zone(person: Person, zones: Sequence[Zone]) -> str:
    """Return a zone to show as an example."""
    mine = allowed_zones(person.users, zones)
    return mine[0].zone if mine else ""


def _latest(parts: Sequence[Part]) -> list[Part]:
    period = max((part.period for part in parts), default="")
    return [part for part in parts if part.period == period]


def _tenants(parts: Sequence[Part]) -> set[str]:
    return {part.tenant_id for part in parts if part.tenant_id}


def _owing(parts: Sequence[Part]) -> set[str]:
    return {part.tenant_id for part in parts if part.tenant_id and total_open_minor([part])}


def _waiting(parts: Sequence[Part], facts: Facts) -> set[str]:
    return {part.tenant_id for part in parts if part.tenant_id and part.part_id in facts.under_way}


def _since(parts: Sequence[Part], facts: Facts) -> datetime | None:
    begun = [facts.under_way[part.part_id].created_at for part in parts if part.part_id in facts.under_way]
    return min(begun, default=None)
