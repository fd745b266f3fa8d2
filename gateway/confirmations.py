"""What a person said Yes to, as a command for payments, and payments' answer, as the menu understands it."""

import hashlib
from typing import Any

from gateway import facts
from payments import results as r
from payments import routing
from payments.commands import Pay
from payments.wallet import accounts as wallets
from ussd_menus import outcome as o


def command(pay: o.Confirmed, request_id: str, session_id: str, delay_s: float) -> Pay:
    """Return the command of a Yes; `request_id` is the same for the same Yes, however often it comes."""
    body = f"{pay.payer_msisdn}|{pay.tap_id}|{pay.tenant_id}|{pay.amount_minor}|{pay.provider}"
    return Pay(
        payment_request_id=request_id,
        request_hash=hashlib.sha256(body.encode()).hexdigest(),
        msisdn=pay.payer_msisdn,
        contact_msisdn=pay.msisdn,
        tap_id=pay.tap_id,
        tenant_id=pay.tenant_id,
        amount_minor=pay.amount_minor,
        currency=pay.currency,
        provider=pay.provider,
        is_chosen=pay.provider != routing.usual(pay.payer_msisdn),
        if_down="wait" if pay.waits else "refuse",  # the screen says what else there is
        channel="ussd",
        correlation_id=session_id,
        delay_s=delay_s,
    )


def shown(result: Any, pay: Pay, msisdn: str) -> o.Result:  # noqa: PLR0911 - a table of answers
    """Return the answer to a payment as the menu understands it."""
    wallet = routing.NAMES[pay.provider]
    match result:
        case r.Accepted(payment=payment) if payment.status == "failed":
            if result.most_minor is None:  # a Yes of a lost call, which came to nothing, comes again
                return o.Refused()
            return o.OverLimit(wallet, result.most_minor, payment.currency)
        case r.Accepted(payment=payment) if payment.provider == wallets.PROVIDER:
            return o.PaidFromKept(payment.amount_minor, payment.currency)
        case r.Accepted(payment=payment, orders=orders):
            return o.Accepted(
                payee=orders[0].seller if orders else "",
                wallet=wallet,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
                is_behind_another=result.is_queued,
                waits_until=payment.expires_at if payment.waits else None,
                look_again_at=facts.look_again_at(payment),
            )
        case r.UnderWay(payment=payment):
            by_me = payment.contact_msisdn == msisdn
            return o.PaymentUnderWay(facts.under_way(payment, by_me=by_me))
        case r.NothingOwed() | r.MoreThanOwed():
            return o.NothingOwed()
        case r.NotExpressible(unit_minor=unit_minor):
            return o.NotExpressible(wallet, unit_minor, pay.currency or "")
        case r.NoRail() | r.RailDown():
            return o.ProviderDown(wallet)
        case _:
            return o.Refused()
