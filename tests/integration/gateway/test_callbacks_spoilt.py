"""Every recorded notice, spoilt: stored or refused with a code; no money moves, nothing breaks, others go on.

The notices speak of payments that are open here, with every name right, so that only what the providers
themselves say stands between them and the money.
"""

import json
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from town import CALLER, KENYAN, KENYAN_TAP, OTHER_TAP, PAY_ALL, WITH_AIRTEL, until

from core.outbox import outbox
from payments.tables import ledger_entries
from simulators.providers import kcb_keys
from tools.towns import kcb_settings

sys.path.append(str(Path(__file__).parent))

from mutants import KINDS, bodies, recorded, renamed

NOTICES = recorded()
LATER = {"payment_expiry_s": 900, "poll_after_s": 900}
BROKEN = ("handler_broke", "check_failed", "outbox_not_finished", "worker_round_failed", "Traceback")


def test_there_is_something_to_spoil():
    assert {provider for provider, _, _ in NOTICES} >= {"mtn", "daraja", "kcb", "airtel", "stripe"}
    assert len(NOTICES) > 40


async def _open_payments(town):
    """Have a payment wait on each rail for a PIN that nobody types; return the names each is known by."""
    for msisdn in (CALLER, WITH_AIRTEL, KENYAN):
        town.person(msisdn, "ask")
    await town.hops(*PAY_ALL, session="mtn")
    await town.hops("1", "1", OTHER_TAP, "1", "1", session="airtel", msisdn=WITH_AIRTEL)
    await town.hops("1", "1", KENYAN_TAP, "1", "1", session="daraja", msisdn=KENYAN)

    async def pushed():
        found = await town.payments()
        return found if len(found) == 3 and all(p.push_state == "accepted" for p in found) else None

    return {payment.provider: payment for payment in await until(pushed)}


def _names(payment):
    """Return what notices call a payment, by the keys under which any provider does."""
    amount = payment.amount_minor / 100
    return {
        "externalId": payment.payment_id,
        "CheckoutRequestID": payment.provider_reference,
        "id": payment.reference,
        "client_reference_id": payment.payment_id,
        "Amount": amount,
        "TransAmount": f"{amount:.2f}",
        "TransactionAmount": amount,
        "transactionAmt": f"{amount:.0f}",
        "transactionAmount": f"{amount:.2f}",
        "amount": f"{amount:.2f}",
        "currency": payment.currency,
        "BillRefNumber": payment.tap_id,
        "PhoneNumber": int(payment.msisdn.lstrip("+")),
        "partyId": payment.msisdn.lstrip("+"),
    }


@st.composite
def sent(draw, payments):
    """Draw a notice, the account and address it is sent to, its key and its signature."""
    provider, _, body = draw(st.sampled_from(NOTICES))
    about = payments.get(provider) or draw(st.sampled_from(sorted(payments.values())))
    raw = draw(bodies(renamed(body, _names(about))))
    to = provider if draw(st.integers(0, 9)) else draw(st.sampled_from(sorted(payments)))
    key = draw(st.sampled_from((about.callback_key, about.callback_key, "", "x" * 30, "'; --")))
    forged = kcb_keys.signature(kcb_keys.FORGER, raw)
    signature = draw(st.sampled_from(("", forged, "AAAA", "\u00e9", "t=1,v1=00", "x" * 3000)))
    return to, draw(st.sampled_from(KINDS)), key, raw, signature, draw(st.sampled_from(("POST", "PUT")))


async def _send(town, accounts, drawn):
    to, kind, key, raw, signature, method = drawn
    address = f"{town.gateway_url}/cb/{accounts.get(to, accounts['mtn'])}{kind}"
    headers = {"Content-Type": "application/json", "Signature": signature, "Stripe-Signature": signature}
    async with town.http.request(method, address, params={"key": key}, data=raw, headers=headers) as reply:
        text = await reply.text()
        assert reply.status == 200 or "code" in json.loads(text), (drawn, text)
        assert reply.status < 500, drawn


async def _money(town):
    entries = (await town.rows(sa.select(sa.func.count()).select_from(ledger_entries)))[0][0]
    return entries, sorted((p.payment_id, p.status, p.receipt) for p in await town.payments())


async def _judged(town):
    """Wait until each has been looked at; what cannot be confirmed is looked at again, later and later."""

    async def all_seen():
        unseen = sa.select(outbox.c.outbox_id).where(
            outbox.c.kind == "callback", outbox.c.status != "done", outbox.c.attempts == 0
        )
        return not await town.rows(unseen)

    await until(all_seen, within_s=60)


async def _approve_all(town):
    async with town.http.get(f"{town.providers.url}/_sim/prompts") as reply:
        prompts = await reply.json()
    for prompt in (p for p in prompts if p["state"] == "open"):
        address = f"{town.providers.url}/_sim/prompts/{prompt['id']}/answer"
        async with town.http.post(address, json={"answer": "approve"}) as reply:
            assert reply.status == 200


@pytest.mark.slow
async def test_no_spoilt_notice_moves_money_or_breaks_anything(town, capfd):
    house = await town.open(kcb=kcb_settings(town.providers.url), **LATER)
    accounts = {a.provider: a.callback_token for a in house.runtime.accounts.values()}
    payments = await _open_payments(town)
    before, notices = await _money(town), []

    # Drawn while nothing else runs: hypothesis wants the source of random numbers to itself.
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sent(payments))
    def draw(notice):
        notices.append(notice)

    draw()
    for notice in notices:
        await _send(town, accounts, notice)
    await _judged(town)
    assert await _money(town) == before
    out, err = capfd.readouterr()
    assert [word for word in BROKEN if word in out + err] == []
    # The people type their PINs after all: what is true still arrives.
    await _approve_all(town)
    await town.all_end(count=3)
    assert {p.status for p in await town.payments()} == {"success"}
    await town.agrees()
