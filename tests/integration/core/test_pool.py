"""PostgreSQL connections that are kept: what ends a transaction, what ends a connection."""

import asyncio
import time

import pytest
import sqlalchemy as sa

from core import bulk
from core.db import Database, Id, metadata
from core.ids import derived

marks = sa.Table("test_marks", metadata, sa.Column("mark_id", Id, primary_key=True))
PID = sa.text("SELECT pg_backend_pid()")


@pytest.fixture
async def open_db(empty_db_url):
    """Opens the database with so many connections; its tables are there."""
    databases = []

    async def open_(size):
        databases.append(Database(empty_db_url, pool_size=size))
        async with databases[-1].write() as connection:
            await connection.run_sync(metadata.create_all)
        return databases[-1]

    yield open_
    for database in databases:
        await database.close()


only_postgresql = pytest.mark.parametrize("empty_db_url", ["postgresql"], indirect=True)


def mark(text):
    return {"mark_id": derived(text)}


async def count(database):
    async with database.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(marks))


async def test_what_is_written_is_there_and_what_broke_is_not(open_db):
    database = await open_db(1)
    async with database.write() as connection:
        await bulk.insert(connection, marks, [mark("a")])
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(marks.insert(), [mark("b")])
            raise ZeroDivisionError
    assert await count(database) == 1


async def test_statements_of_write_each_are_one_transaction_once_united(open_db):
    database = await open_db(1)
    with pytest.raises(ZeroDivisionError):
        async with database.write_each() as connection:
            database.unite(connection)
            await bulk.insert(connection, marks, [mark("a")])
            await connection.execute(marks.insert(), [mark("b")])
            raise ZeroDivisionError
    assert await count(database) == 0
    async with database.write_each() as connection:
        await bulk.insert(connection, marks, [mark("a")])
    assert await count(database) == 1


@only_postgresql
async def test_each_statement_commits_by_itself_until_united(open_db):
    database = await open_db(1)
    with pytest.raises(ZeroDivisionError):
        async with database.write_each() as connection:
            await bulk.insert(connection, marks, [mark("a")])
            database.unite(connection)
            await bulk.insert(connection, marks, [mark("b")])
            raise ZeroDivisionError
    assert await count(database) == 1
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await bulk.insert(connection, marks, [mark("c")])
            raise ZeroDivisionError
    assert await count(database) == 1


async def test_a_read_sees_one_moment_and_the_next_read_a_later_one(open_db):
    database = await open_db(2)
    async with database.read() as connection:
        before = await connection.scalar(sa.select(sa.func.count()).select_from(marks))
        async with database.write() as writer:
            await bulk.insert(writer, marks, [mark("a")])
        again = await connection.scalar(sa.select(sa.func.count()).select_from(marks))
    assert (before, again, await count(database)) == (0, 0, 1)


async def test_a_statement_that_fails_leaves_the_connection_usable(open_db):
    database = await open_db(1)
    for _ in range(3):
        with pytest.raises(sa.exc.IntegrityError):
            async with database.write() as connection:
                await bulk.insert(connection, marks, [mark("a"), mark("a")])
        with pytest.raises(sa.exc.IntegrityError):
            async with database.write() as connection:
                await connection.execute(marks.insert(), [mark("a"), mark("a")])
    async with database.write() as connection:
        await bulk.insert(connection, marks, [mark("a")])
    assert await count(database) == 1


@only_postgresql
async def test_one_connection_serves_all_who_come_one_after_another(open_db):
    database = await open_db(5)
    pids = set()
    for how in (database.write, database.read, database.scan, database.write_each):
        async with how() as connection:
            pids.add(await connection.scalar(PID))
    assert len(pids) == 1


@only_postgresql
async def test_a_connection_that_the_server_closed_is_replaced(open_db):
    database, other = await open_db(1), await open_db(1)
    for is_idle in (True, False):
        async with database.write() as connection:
            pid = await connection.scalar(PID)
        if is_idle:
            await _kill(other, pid)
        else:
            with pytest.raises((sa.exc.DBAPIError, OSError)):
                await _kill_within(database, other, pid)
        assert await count(database) == 0


async def _kill_within(database, other, pid):
    async with database.write() as connection:
        await bulk.insert(connection, marks, [mark("lost")])
        await _kill(other, pid)
        await connection.execute(PID)


async def _kill(database, pid):
    async with database.write() as connection:
        await connection.execute(sa.text(f"SELECT pg_terminate_backend({int(pid)})"))
    await asyncio.sleep(0.2)


@only_postgresql
async def test_who_is_cancelled_in_a_statement_leaves_nothing_behind(open_db):
    database = await open_db(1)

    async def write():
        async with database.write() as connection:
            await bulk.insert(connection, marks, [mark("a")])
            await connection.execute(sa.text("SELECT pg_sleep(20)"))

    task = asyncio.create_task(write())
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # a second time, while the first is being cleaned up
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        assert await count(database) == 0


@pytest.mark.parametrize("how", ["write", "read", "write_each"])
async def test_who_is_cancelled_at_any_moment_takes_no_other_write_away(open_db, how):
    database = await open_db(1)

    async def look():
        async with getattr(database, how)() as connection:
            await bulk.fetch(connection, sa.select(marks.c.mark_id), marks.c.mark_id, [derived("x")])

    for turns in range(1, 12):  # of the loop: BEGIN is under way after some
        for pause_s in (0, 0.01):
            await look()
            task = asyncio.create_task(look())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(pause_s)
            async with asyncio.timeout(5):
                async with database.write() as connection:
                    await bulk.insert(connection, marks, [mark(f"{turns} {pause_s}")])
    assert await count(database) == 22


async def test_a_turn_to_write_ends_only_with_its_rollback(open_db, monkeypatch):
    database = await open_db(1)
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's connections wait for nobody else's")
    driver = database._kept._writer._driver
    commit, rollback = driver._real.commit, driver._real.rollback

    async def slowly(end):
        await driver._real._execute(lambda: time.sleep(0.05))  # as a disk that is busy
        await end()

    monkeypatch.setattr(driver._real, "commit", lambda: slowly(commit))
    monkeypatch.setattr(driver._real, "rollback", lambda: slowly(rollback))

    async def write(text):
        async with database.write() as connection:
            await bulk.insert(connection, marks, [mark(text)])
            await asyncio.sleep(0.03)
            await bulk.insert(connection, marks, [mark(text + "2")])

    broken = asyncio.create_task(write("broken"))
    await asyncio.sleep(0.04)  # it commits
    for _ in range(3):
        broken.cancel()
        await asyncio.sleep(0.02)  # it takes back
    await asyncio.gather(*(write(text) for text in "abc"))
    with pytest.raises(asyncio.CancelledError):
        await broken
    assert await count(database) in {6, 8}


@only_postgresql
async def test_who_waits_too_long_for_a_connection_is_told(open_db, monkeypatch):
    monkeypatch.setattr("core.db._LONGEST_WAIT_S", 0.1)
    database = await open_db(1)
    async with database.write():
        with pytest.raises(TimeoutError):
            await count(database)
    assert await count(database) == 0


@only_postgresql
async def test_many_at_once_share_few_connections(open_db):
    database = await open_db(3)

    async def one(number):
        async with database.write() as connection:
            await bulk.insert(connection, marks, [mark(str(number))])
            return await connection.scalar(PID)

    pids = await asyncio.gather(*(one(number) for number in range(60)))
    assert len(set(pids)) <= 3
    assert await count(database) == 60
