"""The rails' books beside our ledger: what came in, what went out, and what does not agree.

Truth is the rails' own book. Each line of it must be one posting of ours, and each posting one line; what a
rail moved without anybody being able to tell us is counted apart, and must be an open item or an open payout.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from core.db import Database
from core.money import from_decimal
from payments.payouts.tables import payouts
from payments.providers.account_reference import account_reference
from payments.tables import credits_, ledger_entries, ledger_transactions, payments, suspense_items
from tools.chaos.city import City
from tools.chaos.plan import Outcome, Sum

# Rails that nobody can ask: of a lost answer or notice only their own list of transactions tells.
_MUTE = frozenset({"zamtel", "kcb"})
# Rails whose signed notice is proof by itself: one that names another amount is believed.
_SIGNING = frozenset({"kcb", "stripe"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a rail's book, by the gateway account that it belongs to."""

    account_id: str
    currency: str
    minor: int
    row: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """Return what the money is called, the surest first."""
        row = self.row
        invoice = str(row["external_id"]).rpartition("-")[2]  # KCB's: the till, then our reference
        return [
            _plain(name) for name in (row["provider_reference"], row["external_id"], invoice, row["receipt"])
        ]


@dataclass(frozen=True, slots=True)
class Posting:
    """Money that our ledger says a rail took in or sent out, with all its names."""

    account_id: str
    currency: str
    minor: int
    fact: str
    names: frozenset[str]


def lines(city: City, kind: str) -> Iterator[Line]:
    """Yield the lines of all books: `debited`, or `paid_out`."""
    for end, network in city.networks.items():
        for row in network.book.report()[kind]:
            minor = from_decimal(row["amount"], row["currency"])
            yield Line(f"{row['provider']}:{end}", row["currency"], minor, row)


async def compare(city: City, outcome: Outcome) -> None:
    """Compare all books with our ledger."""
    db = city.runtime.db
    await _compare_in(db, list(lines(city, "debited")), outcome)
    await _compare_out(db, list(lines(city, "paid_out")), outcome)


async def unsettled(city: City) -> int:
    """Return how many debits are neither in our ledger, nor such that nobody could tell us."""
    found = Outcome()
    await compare(city, found)
    return len(found.missing_here) + len(found.out_missing_here)


async def _compare_in(db: Database, there: list[Line], outcome: Outcome) -> None:
    here = [one async for one in _came(db)]
    pairs, alone, left = matched(there, here)
    doubtful = await _doubtful(db)
    unknowable: Counter[tuple[str, str]] = Counter()
    for line in alone:
        why = _nobody_knows(line, doubtful)
        if why is None:
            outcome.missing_here.append(dict(line.row) | {"account_id": line.account_id})
            continue
        unknowable[line.account_id, line.currency] += line.minor
        outcome.credited["unknowable"] += 1
        outcome.unknowable.append(f"in  {_said(line)}: {why}")
    for line, posting in pairs:
        outcome.credited["in suspense" if posting.fact.startswith("arrival:") else "as a payment"] += 1
        wrong = line.minor - posting.minor
        if wrong and _was_signed_wrongly(line):
            unknowable[line.account_id, line.currency] += wrong
            outcome.unknowable.append(f"in  {_said(line)}: its signed notice says {posting.minor}")
        elif wrong:
            outcome.missing_here.append(dict(line.row) | {"credited_minor": posting.minor})
    outcome.missing_there = [f"{one.account_id} {one.fact}: {one.minor} {one.currency}" for one in left]
    outcome.money_in = _sums(there, here, unknowable)


async def _compare_out(db: Database, there: list[Line], outcome: Outcome) -> None:
    here, processing, disputed = await _went(db)
    pairs, alone, left = matched(there, here)
    unknowable: Counter[tuple[str, str]] = Counter()
    # A refund that was not answered has no name of ours at the rail but that of the payment it gives back.
    _, nameless, rest = matched(alone, processing)
    _, still_alone, _ = matched([replace(line, row=_by_original(line)) for line in nameless], rest)
    lost = [line.row["receipt"] for line in still_alone]
    for line in alone:
        if line.row["receipt"] in lost:
            outcome.out_missing_here.append(dict(line.row) | {"account_id": line.account_id})
            continue
        unknowable[line.account_id, line.currency] += line.minor
        outcome.unknowable.append(f"out {_said(line)}: the payout is `processing`, its money is held")
    for line, posting in pairs:
        if line.minor != posting.minor:
            outcome.out_missing_there.append(f"{_said(line)}: {posting.minor} in the ledger")
    for posting in left:
        if posting.fact in disputed:
            unknowable[posting.account_id, posting.currency] -= posting.minor
            outcome.unknowable.append(
                f"out {posting.fact}: the rail's first word was taken, then it took it back"
            )
        else:
            outcome.out_missing_there.append(f"{posting.account_id} {posting.fact}: {posting.minor}")
    outcome.money_out = _sums(there, here, unknowable)


def matched(
    there: Iterable[Line], here: Sequence[Posting]
) -> tuple[list[tuple[Line, Posting]], list[Line], list[Posting]]:
    """Pair lines and postings one to one; return the pairs, lines alone, postings alone.

    The rail's own reference decides before the receipt, which a forged notice may have brought.
    """
    by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, posting in enumerate(here):
        for name in posting.names:
            by_name[posting.account_id, name].append(i)
    free, pairs, waiting = set(range(len(here))), [], list(there)
    for n in range(4):
        rest = []
        for line in waiting:
            found = next((i for i in by_name[line.account_id, line.names[n]] if i in free), None)
            if found is None:
                rest.append(line)
            else:
                free.discard(found)
                pairs.append((line, here[found]))
        waiting = rest
    return pairs, waiting, [here[i] for i in sorted(free)]


