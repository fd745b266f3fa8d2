"""Payments by hand at M-PESA, on both databases: told, told twice, listed, asked about, told by nobody."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from town import KENYAN, KENYAN_OWED, KENYAN_TAP, until

from gateway import verify
from payments.providers.accounts import urls
from payments.tables import callbacks, credits_
from simulators.providers.config import Daraja
from simulators.providers.daraja_keys import certificate_pem
from tools import towns

KEYS = ("1", "1", KENYAN_TAP, "1", "1")
SHILLINGS = str(KENYAN_OWED // 100)


def keys(town, **changes):
    initiator = {
        "initiator": Daraja().initiator,
        "initiator_password": Daraja().initiator_password,
        "certificate": certificate_pem(),
    }
    mine = towns.settings_of("sqlite:", "http://g", town.providers.url, "http://a").daraja.model_dump(
        exclude_none=True
    )
    return mine | initiator | changes


class Mpesa:
    """A gateway with M-PESA, whose addresses are registered there unless a test says no."""

    def __init__(self, town):
        self.town = town

    async def open(self, *, registered=True, daraja=None, **changes):
        self.house = await self.town.open(daraja=keys(self.town, **(daraja or {})), **changes)
        gateways = self.house.runtime.gateways
        self.account = gateways.account_of("daraja:default")
        self.provider = await gateways.find_provider("daraja:default")
        self.urls = urls(self.town.gateway_url, self.account)
        if self.provider and (daraja or {}).get("pull"):
            await self.provider.register_pull(self.urls["c2b_confirmation"], "0722000000")
        if registered:
            await self.provider.register_urls(self.urls["c2b_validation"], self.urls["c2b_confirmation"])

    async def pay(self, account=KENYAN_TAP, amount=SHILLINGS):
        body = {"msisdn": KENYAN, "account": account, "amount": amount}
        url = f"{self.town.providers.url}/daraja/_sim/payments"
        async with self.town.http.post(url, json=body) as reply:
            assert reply.status == 201, await reply.text()
            return await reply.json()

    async def verdicts(self, kind, count=1):
        async def look():
            query = sa.select(callbacks).where(callbacks.c.kind == kind, callbacks.c.verdict != "new")
            rows = await self.town.rows(query)
            return sorted(row.verdict for row in rows) if len(rows) >= count else None

        return await until(look, within_s=12)


@pytest.fixture
def mpesa(town):
    return Mpesa(town)


async def holds(town):
    assert [verdict.name for verdict in await verify.run(town.db) if not verdict.holds] == []


async def test_a_confirmation_is_asked_about_and_pays_the_tap(town, mpesa):
    await mpesa.open()
    paid = await mpesa.pay("nrb " + KENYAN_TAP[4:8])
    payment = await town.payment("success")
    assert (payment.tap_id, payment.amount_minor, payment.channel) == (KENYAN_TAP, KENYAN_OWED, "status")
    assert payment.receipt == paid["receipt"]
    assert await mpesa.verdicts("b2c_result") == ["credited"]
    assert await mpesa.verdicts("c2b_confirmation") == ["confirmed"]
    (told,) = await town.sms(KENYAN)
    assert told.startswith("Madzi: Paid KES 300.00 for")
    assert len(await town.agrees()) == 1


async def test_the_list_is_proof_too(town, mpesa):
    await mpesa.open(daraja={"pull": True})
    await mpesa.pay()
    payment = await town.payment("success")
    assert (payment.channel, payment.msisdn) == ("pull", KENYAN)
    assert len(await town.agrees()) == 1


async def test_money_that_nobody_told_us_of_is_found_in_the_list(town, mpesa):
    await mpesa.open(registered=False, daraja={"pull": True}, pull_every_s=1)
    paid = await mpesa.pay("water")
    items = await until(town.items)
    assert (items[0].kind, items[0].held_minor) == ("no_match", KENYAN_OWED)
    assert paid["receipt"] in items[0].detail
    await holds(town)


async def test_a_confirmation_that_is_told_twice_pays_once(town, mpesa):
    town.fault("daraja", "arrival", "twice", msisdn=KENYAN)
    await mpesa.open()
    await mpesa.pay()
    await town.payment("success")
    assert len(await mpesa.verdicts("c2b_confirmation", 2)) == 2
    assert len(await town.agrees()) == 1


async def test_a_push_that_is_told_as_callback_and_as_confirmation_is_credited_once(town, mpesa):
    await mpesa.open(daraja={"pull": True}, pull_every_s=1)
    await town.dial(*KEYS, msisdn=KENYAN)
    payment = await town.payment("success")
    await mpesa.verdicts("c2b_confirmation")
    assert await mpesa.house.runtime.arrivals.sweep() == 0
    (credit,) = await town.agrees()
    (row,) = await town.payments()
    assert (credit.payment_id, row.receipt) == (payment.payment_id, town.book()["debited"][0]["receipt"])


async def test_a_forged_confirmation_moves_nothing(town, mpesa):
    await mpesa.open()
    forged = {
        "TransactionType": "Pay Bill", "TransID": "TKL0000000", "TransTime": "20261121121325",
        "TransAmount": SHILLINGS, "BusinessShortCode": Daraja().shortcode, "BillRefNumber": KENYAN_TAP,
        "MSISDN": "2547 ***** 149", "FirstName": "N",
    }  # fmt: skip
    async with town.http.post(mpesa.urls["c2b_confirmation"], json=forged) as reply:
        assert reply.status == 200
    await mpesa.verdicts("b2c_result")
    assert await town.rows(sa.select(credits_)) == []
    await holds(town)


async def test_without_anybody_to_ask_a_person_is_told(town, mpesa):
    await mpesa.open()
    nobody = keys(town)
    for name in ("initiator", "initiator_password", "certificate"):
        del nobody[name]
    await mpesa.house.close()
    house = await town.open(daraja=nobody)
    await mpesa.pay()
    (item,) = await until(town.items)
    assert (item.kind, item.held_minor) == ("unmatched_callback", 0)
    assert house.runtime.arrivals is not None


async def test_sweeps_side_by_side_credit_a_receipt_once(town, mpesa):
    await mpesa.open(registered=False, daraja={"pull": True}, pull_every_s=0, worker=False)
    await mpesa.pay()
    runtime = mpesa.house.runtime
    found = await asyncio.gather(*(runtime.arrivals.sweep() for _ in range(4)))
    assert max(found) >= 1
    now = runtime.clock.now()
    assert await runtime.arrivals.sweep() == 0
    assert (await mpesa.provider.find_arrivals(now - timedelta(hours=1), now)) is not None
    assert len(await town.agrees()) == 1


class BadLine:
    """A provider's list of which the part after a moment cannot be read the first time."""

    def __init__(self, real, breaks_at):
        self._real, self._breaks_at, self.asked = real, breaks_at, []

    def __getattr__(self, name):
        return getattr(self._real, name)

    def read_arrival(self, kind, body):
        return self._real.read_arrival(kind, body)

    def validation_reply(self, reason):
        return self._real.validation_reply(reason)

    async def find_arrivals(self, since, until):
        self.asked.append((since, until))
        if until > self._breaks_at:
            self._breaks_at = until + timedelta(days=1)
            return None
        return await self._real.find_arrivals(since, until)


async def test_a_sweep_that_broke_off_goes_on_from_there(sqlite_town, monkeypatch):
    house = await sqlite_town.open(daraja=keys(sqlite_town, pull=True), pull_every_s=0, worker=False)
    now = house.runtime.clock.now()
    line = BadLine(house.runtime.providers["daraja:default"], now - timedelta(hours=1))
    monkeypatch.setattr(house.runtime.arrivals, "_rails", {"daraja:default": line})
    await house.runtime.arrivals.sweep()
    first, last = line.asked[0], line.asked[-1]
    assert first[0] <= now - timedelta(hours=47)
    assert max(until - since for since, until in line.asked) <= timedelta(hours=6)
    assert last[1] > now - timedelta(hours=1)
    seen, line.asked = len(line.asked), []
    await house.runtime.arrivals.sweep()
    assert len(line.asked) < 6 < seen
    assert line.asked[0][0] >= last[0] - timedelta(minutes=16)
    assert line.asked[-1][1] >= now
