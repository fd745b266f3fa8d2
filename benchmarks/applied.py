"""Callbacks applied a second at 256 waiting, against the same rows written by hand on the same database.

Applied means: the provider's word `paid` on a pushed payment is committed: its transition, ledger entries
and balances, orders, claims, debt parts, credit, and the confirmation as SMS with its outbox row. The floor
writes the same rows and changes the same columns: one bulk statement a table, one commit for 256 payments.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from benchmarks import databases, floor_applied
from benchmarks.acceptance import BOUND, PAYMENTS, RUNS, WAITING, Rate, settings
from benchmarks.city import seed_taps
from benchmarks.databases import Where
from benchmarks.floor import Raw, opened_raw
from benchmarks.servers import run
from core import logs
from gateway.cli.processes import calm_garbage_collector
from gateway.runtime import Runtime, open_runtime
from payments.commands import Command, Pay, PushAnswered, Reported, StartPush
from payments.providers.base import Outcome, PushReply, Report, Taken
from payments.records import Payment


def measure(where: Where) -> list[Rate]:
    """Return the rates of five rounds, after one that warms up."""
    rates: list[Rate] = run(_measure(where))
    return rates[1:]


async def _measure(where: Where) -> list[Rate]:
    logs.configure("ERROR")
    taps = await seed_taps(where.url, PAYMENTS * (RUNS + 1))
    calm_garbage_collector()  # as `madzi worker` need not, but by hand gains by it too
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings(where.url)))
        raw = await stack.enter_async_context(opened_raw(where))
        return [
            await _round(runtime, raw, i, taps[i * PAYMENTS : (i + 1) * PAYMENTS]) for i in range(RUNS + 1)
        ]


async def _round(runtime: Runtime, raw: Raw, i: int, taps: Sequence[str]) -> Rate:
    tag = f"r{i}-"
    payments = await _pushed(runtime, tag, taps)
    await raw.settle()
    before = await floor_applied.look(raw, tag)
    words = [_paid(payment, f"{i}{n:09d}") for n, payment in enumerate(payments)]
    began = time.perf_counter()
    noted = await _submit(runtime, words)
    ours = time.perf_counter() - began
    if any(answer.payment.status != "success" for answer in noted):
        raise SystemExit("a payment did not succeed")
    by_hand = await floor_applied.again(raw, tag, before, WAITING)
    return Rate(len(taps) / ours, len(taps) / by_hand)


async def _pushed(runtime: Runtime, tag: str, taps: Sequence[str]) -> list[Payment]:
    """Return payments whose prompts are out, one for each tap."""
    pays = [_pay(runtime, f"{tag}{n}", f"+26096{tag[1]}{n:06d}", tap) for n, tap in enumerate(taps)]
    payments: list[Payment] = [accepted.payment for accepted in await _submit(runtime, pays)]
    await _submit(runtime, [StartPush(payment.payment_id) for payment in payments])
    taken = [PushAnswered(p.payment_id, PushReply(Taken.ACCEPTED, p.reference, code="202")) for p in payments]
    await _submit(runtime, taken)
    return payments


def _pay(runtime: Runtime, call: str, msisdn: str, tap_id: str) -> Pay:
    return Pay(
        payment_request_id=runtime.ids.new(),
        request_hash="0" * 64,
        msisdn=msisdn,
        contact_msisdn=msisdn,
        tap_id=tap_id,
        tenant_id=None,
        amount_minor=3000,
        currency="ZMW",
        provider="mtn",
        channel="ussd",
        correlation_id=call,
        delay_s=0,
    )


def _paid(payment: Payment, receipt: str) -> Reported:
    """Return MTN's word on a payment, asked because a callback came."""
    report = Report(
        Outcome.PAID,
        code="SUCCESSFUL",
        receipt=receipt,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        msisdn=payment.msisdn,
        external_id=payment.payment_id,
        provider_reference=payment.reference,
    )
    return Reported(payment.payment_id, report, "callback", None, report)


async def _submit(runtime: Runtime, commands: Sequence[Command]) -> list[Any]:
    """Submit every command, with so many waiting at any time; return their answers in order."""
    waiting, answers = iter(enumerate(commands)), [None] * len(commands)

    async def sender() -> None:
        for n, command in waiting:
            answers[n] = await runtime.payments.submit(command)

    await asyncio.gather(*(sender() for _ in range(WAITING)))
    return answers


def table(rates: list[Rate], where: Where) -> list[tuple[str, str, str, str]]:
    """Return rows: what, figure, bound, met. The bound is PostgreSQL's."""
    ours = statistics.median(rate.ours for rate in rates)
    by_hand = statistics.median(rate.by_hand for rate in rates)
    ratio = statistics.median(rate.ratio for rate in rates)
    what = f"callbacks applied, {WAITING} waiting, {where.name}"
    judged = ("", "") if where.is_sqlite else (f"at least {BOUND}", "yes" if ratio >= BOUND else "NO")
    return [
        (f"what they write in hand-made bulk statements, {where.name}", f"{by_hand:,.0f} payments/s", "", ""),
        (what, f"{ours:,.0f} payments/s", "", ""),
        (f"{what}, against by hand", f"{ratio:.2f}", *judged),
    ]


if __name__ == "__main__":
    for kind in (databases.sqlite, databases.postgresql):
        with kind() as here:
            for row in table(measure(here), here):
                print(*row, sep=" | ")
