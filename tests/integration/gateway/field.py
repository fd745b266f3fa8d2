"""What a town looks like to its agents and caretakers: who keeps which tap, who is agent where."""

import sqlalchemy as sa
from town import CALLER, OTHER_TAP, PERIOD, TAP

from core.audit import audit_log
from core.clock import SystemClock
from core.ids import Ids
from taps import importing, raising, store, users
from taps.model import Role, User
from taps.tables import taps, tenants
from taps.tap_id import make

KEEPER, OTHER_KEEPER, AGENT, BOTH = "+260961000001", "+260961000002", "+260961000003", "+260961000004"
MARY, JOHN, GRACE = "+260967123456", "+260966123456", "+260961234999"
SPLIT = make("KNY", 700)  # each tenant pays a share of K30.05
FAR = make("CZG", 12)
FILES = {
    "zones": "zone,name,country,currency,latitude,longitude\nCZG,Chazanga,ZM,ZMW,,\n",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
    "CZG,water,CHAZANGA WATER TRUST,tap_month,25.00,ZMW,2026-01-01\n",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    f"{TAP},KNY,,,shared,{KEEPER},,\n{SPLIT},KNY,,,individualized,{KEEPER},,\n"
    f"{FAR},CZG,,,shared,{OTHER_KEEPER},,\n{OTHER_TAP},KNY,,,shared,{BOTH},,\n",
    "tenants": "tap_id,name,msisdn,occupants,language\n"
    f"{SPLIT},Mary Banda,{MARY},4,\n{SPLIT},John Phiri,{JOHN},2,bem\n",
}


async def settle_field(town):
    """Add two taps, caretakers, tenants, agents, and the bill of October; every phone has chosen English."""
    clock = SystemClock()
    ids = Ids(clock)
    async with town.db.write() as connection:
        for kind, text in FILES.items():
            report = await importing.import_file(connection, kind, text.encode(), ids=ids, clock=clock)
            assert not report.bad
        for name, msisdn in (("Joseph Agent", AGENT), ("Both Ways", BOTH)):
            await users.add_user(connection, User(name, Role.AGENT, ("KNY",), msisdn), clock.now())
        spoken = dict.fromkeys((KEEPER, OTHER_KEEPER, AGENT, BOTH, CALLER), ("en", None))
        await store.remember_language(connection, spoken, clock.now())
        await raising.raise_debts(connection, "2026-10", ids=ids, clock=clock)
        await raising.raise_debts(connection, PERIOD, ids=ids, clock=clock)


async def call(town, msisdn, *keys, session):
    """Make a call hop by hop; return its last screen."""
    return (await town.hops(*keys, session=session, msisdn=msisdn))[-1]


async def number_of(town, tap_id):
    (row,) = await town.rows(sa.select(taps.c.tap_number).where(taps.c.tap_id == tap_id))
    return row.tap_number


async def on_tap(town, tap_id):
    query = sa.select(tenants).where(tenants.c.tap_id == tap_id, tenants.c.removed_at.is_(None))
    return {row.msisdn: (row.name, row.occupants) for row in await town.rows(query)}


async def noted(town):
    rows = await town.rows(sa.select(audit_log).order_by(audit_log.c.audit_id))
    return [(row.actor, row.role, row.action, row.subject, row.result) for row in rows]
