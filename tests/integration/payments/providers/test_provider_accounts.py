from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core.clock import ManualClock
from core.ids import Ids
from payments.providers.accounts import ensure_accounts
from payments.providers.tables import gateway_accounts

CLOCK = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))


async def ensure(db, providers, seed=1):
    async with db.write() as connection:
        found = await ensure_accounts(connection, providers, Ids.seeded(seed, CLOCK), CLOCK)
    return {account.account_id: account for account in found}


async def test_accounts_are_made_once_and_keep_their_tokens(db):
    first = await ensure(db, ["mtn", "daraja"])
    again = await ensure(db, ["daraja", "mtn"], seed=2)
    assert first == again
    assert set(first) == {"mtn:default", "daraja:default"}
    assert first["mtn:default"].zone is None
    assert len({account.callback_token for account in first.values()}) == 2


async def test_a_provider_that_comes_later_gets_an_account_too(db):
    before = await ensure(db, ["mtn"])
    both = await ensure(db, ["mtn", "daraja"], seed=2)
    assert both["mtn:default"] == before["mtn:default"]
    assert both["daraja:default"].provider == "daraja"


async def test_without_providers_nothing_is_made(db):
    assert await ensure(db, []) == {}


async def test_two_accounts_cannot_share_a_token(db):
    await ensure(db, ["mtn"])
    async with db.read() as connection:
        row = (await connection.execute(sa.select(gateway_accounts))).one()._asdict()
    with pytest.raises(sa.exc.IntegrityError):
        async with db.write() as connection:
            await connection.execute(gateway_accounts.insert().values(**row | {"account_id": "mtn:other"}))
