"""Whether a payment may start, and what it will pay."""

from collections.abc import Sequence

from core import outbox
from core.errors import BadAmount
from payments import routing
from payments.commands import Pay, RecordCash
from payments.decide import wallet
from payments.decide.orders import Shares, checkout, order, payment_for
from payments.desk import Desk, Rail
from payments.records import Payment
from payments.results import (
    Accepted,
    Mismatch,
    MoreThanOwed,
    NoRail,
    NoSuch,
    NotExpressible,
    NothingOwed,
    PayResult,
    RailDown,
    UnderWay,
)
from payments.validation import Verdict, validate
from taps.debts import Part, allocate, payable_minor

_Division = wallet.Divided | NothingOwed | UnderWay | MoreThanOwed | NotExpressible


def accept(desk: Desk, pay: Pay) -> PayResult:
    """Answer a request to pay: start it, repeat the first answer, or refuse it with nothing started."""
    known = desk.by_request.get(pay.payment_request_id)
    if known:
        return _repeat(desk, pay, desk.payments[known])
    currency = desk.currencies.get(pay.tap_id)
    if currency is None:
        return NoSuch("tap")
    if pay.currency not in (None, currency):
        return NoRail(pay.provider)
    kept_minor = wallet.usable_minor(desk, pay, currency)
    paid = _from_wallet(desk, pay, kept_minor) if kept_minor else None
    return paid or _by_rail(desk, pay, kept_minor, currency)


def _by_rail(desk: Desk, pay: Pay, kept_minor: int, currency: str) -> PayResult:
    """Have a rail collect what the payer's wallet does not pay: the best of those that can."""
    parts = desk.open_parts(pay.tap_id, pay.tenant_id)
    choice = routing.choose(
        desk.rails_of(desk.zones[pay.tap_id]), _asked(desk, pay, parts, kept_minor, currency)
    )
    rails = choice.rails or choice.unfit
    if not rails:
        return NoRail(pay.provider)
    rail, divided = _first_that_can(desk, pay, rails, parts, kept_minor)
    if not isinstance(divided, wallet.Divided):
        return divided
    if pay.if_down == "refuse" and rail.account_id in desk.down:
        return RailDown(rail.provider)
    accepted = _start(desk, pay, rail, divided, currency)
    desk.route(accepted.payment, "accepted", choice.reasons)
    return accepted


def _asked(desk: Desk, pay: Pay, parts: list[Part], kept_minor: int, currency: str) -> routing.Asked:
    amount_minor = pay.amount_minor or sum(part.open_minor for part in parts)
    return routing.Asked(
        msisdn=pay.msisdn,
        currency=currency,
        amount_minor=amount_minor - kept_minor,
        provider=pay.provider,
        is_chosen=bool(pay.provider) and pay.is_chosen,
        down=desk.down,
        fees=desk.rules.fees,
    )


def _first_that_can(
    desk: Desk, pay: Pay, rails: Sequence[Rail], parts: list[Part], kept_minor: int
) -> tuple[Rail, _Division]:
    """Return the first rail that can move all of it, divided; else what the first one says."""
    divisions = ((rail, _divide(desk, pay, rail, parts, kept_minor)) for rail in rails)
    first = next(divisions)
    if not isinstance(first[1], NotExpressible):
        return first
    return next((found for found in divisions if isinstance(found[1], wallet.Divided)), first)


def _repeat(desk: Desk, pay: Pay, payment: Payment) -> PayResult:
    if payment.request_hash != pay.request_hash:
        return Mismatch()
    orders = tuple(desk.orders.get(payment.payment_id, ()))
    is_queued = payment.is_open and _is_queued(desk, payment.msisdn, payment.payment_id)
    kept = desk.by_request.get(wallet.request_id(pay.payment_request_id))
    from_wallet = desk.payments[kept] if kept else None
    return Accepted(payment, orders, is_queued, is_repeat=True, from_wallet=from_wallet)


def _from_wallet(desk: Desk, pay: Pay, kept_minor: int) -> Accepted | None:
    """Pay all of it from the payer's wallet, where there is enough: no rail is needed then."""
    parts = desk.open_parts(pay.tap_id, pay.tenant_id)
    amount_minor = owed(desk, pay, parts)
    if not isinstance(amount_minor, int) or not 0 < amount_minor <= kept_minor:
        return None
    payment = wallet.spend(
        desk,
        pay,
        allocate(parts, amount_minor),
        key=pay.payment_request_id,
        checkout_id=desk.ids.new(),
        rest_minor=0,
    )
    checkout(desk, payment)
    return Accepted(payment, tuple(desk.orders[payment.payment_id]), is_queued=False)


