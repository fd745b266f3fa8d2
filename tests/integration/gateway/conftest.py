"""Towns on both databases: each test gets a copy of one that was built once."""

import shutil
import sys
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

# `town` stands beside the tests that live in it.
sys.path.append(str(Path(__file__).parent))

from town import Town, settle


def _asyncpg(uri, database):
    url = sa.make_url(uri).set(drivername="postgresql+asyncpg", database=database)
    return url.render_as_string(hide_password=False)


async def _admin(server, *statements):
    engine = create_async_engine(_asyncpg(server, "postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Where the towns that are copied stand, by dialect; each is built by the first test that needs it."""
    return {"folder": tmp_path_factory.mktemp("model")}


async def _sqlite_copy(models, folder):
    model = models["folder"] / "town.db"
    if not model.exists():
        draft = model.with_suffix(".part")
        await settle(f"sqlite+aiosqlite:///{draft}")
        draft.rename(model)
    shutil.copy(model, folder / "town.db")
    return f"sqlite+aiosqlite:///{folder}/town.db"


async def _postgres_copy(models, server, name):
    if "postgresql" not in models:
        await _admin(server, "CREATE DATABASE town_model")
        await settle(_asyncpg(server, "town_model"))
        models["postgresql"] = "town_model"
    await _admin(server, f"CREATE DATABASE {name} TEMPLATE town_model")
    return _asyncpg(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
async def town_url(request, models, tmp_path):
    """The URL of a town's database, on each dialect in turn."""
    if request.param == "sqlite":
        yield await _sqlite_copy(models, tmp_path)
        return
    server, name = request.getfixturevalue("postgres_url"), f"t{uuid.uuid4().hex[:12]}"
    yield await _postgres_copy(models, server, name)
    await _admin(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _town(url):
    async with AsyncExitStack() as stack:
        town = Town(url, stack)
        await town.build()
        yield town


@pytest.fixture
async def town(town_url):
    """A town without a gateway, on each dialect in turn: `await town.open()` starts one."""
    async for town in _town(town_url):
        yield town


@pytest.fixture
async def sqlite_town(models, tmp_path):
    """The same on SQLite only, for what has nothing to do with the database."""
    async for town in _town(await _sqlite_copy(models, tmp_path)):
        yield town


@pytest.fixture
def kept_in(request):
    """Settings that keep calls in the store named: `@pytest.mark.parametrize(**EVERY_STORE)`."""
    if request.param == "redis":
        return {"sessions": "redis", "redis_url": request.getfixturevalue("redis_server").url}
    return {"sessions": request.param}
