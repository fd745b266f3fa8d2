"""Zones with accounts of their own: who is paid, what running processes see of a change, and when."""

import asyncio
import io
import logging
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from town import CALLER, NEIGHBOUR, PAY_ALL, TAP, free_port, until

from core import logs
from core.clock import SystemClock
from core.ids import Ids
from core.vault import MasterKeys
from gateway import account_acts, accounts, callbacks, pushes, rotation, runtime
from gateway.settings import Env
from payments.providers import account_store, http
from payments.providers.accounts import State
from payments.providers.tables import gateway_accounts
from simulators.providers import app as providers_app
from simulators.providers.config import Config, Latency, Mtn
from simulators.providers.people import Person
from simulators.serve import start
from taps import importing, raising
from taps.tap_id import make
from tools.towns import MASTER_KEY, PERIOD

MASTERS = MasterKeys(b64decode(MASTER_KEY))
GARDEN_TAP = make("GDN", 7)
GARDEN = {
    "zones": "zone,name,country,currency,latitude,longitude\nGDN,Garden,ZM,ZMW,,\n",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
    "GDN,water,GARDEN WATER TRUST,tap_month,40.00,ZMW,2026-01-01\n",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    f"{GARDEN_TAP},GDN,,,shared,,,\n",
}
OWN_KEYS = replace(
    Mtn(),
    subscription_key="garden-own-subscription",
    api_user="5f0c2f6e-0000-4f5c-9f0e-6a1e5c1d2b10",
    api_key="garden-own-api-key",
)
SECRETS = (OWN_KEYS.subscription_key, OWN_KEYS.api_key)
PAY_GARDEN = ("1", "1", GARDEN_TAP, "1", "1")


def fields(url, keys=OWN_KEYS):
    return {
        "base_url": f"{url}/mtn",
        "subscription_key": keys.subscription_key,
        "api_user": keys.api_user,
        "api_key": keys.api_key,
        "target_environment": keys.target_environment,
    }


class Garden:
    """A second zone, whose MTN account is at networks of its own; and the office that sets accounts."""

    def __init__(self, town, networks, book):
        self.town = town
        self.url = networks.url
        self.book = book
        self.ids = Ids()

    async def set(self, zone="GDN", given=None):
        async with self.town.db.write() as connection:
            await account_acts.set_credentials(
                connection, MASTERS, zone, "mtn", given or fields(self.url), Env.TEST, self.ids, self.now
            )

    async def state(self, state, zone="GDN"):
        async with self.town.db.write() as connection:
            await account_acts.set_state(connection, zone, "mtn", state, self.now)

    async def new_token(self, zone="GDN", overlap_s=60):
        async with self.town.db.write() as connection:
            await account_acts.new_token(connection, MASTERS, zone, "mtn", overlap_s, self.ids, self.now)

    async def rotate(self):
        async with self.town.db.write() as connection:
            await rotation.begin(connection, MASTERS, self.now)
        return await rotation.finish(self.town.db, MASTERS)

    @property
    def now(self):
        return SystemClock().now()

    def debited(self):
        return [(row["provider"], row["amount"]) for row in self.book.report()["debited"]]


@pytest.fixture
async def garden(town):
    clock = SystemClock()
    async with town.db.write() as connection:
        for kind, text in GARDEN.items():
            report = await importing.import_file(connection, kind, text.encode(), ids=Ids(clock), clock=clock)
            assert not report.bad
        await raising.raise_debts(connection, PERIOD, ids=Ids(clock), clock=clock)
    app = providers_app.create(
        Config(
            latency=Latency(prompt_s=0.02, callback_s=0.02),
            person=Person(after_s=0.05),
            number_rules={},
            mtn=OWN_KEYS,
        )
    )
    running = await start(app)
    town.stack.push_async_callback(running.close)
    return Garden(town, running, app[providers_app.NETWORK].book)


async def sees(house, account_id, *, is_there=True):
    """Wait until a running process knows an account, or no longer uses it."""

    async def look():
        rails = house.runtime.payments.rules.zone_rails.values()
        return any(rail.account_id == account_id for rail in rails) is is_there

    await until(look)


# Who is paid


