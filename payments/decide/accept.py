"""Whether a payment may start, and what it will pay."""

from collections import defaultdict

from core import outbox
from core.errors import BadAmount
from payments.commands import Pay, RecordCash
from payments.desk import Desk, Rail
from payments.providers.accounts import safe_token
from payments.records import Claim, Order, Payment
from payments.results import (
    Accepted,
    Mismatch,
    MoreThanOwed,
    NoRail,
    NoSuch,
    NotExpressible,
    NothingOwed,
    PayResult,
    UnderWay,
)
from payments.validation import Verdict, validate
from taps.debts import Part, allocate

Shares = list[tuple[Part, int]]


def accept(desk: Desk, pay: Pay) -> PayResult:
    """Answer a request to pay: start it, repeat the first answer, or refuse it with nothing started."""
    known = desk.by_request.get(pay.payment_request_id)
    if known:
        return _repeat(desk, pay, desk.payments[known])
    currency = desk.currencies.get(pay.tap_id)
    if currency is None:
        return NoSuch("tap")
    rail = desk.rules.rail(desk.zones[pay.tap_id], pay.provider)
    if rail is None or currency not in rail.traits.currencies or pay.currency not in (None, currency):
        return NoRail(pay.provider)
    parts = desk.open_parts(pay.tap_id, pay.tenant_id)
    chosen = choose(desk, pay, rail, parts)
    if not isinstance(chosen, list):
        return chosen
    return _start(desk, pay, rail, chosen, currency)


def _repeat(desk: Desk, pay: Pay, payment: Payment) -> PayResult:
    if payment.request_hash != pay.request_hash:
        return Mismatch()
    orders = tuple(desk.orders.get(payment.payment_id, ()))
    is_queued = bool(desk.handsets[payment.msisdn] - {payment.payment_id})
    return Accepted(payment, orders, is_queued, is_repeat=True)


def choose(
    desk: Desk, pay: Pay | RecordCash, rail: Rail, parts: list[Part]
) -> Shares | NothingOwed | UnderWay | MoreThanOwed | NotExpressible:
    """Return what a payment of open parts would pay of each, or why it cannot be."""
    open_minor = sum(part.open_minor for part in parts)
    if not open_minor:
        return NothingOwed()
    for part in parts:
        if part.part_id in desk.open_claims:
            return UnderWay(desk.payments[desk.open_claims[part.part_id]])
    amount_minor = open_minor if pay.amount_minor is None else pay.amount_minor
    if amount_minor > open_minor:
        return MoreThanOwed(open_minor, desk.currencies[pay.tap_id])
    traits = rail.traits
    try:
        if traits.min_minor <= amount_minor <= traits.max_minor:
            return allocate(parts, amount_minor, traits.unit_minor)
    except BadAmount:
        pass
    return NotExpressible(traits.unit_minor, traits.min_minor, traits.max_minor)


def _start(desk: Desk, pay: Pay, rail: Rail, shares: Shares, currency: str) -> Accepted:
    amount_minor = sum(share for _, share in shares)
    today_minor = desk.today_minor[pay.msisdn, currency]
    verdict = validate(amount_minor, currency, today_minor, desk.rules.limits)
    is_queued = bool(desk.handsets[pay.msisdn])
    payment = desk.create(_payment(desk, pay, rail, shares, verdict, currency), cause=pay.channel)
    checkout(desk, payment)
    order(desk, payment, shares)
    if not verdict.proceeds:
        return _reject(desk, payment, verdict)
    desk.today_minor[pay.msisdn, currency] += amount_minor
    desk.rows["outbox"].append(
        outbox.row(
            desk.ids.new(),
            "push",
            payment.correlation_id,
            now=desk.now,
            correlation_id=payment.correlation_id,
            available_at=payment.push_after,
            body={"payment_id": payment.payment_id},
        )
    )
    return Accepted(payment, tuple(desk.orders[payment.payment_id]), is_queued)


def _payment(desk: Desk, pay: Pay, rail: Rail, shares: Shares, verdict: Verdict, currency: str) -> Payment:
    push_after = desk.later(pay.delay_s)
    expires_at = desk.later(pay.delay_s + desk.rules.expiry_s)
    return Payment(
        payment_id=desk.ids.new(),
        payment_request_id=pay.payment_request_id,
        request_hash=pay.request_hash,
        checkout_id=desk.ids.new(),
        user_id=pay.user_id,
        msisdn=pay.msisdn,
        contact_msisdn=pay.contact_msisdn,
        tap_id=pay.tap_id,
        tenant_id=pay.tenant_id,
        zone=desk.zones[pay.tap_id],
        period=max(part.period for part, _ in shares),
        amount_minor=sum(share for _, share in shares),
        currency=currency,
        provider=rail.provider,
        account_id=rail.account_id,
        reference=desk.ids.new_v4(),
        callback_key=safe_token(desk.ids),
        channel=pay.channel,
        correlation_id=pay.correlation_id,
        validation="proceed" if verdict.proceeds else "reject",
        status="initiated",
        push_after=push_after,
        expires_at=expires_at,
        next_check_at=expires_at,
        created_at=desk.now,
        updated_at=desk.now,
    )


def checkout(desk: Desk, payment: Payment) -> None:
    """Write down the act of paying."""
    desk.rows["checkouts"].append(
        {
            "checkout_id": payment.checkout_id,
            "tap_id": payment.tap_id,
            "tenant_id": payment.tenant_id,
            "msisdn": payment.contact_msisdn,
            "channel": payment.channel,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "created_at": desk.now,
        }
    )


def order(desk: Desk, payment: Payment, shares: Shares) -> None:
    """Give each seller an order, and claim what the payment will pay."""
    by_seller: dict[str, Shares] = defaultdict(list)
    for part, share in shares:
        by_seller[part.seller].append((part, share))
    orders = desk.orders.setdefault(payment.payment_id, [])
    desk.changed_orders.add(payment.payment_id)
    for seller, theirs in by_seller.items():
        placed = Order(
            order_id=desk.ids.new(),
            checkout_id=payment.checkout_id,
            payment_id=payment.payment_id,
            seller=seller,
            amount_minor=sum(share for _, share in theirs),
            currency=payment.currency,
        )
        orders.append(placed)
        for part, share in theirs:
            desk.claim(
                Claim(
                    payment_id=payment.payment_id,
                    part_id=part.part_id,
                    order_id=placed.order_id,
                    amount_minor=share,
                )
            )


def _reject(desk: Desk, payment: Payment, verdict: Verdict) -> Accepted:
    failed = desk.move(
        payment,
        "fail",
        cause="validation",
        detail=verdict.reason,
        reason=verdict.reason,
        is_final=True,
        next_check_at=None,
    )
    desk.move_orders(failed, "fail", reason=verdict.reason)
    desk.release(failed)
    orders = tuple(desk.orders[failed.payment_id])
    return Accepted(failed, orders, is_queued=False, most_minor=verdict.most_minor)
