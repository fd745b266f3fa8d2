"""The second migration moves people: several zones a user, and new words for their roles."""

import pytest
import sqlalchemy as sa
from alembic import command

from core.db import Database
from gateway import schema
from taps.model import Role, User
from taps.users import all_users

BEFORE = (
    "INSERT INTO zones (zone, name, country, currency) VALUES ('KNY', 'Kanyama', 'ZM', 'ZMW')",
    "INSERT INTO users (name, role, zone, created_at) VALUES ('bff', 'staff', NULL, :now)",
    "INSERT INTO users (name, role, zone, created_at) VALUES ('ann', 'agent', 'KNY', :now)",
)


@pytest.fixture
async def old(empty_db_url):
    """A database of the first version with two users."""
    db = Database(empty_db_url)
    await move(db, command.upgrade, "0001")
    async with db.write() as connection:
        for statement in BEFORE:
            now = "now()" if connection.dialect.name == "postgresql" else "'2026-11-21T06:00:00.000000Z'"
            await connection.execute(sa.text(statement.replace(":now", now)))
    yield db
    await db.close()


async def move(db, way, revision):
    def run(connection):
        settings = schema.config()
        settings.attributes["connection"] = connection
        way(settings, revision)

    async with db.write() as connection:
        await connection.run_sync(run)


async def test_people_keep_their_zones_and_staff_become_operators(old):
    await move(old, command.upgrade, "0002")
    async with old.read() as connection:
        assert await all_users(connection) == [User("ann", Role.AGENT, ("KNY",)), User("bff", Role.OPERATOR)]


async def test_the_way_back_keeps_zones_too(old):
    await move(old, command.upgrade, "0002")
    await move(old, command.downgrade, "0001")
    async with old.read() as connection:
        rows = await connection.execute(sa.text("SELECT name, zone FROM users ORDER BY name"))
        assert [tuple(row) for row in rows] == [("ann", "KNY"), ("bff", None)]


async def test_the_whole_way_leads_there_and_back(old):
    await move(old, command.upgrade, "0007")
    await move(old, command.downgrade, "0002")
    await move(old, command.upgrade, "head")
    async with old.read() as connection:
        assert [user.zones for user in await all_users(connection)] == [("KNY",), ()]