def _divide(desk: Desk, pay: Pay, rail: Rail, parts: list[Part], kept_minor: int) -> _Division:
    """Return what the wallet and the rail would pay, or why it cannot be."""
    if not kept_minor:
        chosen = choose(desk, pay, rail, parts)
        return wallet.Divided([], chosen) if isinstance(chosen, list) else chosen
    amount_minor = owed(desk, pay, parts)
    if not isinstance(amount_minor, int):
        return amount_minor
    return wallet.divide(parts, amount_minor, kept_minor, rail.traits) or _not_expressible(rail, parts)


def choose(
    desk: Desk, pay: Pay | RecordCash, rail: Rail, parts: list[Part]
) -> Shares | NothingOwed | UnderWay | MoreThanOwed | NotExpressible:
    """Return what a payment of open parts would pay of each, or why it cannot be."""
    amount_minor = owed(desk, pay, parts)
    if not isinstance(amount_minor, int):
        return amount_minor
    traits = rail.traits
    try:
        if traits.min_minor <= amount_minor <= traits.max_minor:
            return allocate(parts, amount_minor, traits.unit_minor)
    except BadAmount:
        pass
    return _not_expressible(rail, parts)


def owed(desk: Desk, pay: Pay | RecordCash, parts: list[Part]) -> int | NothingOwed | UnderWay | MoreThanOwed:
    """Return how much of open parts is to be paid, in minor units, or why nothing can be."""
    open_minor = sum(part.open_minor for part in parts)
    if not open_minor:
        return NothingOwed()
    for part in parts:
        if part.part_id in desk.open_claims:
            return UnderWay(desk.payments[desk.open_claims[part.part_id]])
    amount_minor = open_minor if pay.amount_minor is None else pay.amount_minor
    if amount_minor > open_minor:
        return MoreThanOwed(open_minor, desk.currencies[pay.tap_id])
    return amount_minor


def _not_expressible(rail: Rail, parts: list[Part]) -> NotExpressible:
    traits = rail.traits
    most_minor = min(traits.max_minor, payable_minor(parts, traits.unit_minor))
    return NotExpressible(traits.unit_minor, traits.min_minor, traits.max_minor, most_minor)


def _start(desk: Desk, pay: Pay, rail: Rail, divided: wallet.Divided, currency: str) -> Accepted:
    shares = divided.rest
    amount_minor = sum(share for _, share in shares)
    today_minor = desk.today_minor[pay.msisdn, currency]
    verdict = validate(amount_minor, currency, today_minor, desk.rules.limits)
    is_queued = _is_queued(desk, pay.msisdn)
    payment = desk.create(_payment(desk, pay, rail, shares, verdict), cause=pay.channel)
    kept_minor = sum(share for _, share in divided.kept) if verdict.proceeds else 0
    checkout(desk, payment, amount_minor + kept_minor)
    order(desk, payment, shares)
    if not verdict.proceeds:
        return _reject(desk, payment, verdict)
    from_wallet = _before(desk, payment, pay, divided.kept) if kept_minor else None
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
    orders = tuple(desk.orders[payment.payment_id])
    return Accepted(payment, orders, is_queued, from_wallet=from_wallet)


def _is_queued(desk: Desk, msisdn: str, own: str = "") -> bool:
    """Say whether another prompt comes to this handset first; one that waits for its rail does not."""
    others = desk.handsets[msisdn] - {own}
    return any(desk.payments[other].held_at is None for other in others)


def _before(desk: Desk, payment: Payment, pay: Pay, shares: Shares) -> Payment:
    """Pay from the wallet what goes before the prompt, in the same act of paying."""
    return wallet.spend(
        desk,
        pay,
        shares,
        key=wallet.request_id(pay.payment_request_id),
        checkout_id=payment.checkout_id,
        rest_minor=payment.amount_minor,
    )


def _payment(desk: Desk, pay: Pay, rail: Rail, shares: Shares, verdict: Verdict) -> Payment:
    push_after = desk.later(pay.delay_s)
    waits = pay.if_down == "wait" and rail.account_id in desk.down
    expires_at = desk.later(pay.delay_s + (desk.rules.wait_for_rail_s if waits else desk.rules.expiry_s))
    return payment_for(
        desk,
        shares,
        payment_request_id=pay.payment_request_id,
        request_hash=pay.request_hash,
        user_id=pay.user_id,
        msisdn=pay.msisdn,
        contact_msisdn=pay.contact_msisdn,
        tap_id=pay.tap_id,
        tenant_id=pay.tenant_id,
        provider=rail.provider,
        account_id=rail.account_id,
        channel=pay.channel,
        correlation_id=pay.correlation_id,
        validation="proceed" if verdict.proceeds else "reject",
        waits=waits,
        push_after=push_after,
        expires_at=expires_at,
        next_check_at=expires_at,
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
