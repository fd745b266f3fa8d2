"""What a payment is for: the act of paying, an order for each seller, a claim for each debt part."""

from collections import defaultdict
from typing import Any

from core.clock import local
from payments.desk import Desk
from payments.providers.accounts import safe_token
from payments.records import Claim, Order, Payment
from taps.debts import Part

Shares = list[tuple[Part, int]]


def payment_for(desk: Desk, shares: Shares, *, tap_id: str, **columns: Any) -> Payment:
    """Return a payment of these shares that begins now; `columns` are the others, and those that differ."""
    usual: dict[str, Any] = {
        "payment_id": desk.ids.new(),
        "checkout_id": desk.ids.new(),
        "zone": desk.zones[tap_id],
        "period": max((part.period for part, _ in shares), default=f"{local(desk.now):%Y-%m}"),
        "amount_minor": sum(share for _, share in shares),
        "currency": desk.currencies[tap_id],
        "reference": desk.ids.new_v4(),
        "callback_key": safe_token(desk.ids),
        "status": "initiated",
        "push_after": desk.now,
        "expires_at": desk.now,
        "created_at": desk.now,
        "updated_at": desk.now,
    }
    return Payment(tap_id=tap_id, **(usual | columns))


def checkout(desk: Desk, payment: Payment, amount_minor: int | None = None) -> None:
    """Write down the act of paying; `amount_minor` is all of it, where one payment is not."""
    desk.rows["checkouts"].append(
        {
            "checkout_id": payment.checkout_id,
            "tap_id": payment.tap_id,
            "tenant_id": payment.tenant_id,
            "msisdn": payment.contact_msisdn,
            "channel": payment.channel,
            "amount_minor": payment.amount_minor if amount_minor is None else amount_minor,
            "currency": payment.currency,
            "created_at": desk.now,
        }
    )


def order(desk: Desk, payment: Payment, shares: Shares, *, is_open: bool = True) -> None:
    """Give each seller an order, and claim what the payment will pay.

    A claim that is not open keeps nobody else away: of money that is here already, and pays at once.
    """
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
                    is_open=is_open,
                )
            )
