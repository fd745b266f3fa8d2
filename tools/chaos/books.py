"""The networks' books beside our ledger: what is still under way, and what does not agree."""

from collections import Counter
from datetime import timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa

from core.db import Database
from core.money import from_decimal
from core.outbox import outbox
from gateway import verify
from payments.tables import credits_, ledger_balances, payments, suspense_items
from payments.wallet import accounts as wallets
from sms.tables import sms_messages
from tools.chaos.city import City
from tools.chaos.plan import Outcome


async def pending(city: City) -> dict[str, int]:
    """Return how much is still under way, by what it is."""
    book = await _book(city)
    known = await _successes(city.runtime.db)
    unsettled = [row for row in book["debited"] if not _matches(row, known)]
    p, now = payments.c, city.runtime.clock.now()
    async with city.runtime.db.read() as connection:
        open_ = await connection.scalar(
            sa.select(sa.func.count()).select_from(payments).where(p.status.in_(("initiated", "pending")))
        )
        waiting = await connection.scalar(
            sa.select(sa.func.count())
            .select_from(outbox)
            .where(
                outbox.c.status == "waiting",
                outbox.c.kind != "sms",
                # A callback that nobody can confirm is tried for minutes; what it claims moves no money.
                outbox.c.available_at < now + timedelta(seconds=5),
            )
        )
    unknowable = await _unknowable(city.runtime.db, unsettled)
    return {
        "payments": open_ or 0,
        "outbox": waiting or 0,
        "prompts": len(book["open"]),
        "unsettled": len(unsettled) - len(unknowable),
    }


async def compare(city: City) -> Outcome:
    """Compare what the networks debited with what we credited, and check every invariant."""
    db = city.runtime.db
    book, known = await _book(city), await _successes(db)
    outcome = Outcome()
    missing = [row for row in book["debited"] if not _matches(row, known)]
    outcome.unknowable = await _unknowable(db, missing)
    outcome.missing_here = [row for row in missing if row not in outcome.unknowable]
    debited = {row["provider_reference"] for row in book["debited"]}
    outcome.missing_there = [
        row.payment_id
        for row in known.values()
        if row.reference not in debited and row.provider_reference not in debited
    ]
    outcome.sums_differ = await _sums(db, book, outcome.unknowable)
    outcome.verdicts = await verify.run(db)
    async with db.read() as connection:
        for table, column, into in (
            (payments, payments.c.status, outcome.statuses),
            (suspense_items, suspense_items.c.kind, outcome.suspense),
            (sms_messages, sms_messages.c.status, outcome.sms),
        ):
            query = sa.select(column, sa.func.count()).select_from(table).group_by(column)
            into.update({row[0]: row[1] for row in await connection.execute(query)})
    return outcome


async def _book(city: City) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{city.providers.url}/_sim/book") as reply:
        book: dict[str, Any] = await reply.json()
        return book


async def _successes(db: Database) -> dict[str, Any]:
    """Return successful payments by our reference and by the provider's."""
    p = payments.c
    query = sa.select(payments, credits_.c.amount_minor.label("credited_minor")).join(
        credits_, credits_.c.payment_id == p.payment_id
    )
    async with db.read() as connection:
        # A payment from a wallet with us is in no network's book: its money came before.
        query = query.where(p.status == "success", p.provider != wallets.PROVIDER)
        rows = (await connection.execute(query)).all()
    return {row.reference: row for row in rows} | {
        r.provider_reference: r for r in rows if r.provider_reference
    }


def _matches(row: dict[str, Any], known: dict[str, Any]) -> bool:
    found = known.get(row["provider_reference"])
    return found is not None and found.credited_minor == from_decimal(row["amount"], row["currency"])


async def _unknowable(db: Database, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return debits whose push was not answered and whose callback was lost, on a rail without look-up.

    Only the provider's own list of transactions can tell of these; each is an open item for staff.
    """
    async with db.read() as connection:
        s, p = suspense_items.c, payments.c
        query = (
            sa.select(p.msisdn, p.amount_minor)
            .join(suspense_items, s.payment_id == p.payment_id)
            .where(s.kind == "outcome_unknown", p.status == "expired")
        )
        unknown = Counter((row.msisdn, row.amount_minor) for row in await connection.execute(query))
    found = []
    for row in rows:
        key = (row["msisdn"], from_decimal(row["amount"], row["currency"]))
        if row["provider"] == "daraja" and unknown[key] > 0:
            unknown[key] -= 1
            found.append(row)
    return found


async def _sums(db: Database, book: dict[str, Any], unknowable: list[dict[str, Any]]) -> list[str]:
    """Compare what each network debited with what our ledger says it owes us, to the minor unit."""
    there: Counter[tuple[str, str]] = Counter()
    for row in book["debited"]:
        if row not in unknowable:
            there[f"rail:{row['provider']}:default", row["currency"]] += from_decimal(
                row["amount"], row["currency"]
            )
    b = ledger_balances.c
    async with db.read() as connection:
        rows = await connection.execute(
            sa.select(ledger_balances).where(b.ledger_account.startswith("rail:"))
        )
        here = Counter({(row.ledger_account, row.currency): row.balance_minor for row in rows})
    return [f"{key}: {there[key]} there, {here[key]} here" for key in there | here if there[key] != here[key]]
