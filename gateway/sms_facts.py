"""What many SMS ask to know, with a few set-based queries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from core.money import Money
from gateway.facts import Loader
from gateway.sms_asked import Line, Person
from sms.inbound import Command, Refusal, Why, Word
from sms.inbound import near as slips
from taps import behind, store, users
from taps.behind import Page
from taps.model import Tap, User, Zone
from ussd_menus import facts as f

_OWED = frozenset({Word.BAL, Word.PAY})
_WHOLE = frozenset({Word.STATUS, Word.WHO})


@dataclass(slots=True)
class Facts:
    """What was found. `taps` are by TapID and by tap number; `owed` is how a phone sees a tap."""

    taps: dict[str, Tap] = field(default_factory=dict)
    owed: Mapping[tuple[str, str], f.Tap] = field(default_factory=dict)  # (TapID, msisdn)
    last: Mapping[str, f.PaymentLine] = field(default_factory=dict)
    kept: Mapping[str, tuple[Money, ...]] = field(default_factory=dict)  # by msisdn, what we keep for it
    statuses: Mapping[tuple[str, str], f.TapStatus] = field(default_factory=dict)  # (TapID, msisdn)
    zones: Sequence[Zone] = ()
    behind: Mapping[tuple[str, ...], Page] = field(default_factory=dict)  # by zones


async def people(connection: AsyncConnection, msisdns: Iterable[str]) -> dict[str, Person]:
    """Return who is behind each phone."""
    wanted = sorted(set(msisdns))
    customers = await store.customers(connection, wanted)
    roles = await users.users_by_msisdn(connection, wanted)
    kept = await users.kept_taps(connection, wanted)
    known = await store.known_taps(connection, wanted)
    return {
        msisdn: Person(
            msisdn,
            (customers[msisdn].language if msisdn in customers else None) or "en",
            tuple(roles[msisdn]),
            tuple(kept[msisdn]),
            tuple(tap.tap_id for tap in known[msisdn]),
        )
        for msisdn in wanted
    }


async def load(connection: AsyncConnection, lines: Sequence[Line], loader: Loader, now: datetime) -> Facts:
    """Return what the lines need to be answered."""
    facts = Facts()
    facts.taps = await _taps(connection, lines)
    await _owed(connection, facts, lines, loader, now)
    await _statuses(connection, facts, lines, loader, now)
    await _behind(connection, facts, lines, now)
    return facts


async def _taps(connection: AsyncConnection, lines: Sequence[Line]) -> dict[str, Tap]:
    """Return the taps that are named, and those that may have been meant where a name is wrong."""
    found = await _named(connection, (line.asked.tap for line in lines if isinstance(line.asked, Command)))
    guesses = {guess for line in lines for guess in likely(line, found)}
    return found | await _named(connection, guesses)


def likely(line: Line, taps: Mapping[str, Tap]) -> tuple[str, ...]:
    """Return the taps that a line may mean in place of one that is wrong or not there."""
    match line.asked:
        case Refusal(why=Why.WRONG_TAP, taps=guesses):
            return guesses
        case Command(tap=str(tap)) if tap not in taps:
            return slips.taps(tap)
    return ()


async def _named(connection: AsyncConnection, named: Iterable[str | None]) -> dict[str, Tap]:
    wanted = {tap for tap in named if tap}
    ids, numbers = {tap for tap in wanted if "-" in tap}, {tap for tap in wanted if "-" not in tap}
    found = await store.taps_by_ids(connection, ids) if ids else {}
    return found | (await store.taps_by_numbers(connection, numbers) if numbers else {})


async def _owed(
    connection: AsyncConnection, facts: Facts, lines: Sequence[Line], loader: Loader, now: datetime
) -> None:
    wanted = {
        f.TapFacts(tap_id, line.person.msisdn)
        for line in lines
        if isinstance(line.asked, Command) and line.asked.word in _OWED
        for tap_id in _meant(line, line.asked, facts.taps)
    }
    lasts = {f.LastPayments(line.person.msisdn) for line in lines if line.asked.word is Word.LAST}
    keeps = {f.MoneyKept(line.person.msisdn) for line in lines if line.asked.word in _OWED}
    if wanted or lasts:
        found = await loader.load(connection, [*wanted, *lasts, *keeps], now)
        facts.kept = {asked.msisdn: found[asked] for asked in keeps}
        facts.owed = {(asked.typed, asked.msisdn): found[asked] for asked in wanted if found[asked]}
        facts.last = {asked.msisdn: found[asked][0] for asked in lasts if found[asked]}


def _meant(line: Line, asked: Command, taps: Mapping[str, Tap]) -> Sequence[str]:
    if asked.tap is None:
        return line.person.known
    return [taps[asked.tap].tap_id] if asked.tap in taps else []


async def _statuses(
    connection: AsyncConnection, facts: Facts, lines: Sequence[Line], loader: Loader, now: datetime
) -> None:
    """Read how far taps are, as screens show it; nothing of a tap that is not the asker's to see."""
    wanted = {
        f.TapStatusFacts(facts.taps[line.asked.tap].tap_id, line.person.msisdn)
        for line in lines
        if isinstance(line.asked, Command) and line.asked.word in _WHOLE and line.asked.tap in facts.taps
    }
    if wanted:
        found = await loader.load(connection, list(wanted), now)
        facts.statuses = {
            (asked.typed, asked.msisdn): status
            for asked in wanted
            if isinstance(status := found[asked], f.TapStatus)
        }


async def _behind(connection: AsyncConnection, facts: Facts, lines: Sequence[Line], now: datetime) -> None:
    asking = [line for line in lines if line.asked.word is Word.BEHIND and line.person.staff]
    if not asking:
        return
    facts.zones = await store.all_zones(connection)
    wanted = {zones for line in asking if (zones := zones_for(line, facts.zones))}
    facts.behind = {zones: await behind.page(connection, zones, now) for zones in sorted(wanted)}


def zones_for(line: Line, zones: Sequence[Zone]) -> tuple[str, ...]:
    """Return the zones that a line of BEHIND asks for and its sender may see; empty for none."""
    text = line.asked.text if isinstance(line.asked, Command) else None
    mine = allowed_zones(line.person.users, zones)
    wanted = (text or "").casefold()
    return tuple(
        zone.zone for zone in mine if not text or wanted in (zone.zone.casefold(), zone.name.casefold())
    )


def allowed_zones(roles: Iterable[User], zones: Sequence[Zone]) -> list[Zone]:
    """Return the zones in which a person is staff."""
    person = Person("", users=tuple(roles))
    return [zone for zone in zones if person.covering(zone.zone)]
