"""The ends of a payout: the money has arrived, or it lies again where it was."""

from msgspec.structs import replace

from payments.lifecycles import ORDER
from payments.payouts.desk import PayoutDesk
from payments.payouts.events import GivenBack, NotGivenBack
from payments.payouts.records import Payout, Source
from payments.providers.base import PayoutKind, Report
from payments.records import Payment

_LONGEST_RECEIPT = 40
_LONGEST_FAILURE = 20


def complete(
    desk: PayoutDesk,
    payout: Payout,
    report: Report,
    *,
    cause: str,
    actor: str = "madzi",
    raw_id: str | None = None,
    detail: str | None = None,
) -> Payout:
    """The money has left: post it, open again what it had paid, and end the payment where all of it went."""
    receipt = report.receipt if report.receipt and len(report.receipt) <= _LONGEST_RECEIPT else None
    desk.send_out(payout)
    payout = desk.move(
        payout,
        "complete",
        cause=cause,
        actor=actor,
        raw_id=raw_id,
        detail=detail or report.code or None,
        failure=None,
        receipt=receipt,
        provider_reference=payout.provider_reference or report.provider_reference,
        send_state="accepted",
        is_final=True,
        next_check_at=None,
    )
    payment = desk.books.payments.get(payout.payment_id or "")
    reopened_minor = _reopen(desk, payout, payment) if payment else 0
    payment = _end(desk, payout, payment) if payment else None
    desk.events.append(GivenBack(payout, payment, reopened_minor))
    return payout


def fail(
    desk: PayoutDesk,
    payout: Payout,
    reason: str,
    *,
    cause: str,
    actor: str = "madzi",
    raw_id: str | None = None,
    detail: str | None = None,
) -> Payout:
    """Nothing has left: the money lies again where it was, and staff see it."""
    desk.give_back(payout)
    payout = desk.move(
        payout,
        "fail",
        cause=cause,
        actor=actor,
        raw_id=raw_id,
        detail=detail or reason,
        failure=reason[:_LONGEST_FAILURE],
        is_final=True,
        next_check_at=None,
    )
    keep(
        desk, payout, "payout_failed", f"payout {payout.payout_id} failed: {detail or reason}", raw_id=raw_id
    )
    desk.events.append(NotGivenBack(payout, desk.books.payments.get(payout.payment_id or "")))
    return payout


def keep(
    desk: PayoutDesk, payout: Payout, kind: str, detail: str, *, fact: str = "", raw_id: str | None = None
) -> None:
    """Open an item for staff about a payout; one for each kind of trouble, and nothing is held for it."""
    desk.books.keep(
        f"{kind}:{payout.payout_id}{fact}",
        kind,
        account_id=payout.account_id,
        currency=payout.currency,
        detail=detail,
        payment_id=payout.payment_id,
        raw_id=raw_id,
    )


def _reopen(desk: PayoutDesk, payout: Payout, payment: Payment) -> int:
    """Count what had paid debts no more towards them; return how much that is."""
    sources = [source for source in desk.sources[payout.payout_id] if source.part_id]
    for source in sources:
        _uncount(desk, payment, source)
    for order_id in dict.fromkeys(source.order_id for source in sources):
        off_minor = sum(s.amount_minor for s in sources if s.order_id == order_id)
        _uncredit(desk, payment, order_id or "", off_minor)
    return sum(source.amount_minor for source in sources)


def _uncount(desk: PayoutDesk, payment: Payment, source: Source) -> None:
    part_id = source.part_id or ""
    claim = desk.books.claims[payment.payment_id][part_id]
    desk.books.claim(replace(claim, credited_minor=claim.credited_minor - source.amount_minor))
    desk.books.pay_part(payment.tap_id, desk.books.parts[payment.tap_id][part_id], -source.amount_minor)


def _uncredit(desk: PayoutDesk, payment: Payment, order_id: str, off_minor: int) -> None:
    orders = desk.books.orders[payment.payment_id]
    for i, order in enumerate(orders):
        if order.order_id == order_id:
            left_minor = order.credited_minor - off_minor
            status = order.status if left_minor else ORDER.after("refund", order.status)
            desk.books.set_order(orders, i, replace(order, credited_minor=left_minor, status=status))


def _end(desk: PayoutDesk, payout: Payout, payment: Payment) -> Payment:
    """Move a payment of which nothing is left here; one that a rail has undone is reversed."""
    gone = [p for p in desk.of_payment(payment.payment_id) if p.status == "completed"]
    if sum(p.amount_minor for p in gone) < desk.credits[payment.payment_id].amount_minor:
        return payment
    event = "reverse" if all(p.kind == PayoutKind.REVERSAL for p in gone) else "refund"
    actor = payout.approved_by or payout.requested_by
    return desk.books.move(payment, event, cause="payout", actor=actor, detail=f"payout {payout.payout_id}")
