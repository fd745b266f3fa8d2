"""What serves people asks PostgreSQL for little at a time; what looks through everything may take longer."""

import sqlalchemy as sa

from gateway.cli.processes import patient
from gateway.settings import Settings


async def test_a_gateway_has_the_limit_of_its_settings(town):
    house = await town.open(worker=False, statement_timeout_s=7)
    if not house.runtime.db.is_sqlite:
        async with house.runtime.db.read() as connection:
            assert await connection.scalar(sa.text("SHOW statement_timeout")) == "7s"
    assert (await town.hop(""))[0] == 200


def test_the_clock_has_more_time():
    assert patient(Settings(_env_file=None, statement_timeout_s=30)).statement_timeout_s == 600
    assert patient(Settings(_env_file=None, statement_timeout_s=0)).statement_timeout_s == 0
