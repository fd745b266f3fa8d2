"""Gateway accounts in the database: sealed, bound to their rows, sealed anew by a rotation."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core import vault
from core.clock import ManualClock
from core.errors import NotFound
from core.ids import Ids
from core.vault import MasterKeys, NotGenuine, WrongMasterKey
from gateway import rotation
from payments.providers import account_store
from payments.providers.accounts import State, hash_token
from payments.providers.tables import callback_tokens, gateway_accounts

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CLOCK = ManualClock(NOW)
MASTERS, OTHER = MasterKeys(bytes(32)), MasterKeys(bytes([1] * 32))
KEYS = {"api_key": "very-secret-text", "api_user": "u"}
WEEK = timedelta(days=7)


@pytest.fixture
def ids():
    return Ids(CLOCK)


async def ensure(db, ids, providers, masters=MASTERS):
    async with db.write() as connection:
        await vault.take_turn(connection)
        ring = await vault.load_or_begin(connection, masters, NOW)
        await account_store.ensure_defaults(connection, ring, providers, ids, NOW)
    return await stored(db, masters)


async def stored(db, masters=MASTERS):
    async with db.read() as connection:
        ring = await vault.load(connection, masters)
        found = await account_store.read(connection, ring)
    return {one.account.account_id: one for one in found}


async def doors(db, now=NOW):
    async with db.read() as connection:
        return await account_store.doors(connection, now)


async def put(db, ids, zone="KNY", provider="mtn", fields=KEYS):
    async with db.write() as connection:
        await vault.take_turn(connection)
        ring = await vault.load_or_begin(connection, MASTERS, NOW)
        return await account_store.put(connection, ring, zone, provider, fields, ids, NOW)


async def new_token(db, ids, account_id, now=NOW, overlap=WEEK):
    async with db.write() as connection:
        await vault.take_turn(connection)
        ring = await vault.load_or_begin(connection, MASTERS, now)
        return await account_store.new_token(connection, ring, account_id, ids, now, overlap)


async def everything(db):
    """All that a thief of the database would have of these accounts, as one text."""
    tables = (gateway_accounts, callback_tokens, vault.vault_keys, vault.vault_turns)
    async with db.read() as connection:
        rows = [row for table in tables for row in (await connection.execute(sa.select(table))).all()]
    values = [value for row in rows for value in row]
    return "\n".join(v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values)


# Accounts


async def test_default_accounts_are_made_once_and_keep_their_tokens(db, ids):
    first = await ensure(db, ids, ["mtn", "daraja"])
    again = await ensure(db, ids, ["daraja", "mtn", "airtel"])
    assert set(first) == {"mtn:default", "daraja:default"}
    assert {name: again[name] for name in first} == first
    assert again["airtel:default"].account.zone is None
    assert len({one.account.callback_token for one in again.values()}) == 3
    assert await ensure(db, ids, []) == again


async def test_a_zone_has_credentials_of_its_own(db, ids):
    assert await put(db, ids) == "mtn:KNY"
    one = (await stored(db))["mtn:KNY"]
    assert (one.account.zone, one.account.provider, one.account.state) == ("KNY", "mtn", "enabled")
    assert one.credentials == KEYS
    assert len(one.account.callback_token) == 22


async def test_other_credentials_replace_all_and_keep_the_addresses(db, ids):
    await put(db, ids)
    before = (await stored(db))["mtn:KNY"]
    await put(db, ids, fields={"api_key": "another"})
    after = (await stored(db))["mtn:KNY"]
    assert after.credentials == {"api_key": "another"}
    assert after.account == before.account


async def test_states(db, ids):
    await put(db, ids)
    for state in (State.DISABLED, State.REMOVED, State.ENABLED):
        async with db.write() as connection:
            await account_store.set_state(connection, "mtn:KNY", state, NOW)
        one = (await stored(db))["mtn:KNY"]
        assert (one.account.state, one.credentials) == (state, KEYS)
    with pytest.raises(NotFound, match="no_such_account"):
        async with db.write() as connection:
            await account_store.set_state(connection, "mtn:GDN", State.ENABLED, NOW)


async def test_a_stolen_database_tells_nothing(db, ids):
    await ensure(db, ids, ["mtn"])
    await put(db, ids)
    tokens = [one.account.callback_token for one in (await stored(db)).values()]
    text = await everything(db)
    assert "very-secret-text" not in text
    assert not any(token in text for token in tokens)
    assert all(hash_token(token) in text for token in tokens)


# Callback tokens


async def test_two_tokens_are_taken_while_one_replaces_the_other(db, ids):
    await put(db, ids)
    old = (await stored(db))["mtn:KNY"].account.callback_token
    assert await new_token(db, ids, "mtn:KNY") == NOW + WEEK
    new = (await stored(db))["mtn:KNY"].account.callback_token
    assert new != old
    assert {door.token_hash for door in await doors(db)} == {hash_token(old), hash_token(new)}
    assert [door.token_hash for door in await doors(db, NOW + WEEK)] == [hash_token(new)]


async def test_tokens_whose_time_is_over_are_removed(db, ids):
    await put(db, ids)
    for days in (0, 8, 16):
        await new_token(db, ids, "mtn:KNY", NOW + timedelta(days=days))
    async with db.read() as connection:
        assert len((await connection.execute(sa.select(callback_tokens))).all()) == 2


async def test_a_token_needs_an_account(db, ids):
    with pytest.raises(NotFound, match="no_such_account"):
        await new_token(db, ids, "mtn:KNY")


async def test_open_tokens_of_before_are_sealed_and_go_on(db, ids):
    row = {
        "account_id": "mtn:default", "provider": "mtn", "zone": None, "state": "enabled", "credentials": None,
        "version": 1, "created_at": NOW, "updated_at": NOW, "callback_token": "T" * 22,
    }  # fmt: skip
    async with db.write() as connection:
        await connection.execute(gateway_accounts.insert().values(**row))
    found = await ensure(db, ids, ["mtn"])
    assert found["mtn:default"].account.callback_token == "T" * 22
    assert "T" * 22 not in await everything(db)
    assert [door.token_hash for door in await doors(db)] == [hash_token("T" * 22)]


# What somebody else has changed


async def copy_credentials(db, source, target):
    async with db.write() as connection:
        query = sa.select(gateway_accounts).where(gateway_accounts.c.account_id == source)
        row = (await connection.execute(query)).one()
        change = sa.update(gateway_accounts).where(gateway_accounts.c.account_id == target)
        await connection.execute(change.values(credentials=row.credentials, version=row.version))


async def test_credentials_of_another_zone_do_not_open(db, ids):
    await put(db, ids, "KNY", fields={"api_key": "of-kanyama"})
    await put(db, ids, "GDN", fields={"api_key": "of-garden"})
    await copy_credentials(db, "mtn:GDN", "mtn:KNY")
    found = await stored(db)
    assert (found["mtn:KNY"].credentials, found["mtn:KNY"].fault) == (None, "secret_not_genuine")
    assert found["mtn:GDN"].credentials == {"api_key": "of-garden"}


async def test_credentials_of_before_do_not_open_again(db, ids):
    await put(db, ids)
    async with db.read() as connection:
        before = (await connection.execute(sa.select(gateway_accounts.c.credentials))).scalar()
    await put(db, ids, fields={"api_key": "another"})
    async with db.write() as connection:
        await connection.execute(sa.update(gateway_accounts).values(credentials=before))
    assert (await stored(db))["mtn:KNY"].fault == "secret_not_genuine"


async def test_a_token_that_was_changed_is_not_shown(db, ids):
    await put(db, ids)
    async with db.write() as connection:
        sealed = (await connection.execute(sa.select(callback_tokens.c.sealed))).scalar()
        await connection.execute(sa.update(callback_tokens).values(sealed=sealed[:-1] + b"\x00\x00"))
    assert (await stored(db))["mtn:KNY"].account.callback_token == ""


async def test_a_wrong_master_key_opens_nothing(db, ids):
    await put(db, ids)
    with pytest.raises(WrongMasterKey, match="MADZI_MASTER_KEY"):
        await stored(db, OTHER)


# Rotation


async def key_ids(db):
    async with db.read() as connection:
        return await vault.key_ids(connection)


async def begin(db, masters=MASTERS):
    async with db.write() as connection:
        return await rotation.begin(connection, masters, NOW)


async def test_a_rotation_changes_the_key_and_nothing_that_is_seen(db, ids):
    before = await ensure(db, ids, ["mtn", "daraja"])
    await put(db, ids)
    before, old = await stored(db), await key_ids(db)
    assert await begin(db)
    assert await rotation.finish(db, MASTERS) == rotation.Rotated(sealed=4, dropped=1)
    assert await stored(db) == before
    new = await key_ids(db)
    assert len(new) == 1
    assert not new & old


@pytest.mark.parametrize("steps", range(4))
async def test_broken_off_anywhere_all_is_readable_and_it_goes_on(db, ids, steps):
    await ensure(db, ids, ["mtn", "daraja"])
    for zone in ("KNY", "GDN", "NRB"):
        await put(db, ids, zone)
    before = await stored(db)
    assert await begin(db)
    for _ in range(steps):
        await rotation.seal_some(db, MASTERS, 1)
        assert await stored(db) == before
    made = await key_ids(db)
    assert not await begin(db)
    assert await key_ids(db) == made
    assert (await rotation.finish(db, MASTERS)).dropped == 1
    assert await stored(db) == before
    assert len(await key_ids(db)) == 1


async def test_what_is_set_in_the_middle_of_a_rotation_is_kept(db, ids):
    await put(db, ids)
    await begin(db)
    await put(db, ids, "GDN", fields={"api_key": "in-between"})
    await rotation.finish(db, MASTERS)
    assert (await stored(db))["mtn:GDN"].credentials == {"api_key": "in-between"}


async def test_a_rotation_seals_nothing_that_somebody_changed(db, ids):
    await put(db, ids, "KNY")
    await put(db, ids, "GDN")
    await copy_credentials(db, "mtn:GDN", "mtn:KNY")
    await begin(db)
    with pytest.raises(NotGenuine, match="mtn:KNY"):
        await rotation.finish(db, MASTERS)
    await put(db, ids, "KNY")
    await rotation.seal_some(db, MASTERS)
    assert len(await key_ids(db)) == 2


async def test_a_new_master_key(db, ids):
    await put(db, ids)
    both = MasterKeys(OTHER.current, (MASTERS.current,))
    assert (await stored(db, both))["mtn:KNY"].credentials == KEYS
    await begin(db, both)
    await rotation.finish(db, both)
    assert (await stored(db, OTHER))["mtn:KNY"].credentials == KEYS
    with pytest.raises(WrongMasterKey):
        await stored(db)


async def test_every_change_moves_the_number_that_readers_look_at(db, ids):
    async def number():
        async with db.read() as connection:
            return await vault.turn(connection)

    seen = [await number()]
    for act in (lambda: put(db, ids), lambda: new_token(db, ids, "mtn:KNY"), lambda: begin(db)):
        await act()
        seen.append(await number())
    assert seen == sorted(set(seen))
