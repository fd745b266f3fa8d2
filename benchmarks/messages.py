"""SMS of people stored and answered, and our SMS handed to the aggregator: a second, on SQLite."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from benchmarks.city import seed
from benchmarks.databases import Where
from benchmarks.hops import TOKEN, environment
from benchmarks.load import form_request, post_all
from benchmarks.servers import free_port, madzi, run, running
from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from sms import outbound, templates
from sms.tables import sms_inbound, sms_messages

RUNS = 5
INBOUND, OUTBOUND = 6000, 4000
IN_BOUND, OUT_BOUND = 1500, 500
SENDERS = 64
PATH = f"/sms/africastalking/{TOKEN}/inbound"
# A resident's day: what he owes, what a tap owes, how to go on, a thank-you, another language.
TEXTS = ("BAL", "BAL KNY-0417-1", "HELP", "zikomo", "LAST", "bal kny 0533 5", "STATUS KNY-0417-1", "LANG BEM")
_LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Paces:
    """SMS a second."""

    stored: float
    answered: float
    handed: float


def measure(where: Where) -> list[Paces]:
    """Return the paces of five runs after one that warms up: web and worker are processes of their own."""
    run(seed(where.url))
    port, aggregator = free_port(), free_port()
    simulator = madzi("simulate", "aggregator", "--port", str(aggregator))
    env = environment(where.url) | {
        "MADZI_AT_BASE_URL": f"http://127.0.0.1:{aggregator}",
        "MADZI_AT_USERNAME": "madzi",
        "MADZI_AT_API_KEY": "demo-africastalking-api-key",
    }
    with (
        running(simulator, aggregator, env),
        running(madzi("serve", "--port", str(port)), port, env),
        running(madzi("worker"), None, env),
    ):
        return [_round(where, port, i) for i in range(RUNS + 1)][1:]


def _round(where: Where, port: int, i: int) -> Paces:
    stored, answered = run(_inbound(where, port, i))
    return Paces(stored, answered, run(_outbound(where, i)))


async def _inbound(where: Where, port: int, i: int) -> tuple[float, float]:
    forms = (
        {"id": f"b{i}-{n}", "from": f"+26095{i}{n:06}", "to": "20880", "text": TEXTS[n % len(TEXTS)]}
        for n in range(INBOUND)
    )
    began = time.perf_counter()
    failed = await post_all(port, (form_request(PATH, form) for form in forms), SENDERS)
    if failed:
        raise SystemExit(f"{failed} SMS were not answered with 200")
    stored = INBOUND / (time.perf_counter() - began)
    await _until_none(where, sa.select(sa.func.count()).where(sms_inbound.c.state == "waiting"))
    answered = INBOUND / (time.perf_counter() - began)
    await _until_none(where, _NOT_HANDED)
    return stored, answered


async def _outbound(where: Where, i: int) -> float:
    ids, now = Ids(), SystemClock().now()
    about = templates.About(3000, "ZMW", "KNY-0417-1", "MTN MoMo", ("2026-11",))
    text = templates.paid(about, at=now, receipt="12345678901")
    notices = (outbound.Notice(f"b{i}:{n}", f"+26096{n:07}", "en", text, "c") for n in range(OUTBOUND))
    rows = [
        outbound.compose(notice, sms_id=ids.new(), now=now, catalogues=templates.catalogues())
        for notice in notices
    ]
    db = Database(where.url)
    async with db.write() as connection:
        await outbound.enqueue(connection, rows)
    await db.close()
    began = time.perf_counter()
    await _until_none(where, _NOT_HANDED)
    return OUTBOUND / (time.perf_counter() - began)


_NOT_HANDED = sa.select(sa.func.count()).where(sms_messages.c.status.in_(("queued", "sending")))


async def _until_none(where: Where, query: sa.Select[Any]) -> None:
    db = Database(where.url)
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        async with db.read() as connection:
            if not (await connection.execute(query)).scalar():
                await db.close()
                return
        await asyncio.sleep(0.05)
    raise SystemExit("the SMS were not dealt with in time")


def table(paces: list[Paces]) -> Iterator[tuple[str, str, str, str]]:
    """Yield rows: what, figure, bound, met."""
    stored = statistics.median(pace.stored for pace in paces)
    answered = statistics.median(pace.answered for pace in paces)
    handed = statistics.median(pace.handed for pace in paces)
    yield "SMS of people stored, SQLite", f"{stored:,.0f}/s", "", ""
    yield (
        "SMS of people stored and answered, SQLite, web and one worker",
        f"{answered:,.0f}/s",
        f"at least {IN_BOUND:,}/s",
        "yes" if answered >= IN_BOUND else "NO",
    )
    yield (
        "SMS handed to the aggregator's simulator by one worker, SQLite",
        f"{handed:,.0f}/s",
        f"at least {OUT_BOUND}/s",
        "yes" if handed >= OUT_BOUND else "NO",
    )
