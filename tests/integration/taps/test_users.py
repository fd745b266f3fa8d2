import pytest
import sqlalchemy as sa

from core.errors import Conflict, NotFound
from taps import users
from taps.model import Role, User
from taps.tables import taps

ANN = User("Ann Zulu", Role.AGENT, ("KNY", "NRB"), "+260960000009")
CARETAKER = User("Ann at the tap", Role.CARETAKER, (), "+260960000009")


async def test_a_user_is_found_by_phone_in_every_role(city, clock):
    async with city.write() as connection:
        await users.add_user(connection, ANN, clock.now())
        await users.add_user(connection, CARETAKER, clock.now())
        found = await users.users_by_msisdn(connection, [ANN.msisdn, "+260960000008"])
    assert found == {ANN.msisdn: [CARETAKER, ANN], "+260960000008": []}


async def test_a_token_opens_until_it_is_replaced(city, clock):
    async with city.write() as connection:
        await users.add_user(connection, ANN, clock.now())
        await users.set_token(connection, ANN.name, "first")
        assert await users.user_by_token(connection, "first") == ANN
        await users.set_token(connection, ANN.name, "second")
        assert await users.user_by_token(connection, "first") is None
        assert await users.user_by_token(connection, "second") == ANN
        assert await users.user_by_token(connection, "") is None


async def test_a_name_is_given_once(city, clock):
    with pytest.raises(Conflict, match="name_taken"):
        async with city.write() as connection:
            await users.add_user(connection, ANN, clock.now())
            await users.add_user(connection, ANN, clock.now())


async def test_unknown_names_and_zones_are_refused(city, clock):
    async with city.write() as connection:
        with pytest.raises(NotFound, match="unknown_user"):
            await users.set_token(connection, "nobody", "x")
        with pytest.raises(NotFound, match="unknown_zone"):
            await users.add_user(connection, User("B", Role.ADMIN, ("KNY", "XYZ")), clock.now())


async def test_a_caretaker_keeps_the_taps_that_name_their_phone(city, clock):
    async with city.write() as connection:
        named = sa.update(taps).values(caretaker_msisdn=ANN.msisdn).where(taps.c.zone == "KNY")
        await connection.execute(named)
        kept = await users.kept_taps(connection, [ANN.msisdn, "+260960000008"])
    assert kept == {ANN.msisdn: ["KNY-0417-1", "KNY-0533-5"], "+260960000008": []}


async def test_everybody_is_listed_by_name_with_their_zones(city, clock):
    async with city.write() as connection:
        await users.add_user(connection, ANN, clock.now())
        await users.add_user(connection, User("admin", Role.ADMIN), clock.now())
        assert await users.all_users(connection) == [User("admin", Role.ADMIN), ANN]
        assert await users.by_names(connection, ["Ann Zulu", "Bob"]) == {"Ann Zulu": ANN}
