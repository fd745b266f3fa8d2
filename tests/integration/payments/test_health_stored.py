import asyncio
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from core.db import Database
from payments import breaker, health
from payments.breaker import Policy, State

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
POLICY = Policy(failures=3, wait_s=10, lease_s=60)
ACCOUNT = "mtn:default"


async def change(db, decide):
    async with db.write() as connection:
        return await health.change(connection, ACCOUNT, decide)


async def opened(db):
    await change(db, lambda b: breaker.heard(b, POLICY, 0, 3, NOW, 0.0))


async def healthy(db):
    async with db.read() as connection:
        return await health.is_healthy(connection, ACCOUNT)


async def test_an_account_that_was_never_called_is_healthy(db):
    assert await healthy(db)
    async with db.read() as connection:
        assert await health.breakers(connection) == {}


async def test_an_account_that_fails_is_not_healthy_until_a_probe_went_well(db):
    await opened(db)
    assert not await healthy(db)
    await change(db, lambda b: breaker.probing(b, POLICY, "p1", LATER))
    assert not await healthy(db)
    await change(db, lambda b: breaker.probed(b, POLICY, "p1", LATER, 0.0, is_good=True))
    assert await healthy(db)
    async with db.read() as connection:
        found = await health.breakers(connection)
    assert (found[ACCOUNT].state, found[ACCOUNT].version) == (State.CLOSED, 3)
    assert health.down(found.values()) == frozenset()


async def test_of_fifty_callers_at_once_one_probes(db):
    await opened(db)

    async def ask(name):
        return await change(db, lambda b: breaker.probing(b, POLICY, name, LATER))

    admitted = [one for one in await asyncio.gather(*(ask(str(i)) for i in range(50))) if one]
    assert len(admitted) == 1


async def test_counts_of_many_callers_are_all_kept(db):
    policy = Policy(failures=10**6)

    async def note():
        while not await change(db, lambda b: breaker.heard(b, policy, 1, 2, NOW, 0.0)):
            pass

    await asyncio.gather(*(note() for _ in range(20)))
    async with db.read() as connection:
        found = (await health.breakers(connection))[ACCOUNT]
    assert (found.good, found.bad) == (20, 40)


_CALLERS = textwrap.dedent(
    """
    import asyncio, sys
    from datetime import datetime
    from core.db import Database
    from payments import breaker, health

    async def main(url, name, now):
        db, at = Database(url), datetime.fromisoformat(now)
        async def ask(i):
            async with db.write() as connection:
                return await health.change(
                    connection, "mtn:default",
                    lambda b: breaker.probing(b, breaker.Policy(), f"{name}-{i}", at),
                )
        print("ready", flush=True)
        sys.stdin.readline()
        print(sum(1 for one in await asyncio.gather(*(ask(i) for i in range(25))) if one), flush=True)
        await db.close()

    asyncio.run(main(*sys.argv[1:]))
    """
)


@pytest.mark.parametrize("empty_db_url", ["postgresql", "sqlite"], indirect=True)
async def test_of_two_processes_with_twenty_five_callers_each_one_probes(db: Database, empty_db_url):
    await opened(db)
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    both = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CALLERS, empty_db_url, name, LATER.isoformat(), **pipes
        )
        for name in ("one", "two")
    ]
    for process in both:
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in both))
    assert sum(int(out) for out, _ in said) == 1
