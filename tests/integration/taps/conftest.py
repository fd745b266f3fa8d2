"""A small city, written row by row, for tests of what reads and bills it."""

from datetime import UTC, date, datetime

import pytest

from core import bulk
from core.clock import ManualClock
from core.ids import Ids, derived
from taps import tables

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
KNY, NRB, EMPTY = "KNY-0417-1", "NRB-0001-7", "KNY-0533-5"
MARY, JOHN, ACHIENG = "+260960000001", "+260970000002", "+254700000003"


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def ids(clock):
    return Ids.seeded(7, clock)


@pytest.fixture
async def city(db):
    """Two zones, three taps, two tenants; water K20 and refuse K10 a month, KES 50 in Nairobi."""
    async with db.write() as connection:
        for table, rows in _rows().items():
            await bulk.insert(connection, getattr(tables, table), rows)
    return db


def _rows():
    return {
        "zones": [
            _zone("KNY", "Kanyama", "ZM", "ZMW", -15.43, 28.25),
            _zone("NRB", "Nairobi", "KE", "KES", -1.29, 36.82),
        ],
        "taps": [_tap(KNY, "241703", "KNY"), _tap(EMPTY, "100008", "KNY"), _tap(NRB, "200006", "NRB")],
        "tap_billings": [
            {"tap_id": tap_id, "from_period": "0000-00", "billing": "shared"} for tap_id in (KNY, EMPTY, NRB)
        ],
        "sellers": [{"seller": name, "created_at": NOW} for name in ("TRUST", "CBE", "NAIROBI WATER")],
        "tariffs": [
            _tariff("KNY", "water", "TRUST", 2000, "ZMW"),
            _tariff("KNY", "refuse", "CBE", 1000, "ZMW"),
            _tariff("NRB", "water", "NAIROBI WATER", 5000, "KES"),
        ],
        "tenants": [
            _tenant(MARY, "Mary Banda", KNY),
            _tenant(JOHN, "John Phiri", KNY),
            _tenant(ACHIENG, "Achieng", NRB),
        ],
    }


def _zone(zone, name, country, currency, latitude, longitude):
    known = {"zone": zone, "name": name, "country": country, "currency": currency}
    return {**known, "latitude": latitude, "longitude": longitude}


def _tap(tap_id, tap_number, zone):
    return {"tap_id": tap_id, "tap_number": tap_number, "zone": zone, "created_at": NOW}


def _tariff(zone, component, seller, amount_minor, currency):
    known = {"zone": zone, "component": component, "seller": seller, "basis": "tap_month"}
    return {**known, "amount_minor": amount_minor, "currency": currency, "valid_from": date(2026, 1, 1)}


def _tenant(msisdn, name, tap_id):
    known = {"tenant_id": derived(msisdn), "tap_id": tap_id, "msisdn": msisdn, "name": name}
    return {**known, "occupants": 4, "removed_at": None, "created_at": NOW}
