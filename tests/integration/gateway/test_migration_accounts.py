"""Callback addresses of before stay valid: a migration moves them, the first start seals them."""

from base64 import b64decode

import pytest
import sqlalchemy as sa
from alembic import command

from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from core.vault import MasterKeys
from gateway import schema
from gateway.accounts import Gateways
from payments.providers.tables import callback_tokens, gateway_accounts
from tools.towns import MASTER_KEY, settings_of

TOKEN = "abcdefghijklmnopqrstuv"
BEFORE = (
    "INSERT INTO gateway_accounts (account_id, provider, zone, callback_token, created_at) "
    "VALUES ('mtn:default', 'mtn', NULL, 'abcdefghijklmnopqrstuv', :now)"
)


@pytest.fixture
async def old(empty_db_url):
    """A database of the version before, with one account."""
    db = Database(empty_db_url)
    await move(db, command.upgrade, "0011")
    async with db.write() as connection:
        now = "now()" if connection.dialect.name == "postgresql" else "'2026-11-21T06:00:00.000000Z'"
        await connection.execute(sa.text(BEFORE.replace(":now", now)))
    yield db
    await db.close()


async def move(db, way, revision):
    def run(connection):
        settings = schema.config()
        settings.attributes["connection"] = connection
        way(settings, revision)

    async with db.write() as connection:
        await connection.run_sync(run)


async def started(db):
    """What a process knows of the accounts once it has started; it can build no provider."""
    clock = SystemClock()
    settings = settings_of(str(db.url), "http://x", "http://x", "http://x")
    masters = MasterKeys(b64decode(MASTER_KEY))
    gateways = Gateways(db, clock, Ids(clock), settings, masters, lambda *_: None, ("mtn", "airtel"))
    await gateways.begin()
    return gateways


async def column(db, wanted):
    async with db.read() as connection:
        return (await connection.execute(sa.select(wanted))).scalars().all()


async def test_an_address_of_before_is_the_address_of_after(old):
    await move(old, command.upgrade, "head")
    gateways = await started(old)
    assert gateways.account_of("mtn:default").callback_token == TOKEN
    assert (await gateways.find_account(TOKEN)).account_id == "mtn:default"
    assert gateways.account_of("airtel:default").callback_token != TOKEN
    assert set(await column(old, gateway_accounts.c.callback_token)) == {None}
    assert not any(TOKEN.encode() in sealed for sealed in await column(old, callback_tokens.c.sealed))


async def test_starts_after_the_first_change_nothing(old):
    await move(old, command.upgrade, "head")
    first = (await started(old)).accounts
    assert (await started(old)).accounts == first


async def test_the_way_back_and_here_again(old):
    await move(old, command.upgrade, "head")
    await started(old)
    await move(old, command.downgrade, "0011")
    await move(old, command.upgrade, "head")
    gateways = await started(old)
    assert len(gateways.account_of("mtn:default").callback_token) == 22
