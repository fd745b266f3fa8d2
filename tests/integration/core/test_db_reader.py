import threading

import pytest
import sqlalchemy as sa

from core.db import Database


async def test_a_snapshot_ends_on_the_loops_own_thread_and_the_next_one_is_newer(tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    async with db.write() as connection:
        await connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
    threads = set()
    for count in range(3):
        async with db.read() as connection:
            raw = (await connection.get_raw_connection()).driver_connection.raw
            raw.set_trace_callback(lambda sql: threads.add((sql, threading.get_ident())))
            assert (await connection.execute(sa.text("SELECT count(*) FROM t"))).scalar() == count
        assert not raw.in_transaction
        async with db.write() as connection:
            await connection.execute(sa.text("INSERT INTO t VALUES (1)"))
    assert {thread for sql, thread in threads if sql == "ROLLBACK"} == {threading.get_ident()}
    await db.close()


async def _broken(db):
    async with db.read() as connection:
        await connection.execute(sa.text("SELECT 1"))
        raise ZeroDivisionError


async def test_a_read_that_broke_leaves_no_snapshot_behind(tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    with pytest.raises(ZeroDivisionError):
        await _broken(db)
    async with db.read() as connection:
        assert (await connection.execute(sa.text("SELECT 2"))).scalar() == 2
    await db.close()