async def test_each_zone_is_paid_by_its_own_account(town, garden):
    await garden.set()
    await town.open()
    await town.dial(*PAY_ALL)
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    paid = {p.zone: p for p in await town.all_end(2)}
    assert {zone: (p.account_id, p.status) for zone, p in paid.items()} == {
        "KNY": ("mtn:default", "success"),
        "GDN": ("mtn:GDN", "success"),
    }
    assert garden.debited() == [("mtn", "40.00")]
    assert [row["amount"] for row in town.book()["debited"]] == ["30.05"]


async def test_the_networks_know_nothing_of_the_other_zones_keys(town, garden):
    """The second network refuses the default keys: that a payment succeeded there proves whose were used."""
    await garden.set("GDN", fields(garden.url, Mtn()))
    await town.open()
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    (payment,) = await town.all_end()
    assert (payment.account_id, payment.status) == ("mtn:GDN", "failed")
    assert garden.debited() == []


# What running processes see


async def test_web_and_worker_see_a_new_account_without_a_restart(town, garden):
    web = await town.open(worker=False, processes=2)
    worker = await town.open(port=free_port(), processes=2)
    await garden.set()
    await sees(web, "mtn:GDN")
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    (payment,) = await town.all_end()
    assert (payment.account_id, payment.status) == ("mtn:GDN", "success")
    await sees(worker, "mtn:GDN")


async def test_other_credentials_are_used_for_the_next_payment(town, garden):
    await garden.set("GDN", fields(garden.url, replace(OWN_KEYS, api_key="mistyped")))
    house = await town.open()
    before = house.runtime.providers["mtn:GDN"]
    default = house.runtime.providers["mtn:default"]
    await garden.set()

    async def changed():
        return house.runtime.providers["mtn:GDN"] is not before

    await until(changed)
    assert house.runtime.providers["mtn:default"] is default
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    (payment,) = await town.all_end()
    assert payment.status == "success"


async def test_a_disabled_provider_is_not_offered_there(town, garden):
    await garden.set()
    house = await town.open()
    await garden.state(State.DISABLED)
    await sees(house, "mtn:GDN", is_there=False)
    rules = house.runtime.payments.rules
    assert rules.rail("GDN", "mtn") is None
    assert "mtn" not in {rail.provider for rail in rules.rails_of("GDN")}
    assert rules.rail("KNY", "mtn").account_id == "mtn:default"
    screens = await town.hops(*PAY_GARDEN[:-1], msisdn=NEIGHBOUR)
    assert "MTN" not in screens[-1]
    await garden.state(State.ENABLED)
    await sees(house, "mtn:GDN")


async def test_without_its_own_account_a_zone_uses_the_default_again(town, garden):
    await garden.set()
    house = await town.open()
    await garden.state(State.REMOVED)
    await sees(house, "mtn:GDN", is_there=False)
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    (payment,) = await town.all_end()
    assert (payment.account_id, payment.status) == ("mtn:default", "success")


@pytest.mark.parametrize("state", [State.DISABLED, State.REMOVED])
async def test_what_is_under_way_ends_by_the_account_it_began_with(town, garden, state):
    await garden.set()
    house = await town.open(payment_expiry_s=30)
    book = garden.book
    await town.dial(*PAY_GARDEN, msisdn=NEIGHBOUR)
    await garden.state(state)
    (payment,) = await town.all_end()
    assert (payment.account_id, payment.status) == ("mtn:GDN", "success")
    assert len(book.report()["debited"]) == 1
    await sees(house, "mtn:GDN", is_there=False)
    report = await house.runtime.providers["mtn:GDN"].query(payment.reference, payment.provider_reference)
    assert report.outcome == "paid"


async def test_a_default_without_settings_leaves_zones_their_own(town, garden):
    await garden.set()
    house = await town.open(mtn=None)
    rules = house.runtime.payments.rules
    assert rules.rail("GDN", "mtn").account_id == "mtn:GDN"
    assert rules.rail("KNY", "mtn") is None


async def test_an_account_that_was_changed_in_the_database_harms_nobody_else(town, garden):
    await garden.set()
    house = await town.open()
    async with town.db.write() as connection:
        stolen = sa.update(gateway_accounts).where(gateway_accounts.c.account_id == "mtn:GDN")
        await connection.execute(stolen.values(zone="KNY"))
        await connection.execute(stolen.values(account_id="mtn:GDN", zone="GDN", version=9))
    await garden.state(State.ENABLED)  # moves the number
    await sees(house, "mtn:GDN", is_there=False)
    assert house.runtime.payments.rules.rail("GDN", "mtn") is None
    await town.dial(*PAY_ALL)
    (payment,) = await town.all_end()
    assert payment.status == "success"


