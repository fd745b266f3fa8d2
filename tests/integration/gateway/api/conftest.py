"""The platform's side: people with tokens, and a client that speaks to a gateway in the town."""

import json
import uuid
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from town import CALLER, PERIOD, TAP, TOKEN, free_port

from core.clock import SystemClock
from core.ids import Ids
from payments.tables import payments
from taps import importing, raising, store, users
from taps.model import Role, User
from taps.tap_id import make
from tools import towns

SHARED_OUT = make("KNY", 601)  # individualized: two tenants
PEOPLE = {
    "bff": (Role.OPERATOR, ()),
    "office": (Role.OPERATOR, ("KNY",)),
    "nairobi": (Role.OPERATOR, ("NRB",)),
    "agent": (Role.AGENT, ("KNY",)),
    "keeper": (Role.CARETAKER, ("KNY",)),
    "finance": (Role.FINANCE, ("KNY",)),
    "chief": (Role.ADMIN, ()),
}
FILES = {
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    f"{SHARED_OUT},KNY,,,individualized,,,100008\n",
    "tenants": "tap_id,name,msisdn,occupants,language\n"
    f"{SHARED_OUT},Mary Banda,+260960000001,3,\n{SHARED_OUT},John Phiri,+260970000002,2,\n",
}
SETTINGS = {"payment_expiry_s": 300, "api_burst": 1000}
BODY = {"tap_id": TAP, "msisdn": CALLER}


@dataclass(frozen=True)
class Reply:
    status: int
    raw: bytes
    headers: dict

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def code(self):
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert self.json["status"] == self.status
        return self.json["code"]


@dataclass
class Platform:
    town: object
    url: str
    tokens: dict

    async def ask(self, method, path, *, who="bff", headers=None, **how):
        """Send a request with somebody's token (None: without)."""
        headers = {**({"Authorization": f"Bearer {self.tokens[who]}"} if who else {}), **(headers or {})}
        address = path if path.startswith("http") else f"{self.url}/api/v1{path}"
        async with self.town.http.request(method, address, headers=headers, **how) as reply:
            return Reply(reply.status, await reply.read(), dict(reply.headers))

    async def get(self, path, **how):
        return await self.ask("GET", path, **how)

    async def pay(self, body=BODY, *, key=None, **how):
        headers = {"Idempotency-Key": key or str(uuid.uuid4()), **how.pop("headers", {})}
        return await self.ask("POST", "/payments", json=body, headers=headers, **how)

    async def another_process(self):
        """Return the same platform in front of a second gateway on the same database."""
        house = await self.town.open(port=free_port(), processes=2, worker=False, **SETTINGS)
        return Platform(self.town, house.url, self.tokens)

    async def same_moment(self):
        """Let every payment be of one moment, as a batch's are."""
        async with self.town.db.write() as connection:
            newest = sa.select(sa.func.max(payments.c.created_at)).scalar_subquery()
            await connection.execute(sa.update(payments).values(created_at=newest))

    async def tenants(self):
        """Return the tenants of the individualized tap, by first name."""
        async with self.town.db.read() as connection:
            found = (await store.tenants_of(connection, [SHARED_OUT]))[SHARED_OUT]
        return {tenant.name.split()[0]: tenant for tenant in found}


async def _people(db):
    clock = SystemClock()
    ids = Ids(clock)
    async with db.write() as connection:
        for kind, text in FILES.items():
            report = await importing.import_file(connection, kind, text.encode(), ids=ids, clock=clock)
            assert not report.bad
        await raising.raise_debts(connection, PERIOD, ids=ids, clock=clock)
        for name, (role, zones) in PEOPLE.items():
            await users.add_user(connection, User(name, role, zones), clock.now())
            await users.set_token(connection, name, f"{name}-{TOKEN}")


async def _platform(town, **settings):
    await _people(town.db)
    house = await town.open(**{**SETTINGS, **settings})
    return Platform(town, house.url, {name: f"{name}-{TOKEN}" for name in PEOPLE} | {"stranger": "guess"})


@pytest.fixture
async def platform(town):
    """A gateway without a worker, on each dialect in turn: what is accepted stays as it is."""
    return await _platform(town, worker=False)


@pytest.fixture
async def sqlite_platform(sqlite_town):
    return await _platform(sqlite_town, worker=False)


@pytest.fixture
async def limited_platform(town):
    """No payment above one kwacha; four requests at once, then one every hundred seconds."""
    limits = {"single_limit_minor": {"ZMW": 100}, "api_burst": 4, "api_rate_per_s": 0.01}
    return await _platform(town, worker=False, **limits)


@pytest.fixture
async def wide_platform(town):
    """With a worker, Stripe, and KCB's multi-currency gateway beside M-PESA."""
    url = town.providers.url
    rails = {"stripe": towns.stripe_settings(url), "kcb_multi": towns.kcb_multi_settings(url)}
    return await _platform(town, **rails)


@pytest.fixture
async def working_platform(town):
    """The same with a worker: payments are collected."""
    return await _platform(town)
