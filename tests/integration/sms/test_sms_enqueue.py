import asyncio

import pytest
import sqlalchemy as sa

from core.outbox import outbox
from sms.outbound import enqueue
from sms.tables import sms_messages


async def stored(db):
    async with db.read() as connection:
        sms = (await connection.execute(sa.select(sms_messages.c.sms_id, sms_messages.c.fact_key))).all()
        messages = (await connection.execute(sa.select(outbox.c.key, outbox.c.kind, outbox.c.status))).all()
    return {row.fact_key: row.sms_id for row in sms}, [tuple(row) for row in messages]


async def test_each_new_fact_gets_one_sms_and_one_outbox_row(db, composed):
    rows = [composed("one"), composed("two")]
    async with db.write() as connection:
        assert await enqueue(connection, rows) == {row["sms_id"] for row in rows}
    facts, messages = await stored(db)
    assert sorted(messages) == sorted((sms_id, "sms", "waiting") for sms_id in facts.values())
    assert set(facts) == {"payment:one:success", "payment:two:success"}


async def test_a_fact_told_again_adds_nothing(db, composed):
    first = composed("one")
    async with db.write() as connection:
        await enqueue(connection, [first])
    async with db.write() as connection:
        again, new = composed("one"), composed("two")
        assert await enqueue(connection, [again, new, composed("two")]) == {new["sms_id"]}
    facts, messages = await stored(db)
    assert facts == {"payment:one:success": first["sms_id"], "payment:two:success": new["sms_id"]}
    assert len(messages) == 2


async def test_two_transactions_at_once_tell_a_fact_once(db, composed):
    async def tell():
        async with db.write() as connection:
            return await enqueue(connection, [composed("b"), composed("a")])

    told = await asyncio.gather(tell(), tell(), tell())
    assert sorted(len(new) for new in told) == [0, 0, 2]
    assert len((await stored(db))[1]) == 2


async def test_nothing_is_told_of_what_was_rolled_back(db, composed):
    class Oops(Exception):
        pass

    with pytest.raises(Oops):
        async with db.write() as connection:
            await enqueue(connection, [composed("one")])
            raise Oops
    assert await stored(db) == ({}, [])


async def test_no_rows_are_no_work(db):
    async with db.write() as connection:
        assert await enqueue(connection, []) == set()
