"""How long PostgreSQL lets us go on, so that one bad statement holds up nobody for ever."""

import asyncio

import pytest
import sqlalchemy as sa

from core.db import Database


@pytest.fixture
async def opened(postgres_url):
    """Opens the server's own database with a limit; closes it at the end."""
    url = sa.make_url(postgres_url).set(drivername="postgresql+asyncpg", database="postgres")
    databases = []

    def open_(**how):
        databases.append(Database(url.render_as_string(hide_password=False), **how))
        return databases[-1]

    yield open_
    for database in databases:
        await database.close()


async def shown(database, name):
    async with database.read() as connection:
        return await connection.scalar(sa.text(f"SHOW {name}"))


@pytest.mark.parametrize(
    ("longest_s", "limits"),
    [(0, ["0", "0", "0"]), (30, ["30s", "30s", "10s"]), (2, ["2s", "2s", "2s"])],
)
async def test_every_connection_has_its_limits(opened, longest_s, limits):
    database = opened(longest_s=longest_s)
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
    assert [await shown(database, name) for name in names] == limits


@pytest.mark.parametrize("how", ["write", "read", "scan"])
async def test_a_statement_that_takes_too_long_is_given_up(opened, how):
    database = opened(longest_s=0.2, pool_size=1)
    with pytest.raises(sa.exc.DBAPIError, match="statement timeout"):
        async with getattr(database, how)() as connection:
            await connection.execute(sa.text("SELECT pg_sleep(30)"))
    assert await shown(database, "server_version_num")


async def test_a_transaction_in_which_nothing_happens_is_given_up(opened):
    database = opened(longest_s=0.2, pool_size=1)
    with pytest.raises((sa.exc.DBAPIError, OSError)):
        async with database.write() as connection:
            await connection.execute(sa.text("SELECT 1"))
            await asyncio.sleep(1)
            await connection.execute(sa.text("SELECT 1"))
    assert await shown(database, "server_version_num")


async def test_a_lock_that_another_holds_is_not_waited_for_for_ever(opened):
    holder, database = opened(), opened(longest_s=0.2)
    async with holder.write() as connection:
        await connection.execute(sa.text("SELECT pg_advisory_xact_lock(1)"))
        with pytest.raises(sa.exc.DBAPIError, match="timeout"):
            async with database.write() as other:
                await other.execute(sa.text("SELECT pg_advisory_xact_lock(1)"))
