import asyncio
import json

from benchmarks import notices
from benchmarks.bare_notices import Group
from benchmarks.notices import Pace
from payments.providers import daraja_callback, mtn_wire
from payments.providers.base import Outcome
from payments.providers.reading import json_of, object_of

FAST, SLOW = Pace(4000, 0.0001, 0.1), Pace(1000, 0.0004, 0.3)


def test_the_floor_writes_all_that_waits_together():
    batches = []

    async def write(rows):
        await asyncio.sleep(0)
        batches.append([account for account, _, _ in rows])

    async def work():
        group = Group(write)
        await asyncio.gather(*(group.add((name, b"", None)) for name in "abc"))
        await group.add(("d", b"", None))

    asyncio.run(work())
    assert batches == [["a", "b", "c"], ["d"]]


def test_a_notice_is_one_that_the_providers_readers_understand():
    report = mtn_wire.read_status(object_of(json_of(notices._mtn(7, "p"))))
    assert (report.outcome, report.amount_minor, report.external_id) == (Outcome.PAID, 3000, "p")
    report = daraja_callback.read_callback(notices._stk(7))
    assert (report.outcome, report.receipt) == (Outcome.PAID, "TKL0000007")


def test_requests_are_of_both_providers_by_turns():
    first, second = (one.partition(b"\r\n\r\n") for one in notices._requests(("/cb/m", "/cb/d/stk"), 2))
    assert first[0].startswith(b"PUT /cb/m?key=")
    assert second[0].startswith(b"POST /cb/d/stk?key=")
    assert "stkCallback" in json.loads(second[2])["Body"]


def test_the_table_says_whether_the_bounds_are_met():
    met = {row[0]: row[3] for row in notices.table([(FAST, FAST)] * 3, "SQLite")}
    missed = {row[0]: row[3] for row in notices.table([(SLOW, FAST)] * 3, "SQLite")}
    assert sorted(set(met.values())) == ["", "yes"]
    assert sorted(set(missed.values())) == ["", "NO"]