# Addresses


async def post(town, token):
    async with town.http.post(f"{town.gateway_url}/cb/{token}", data=b"{}") as reply:
        return reply.status


def token_of(house, account_id="mtn:GDN"):
    return house.runtime.gateways.account_of(account_id).callback_token


async def test_old_and_new_addresses_are_taken_while_one_replaces_the_other(town, garden):
    await garden.set()
    house = await town.open(worker=False)
    old = token_of(house)
    await garden.new_token()
    assert await post(town, old) == 200
    await house.runtime.gateways.look()
    new = token_of(house)
    assert new != old
    assert [await post(town, token) for token in (old, new, "x" * 22, "x" * 500)] == [200, 200, 404, 404]


async def test_an_address_ends_with_its_time(town, garden):
    await garden.set()
    house = await town.open(worker=False)
    old = token_of(house)
    await garden.new_token(overlap_s=0)
    await house.runtime.gateways.look()
    assert await post(town, old) == 404
    assert await post(town, token_of(house)) == 200


async def test_an_address_that_is_new_is_known_at_once(town, garden):
    house = await town.open(worker=False)
    await asyncio.sleep(0.6)  # the process has not looked for a moment
    await garden.set()
    async with town.db.read() as connection:
        ring = await account_store.vault.load(connection, MASTERS)
        found = await account_store.read(connection, ring)
    token = next(one.account.callback_token for one in found if one.account.zone)
    assert "mtn:GDN" not in house.runtime.gateways.accounts
    assert await post(town, token) == 200


# Keys


async def test_keys_rotate_while_people_pay(town, garden):
    await garden.set()
    await town.open()
    callers = [f"+26096100000{n}" for n in range(4)]

    async def pay():
        for n, msisdn in enumerate(callers):
            await town.dial("1", "1", GARDEN_TAP, "2", "5", "1", msisdn=msisdn)
            await town.all_end(n + 1)

    paying = asyncio.create_task(pay())
    turns = 0
    while not paying.done():
        assert (await garden.rotate()).dropped == 1
        turns += 1
        await asyncio.sleep(0.2)
    await paying
    assert turns > 1
    assert {p.account_id for p in await town.payments()} == {"mtn:GDN"}
    assert {p.status for p in await town.payments()} == {"success"}


async def test_a_wrong_master_key_stops_the_start(town, garden):
    await garden.set()
    with pytest.raises(account_store.VaultError, match="MADZI_MASTER_KEY"):
        await town.open(master_key="A" * 43 + "=")


# Logs


@pytest.fixture
def log(monkeypatch):
    """Everything that is logged, as configured for production."""
    kept = io.StringIO()
    logs.configure("DEBUG", to=kept)
    for module, name in (
        (callbacks, "_log"), (pushes, "_log"), (runtime, "_log"), (http, "log"), (accounts, "_log"),
        (account_store, "_log"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, structlog.get_logger())
    return kept.getvalue


def all_bytes(database):
    return "".join(Path(database + end).read_bytes().decode("latin-1") for end in ("", "-wal"))


async def test_no_log_and_no_table_holds_a_secret(sqlite_town, log, caplog, request):
    request.node.funcargs["town"] = sqlite_town
    with caplog.at_level(logging.DEBUG):
        networks = await start(providers_app.create(Config(mtn=OWN_KEYS, number_rules={})))
        sqlite_town.stack.push_async_callback(networks.close)
        garden = Garden(sqlite_town, networks, None)
        await garden.set("KNY")
        house = await sqlite_town.open(payment_expiry_s=2)
        token = token_of(house, "mtn:KNY")
        await sqlite_town.dial(*PAY_ALL)
        await sqlite_town.all_end()
        await garden.set("KNY", fields(networks.url, replace(OWN_KEYS, api_key="garden-other-key")))
        await house.runtime.gateways.look()
        await garden.rotate()
    text = log() + caplog.text
    assert "push_answered" in text
    text += all_bytes(sqlite_town.db.url.database)
    for secret in (*SECRETS, "garden-other-key", token):
        assert secret not in text
    assert CALLER in text  # of the database: so what is looked through is the right thing
    assert TAP in text