async def _came(db: Database) -> Any:
    """Yield what our ledger says came in at rails."""
    e, x, p, c = ledger_entries.c, ledger_transactions.c, payments.c, credits_.c
    arrival = sa.literal("arrival:") + c.credit_id.cast(sa.String)
    query = (
        sa.select(
            e.ledger_account, e.currency, e.amount_minor, x.fact_key, p.payment_id, p.reference, p.tap_id
        )
        .add_columns(p.provider_reference, p.receipt, c.receipt.label("credited_receipt"))
        .select_from(
            ledger_entries.join(ledger_transactions, x.ledger_id == e.ledger_id)
            .outerjoin(payments, sa.and_(p.payment_id == x.payment_id, x.kind == "payment"))
            .outerjoin(credits_, sa.or_(c.payment_id == p.payment_id, arrival == x.fact_key))
        )
        .where(e.ledger_account.startswith("rail:"), e.amount_minor > 0)
    )
    async with db.read() as connection:
        rows = (await connection.execute(query)).all()
    for row in rows:
        names = {row.reference, row.provider_reference, row.receipt, row.credited_receipt, row.payment_id}
        if row.payment_id:
            names.add(account_reference(row.tap_id, row.payment_id))
        yield Posting(
            row.ledger_account.removeprefix("rail:"),
            row.currency,
            row.amount_minor,
            row.fact_key,
            frozenset(_plain(name) for name in names if name),
        )


async def _went(db: Database) -> tuple[list[Posting], list[Posting], set[str]]:
    """Return what our ledger says went out by rails, payouts still on their way, and disputed facts."""
    e, x = ledger_entries.c, ledger_transactions.c
    s = suspense_items.c
    async with db.read() as connection:
        posted = (
            await connection.execute(
                sa.select(e.ledger_account, e.currency, e.amount_minor, x.fact_key)
                .join(ledger_transactions, x.ledger_id == e.ledger_id)
                .where(e.ledger_account.startswith("rail:"), e.amount_minor < 0)
            )
        ).all()
        paid = payments.outerjoin(payouts, payouts.c.payment_id == payments.c.payment_id)
        back = sa.select(payouts.c.payout_id, payments.c.reference).select_from(paid)
        originals = {row.payout_id: row.reference for row in await connection.execute(back)}
        known = {row.payout_id: row for row in await connection.execute(sa.select(payouts))}
        disputed = await connection.execute(sa.select(s.fact_key).where(s.kind == "contradiction"))
        disputed_ids = {part for row in disputed for part in row.fact_key.split(":") if part in known}
    gone = []
    for row in posted:
        payout = known[row.fact_key.split(":")[1]]
        account_id = row.ledger_account.removeprefix("rail:")
        gone.append(Posting(account_id, row.currency, -row.amount_minor, row.fact_key, _names_of(payout)))
    open_ = [
        Posting(
            y.account_id,
            y.currency,
            y.amount_minor,
            y.payout_id,
            _names_of(y) | {_plain(originals.get(y.payout_id))},
        )
        for y in known.values()
        if y.status == "processing"
    ]
    return gone, open_, {f"payout:{payout_id}:done" for payout_id in disputed_ids}


def _by_original(line: Line) -> dict[str, Any]:
    return {**line.row, "provider_reference": line.row["original"]}


def _names_of(payout: sa.Row[Any]) -> frozenset[str]:
    names = (payout.reference, payout.provider_reference, payout.receipt, payout.payout_id)
    return frozenset(_plain(name) for name in names if name)


async def _doubtful(db: Database) -> dict[tuple[str, str], str]:
    """Return payments of rails that nobody can ask, about which staff have an item: name -> why."""
    p, s = payments.c, suspense_items.c
    query = (
        sa.select(payments, s.kind)
        .join(suspense_items, s.payment_id == p.payment_id)
        .where(s.status == "open", p.status.in_(("pending", "expired", "failed")), p.provider.in_(_MUTE))
    )
    found = {}
    async with db.read() as connection:
        for row in await connection.execute(query):
            names = (row.reference, row.provider_reference, row.payment_id)
            for name in (*names, account_reference(row.tap_id, row.payment_id)):
                if name:
                    why = f"payment {row.payment_id} is `{row.status}`, with an item `{row.kind}`"
                    found[row.account_id, _plain(name)] = why
    return found


def _nobody_knows(line: Line, doubtful: Mapping[tuple[str, str], str]) -> str | None:
    names = (doubtful.get((line.account_id, name)) for name in line.names)
    return next((why for why in names if why), None)


def _was_signed_wrongly(line: Line) -> bool:
    provider = line.account_id.partition(":")[0]
    return provider in _SIGNING and "callback.other_amount" in line.row["faults"]


def _sums(
    there: Iterable[Line], here: Iterable[Posting], unknowable: Mapping[tuple[str, str], int]
) -> list[Sum]:
    there_minor, here_minor = _totals(there), _totals(here)
    return [
        Sum(*key, there_minor[key], here_minor[key], unknowable.get(key, 0))
        for key in sorted(there_minor.keys() | here_minor.keys())
    ]


def _totals(rows: Iterable[Line | Posting]) -> Counter[tuple[str, str]]:
    totals: Counter[tuple[str, str]] = Counter()
    for row in rows:
        totals[row.account_id, row.currency] += row.minor
    return totals


def _said(line: Line) -> str:
    row = line.row
    money = f"{line.account_id} {row['receipt']} {row['amount']} {row['currency']}"
    return f"{money} {','.join(row['faults'])}".strip()


def _plain(name: str | None) -> str:
    return (name or "").replace("-", "").lower()
