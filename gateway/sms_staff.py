"""What agents and caretakers are told of a tap, from its debts: pure."""

from collections import Counter
from collections.abc import Sequence

from core.i18n import Text
from gateway.sms_asked import Person
from gateway.sms_facts import allowed_zones
from sms.inbound import texts
from sms.inbound.texts import Counts, Owed
from taps.behind import Page
from taps.model import Zone
from taps.occupancy import due_day
from ussd_menus import facts as f

_PAID, _WAITING = f.Settling.PAID, f.Settling.WAITING
_MOST_NAMED = 4


def status(tap: f.TapStatus) -> Text:
    """Say how much of a tap's latest bill is paid, by how many tenants, and what older bills are open."""
    if not tap.period:
        return texts.nothing_owed(tap.tap_id, None, tap.currency)
    billed = Owed(tap.tap_id, tap.billed_minor, tap.currency, (tap.period,))
    older = Owed(tap.tap_id, tap.open_minor - (tap.billed_minor - tap.paid_minor), tap.currency)
    due = due_day(tap.period)
    since = min((line.at for line in tap.lines if line.settling is _WAITING and line.at), default=None)
    if not tap.is_split:
        payer = next((line for line in tap.lines if line.settling is _PAID), None)
        last = (payer.ending, payer.at) if payer and payer.at else None
        return texts.status_shared(billed, tap.paid_minor, since, due, older=older, last_payer=last)
    n_of = Counter(line.settling for line in tap.lines)
    counts = Counts(n_of[_PAID], n_of[f.Settling.OPEN], n_of[_WAITING], since)
    return texts.status(billed, tap.paid_minor, counts, due, older=older)


def who(tap: f.TapStatus) -> Text:
    """Name who has not paid their part, of the latest bill or an older one; a shared tap has one for all."""
    if not tap.is_split:
        return status(tap)
    owing = [line.name for line in tap.lines if line.settling is not _PAID or line.owed_minor]
    return texts.who(tap.tap_id, tap.period, owing, len(tap.lines) - len(owing))


def behind(page: Page) -> Text:
    """Name the taps that owe most for periods that are over."""
    if not page.items:
        return texts.none_behind()
    named = [Owed(one.tap_id, one.owed_minor, one.currency) for one in page.items[:_MOST_NAMED]]
    return texts.behind(named, len(page.items) - len(named) + page.n_after)


def first_zone(person: Person, zones: Sequence[Zone]) -> str:
    """Return a zone to show as an example."""
    mine = allowed_zones(person.users, zones)
    return mine[0].zone if mine else ""
