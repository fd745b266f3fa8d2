import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # test folders are no packages; `payments_city` lies here

import payments_city

from core.clock import ManualClock

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
TAPS = 12


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
async def city(db):
    """Twelve shared taps that owe K30 each, to two sellers."""
    await payments_city.build(db, NOW, TAPS)
    return db


@pytest.fixture
async def open_service(city, clock):
    """Make payment services over one database; all are closed at the end."""
    made = []

    def open_one(seed=1, **rules):
        made.append(payments_city.service(city, clock, seed, **rules))
        return made[-1]

    yield open_one
    for one in made:
        await one.close()
