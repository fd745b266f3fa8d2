"""Databases for benchmarks: the demo city, or one shared tap for each payment."""

from importlib import resources

from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from gateway import schema
from taps import importing, raising
from taps.periods import period_of
from taps.tap_id import make

_FILES = ("zones", "taps", "tenants", "tariffs", "users", "usage")


async def seed(url: str) -> None:
    """Bring in the demo city, billed for this month."""
    texts = {kind: (resources.files("fixtures") / f"{kind}.csv").read_bytes() for kind in _FILES}
    await _import(url, texts)


async def seed_taps(url: str, count: int) -> list[str]:
    """Bring in `count` shared taps that owe K30.00 each; return their TapIDs."""
    zones = [f"Z{i:02d}" for i in range(1 + count // 9999)]
    letters = [chr(65 + i // 26) + chr(65 + i % 26) + "Z" for i in range(len(zones))]
    taps = [make(letters[i // 9999], 1 + i % 9999) for i in range(count)]
    tariff = "{zone},{component},{seller},tap_month,{amount},ZMW,2026-01-01\n"
    texts = {
        "zones": "zone,name,country,currency,latitude,longitude\n"
        + "".join(f"{zone},Zone {zone},ZM,ZMW,,\n" for zone in zones),
        "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
        + "".join(
            tariff.format(zone=zone, component="water", seller=f"{zone} TRUST", amount="20.00")
            + tariff.format(zone=zone, component="refuse", seller=f"{zone} CBE", amount="10.00")
            for zone in zones
        ),
        "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
        + "".join(f"{tap},{zones[i // 9999]},,,shared,,,\n" for i, tap in enumerate(taps)),
    }
    await _import(url, {kind: text.encode() for kind, text in texts.items()})
    return taps


async def _import(url: str, texts: dict[str, bytes]) -> None:
    db = Database(url)
    await schema.upgrade(db)
    clock = SystemClock()
    ids = Ids(clock)
    async with db.write() as connection:
        for kind, text in texts.items():
            report = await importing.import_file(connection, kind, text, ids=ids, clock=clock)
            if report.bad:
                raise SystemExit(f"{kind}: {report.bad[0]}")
        await raising.raise_debts(connection, period_of(clock.now()), ids=ids, clock=clock)
    await db.close()
