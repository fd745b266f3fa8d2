"""Rows asked for at the same time are found together, each by who asked for it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from core import bulk
from core.db import metadata
from core.lookup import Lookup

words = sa.Table(
    "test_words",
    metadata,
    sa.Column("word", sa.String(20), primary_key=True),
    sa.Column("says", sa.String(20), nullable=False),
)


@asynccontextmanager
async def open_lookup(db):
    lookup = Lookup(db, sa.select(words), words.c.word)
    yield lookup
    await lookup.close()


@pytest.fixture
async def written(db):
    async with db.write() as connection:
        await bulk.insert(connection, words, [{"word": f"w{n}", "says": f"s{n}"} for n in range(300)])
    return db


async def test_each_gets_its_own_row_and_a_stranger_none(written):
    async with open_lookup(written) as lookup:
        asked = [*(f"w{n}" for n in range(300)), "w7", "nobody"]
        rows = await asyncio.gather(*(lookup.get(word) for word in asked))
    assert [row and row.says for row in rows] == [*(f"s{n}" for n in range(300)), "s7", None]


async def test_who_asks_after_a_commit_sees_it(written):
    async with open_lookup(written) as lookup:
        assert (await lookup.get("w1")).says == "s1"
        async with written.write() as connection:
            await bulk.update(connection, words, [{"word": "w1", "says": "new"}])
        assert (await lookup.get("w1")).says == "new"


async def test_what_they_ask_together_is_one_query(written, monkeypatch):
    reads = []
    real = written.read

    @asynccontextmanager
    async def counted():
        async with real() as connection:
            reads.append(connection)
            yield connection

    monkeypatch.setattr(written, "read", counted)
    async with open_lookup(written) as lookup:
        await asyncio.gather(*(lookup.get(f"w{n}") for n in range(200)))
    assert len(reads) == 1
