"""The ends of a payment that bring no money."""

from payments.desk import Desk
from payments.events import Expired, Failed
from payments.records import Payment


def fail(
    desk: Desk,
    payment: Payment,
    reason: str,
    *,
    cause: str = "push",
    detail: str | None = None,
    raw_id: str | None = None,
) -> Payment:
    """The provider's last word is no, or the prompt provably never left: nothing was taken."""
    failed = desk.move(
        payment,
        "fail",
        cause=cause,
        detail=detail or reason,
        raw_id=raw_id,
        reason=str(reason),
        is_final=True,
        next_check_at=None,
    )
    desk.move_orders(failed, "fail", reason=str(reason))
    desk.release(failed)
    desk.events.append(Failed(failed))
    return failed


def expire(
    desk: Desk,
    payment: Payment,
    *,
    cause: str,
    is_final: bool = False,
    detail: str | None = None,
    raw_id: str | None = None,
) -> Payment:
    """No word in time. Unless the provider itself has closed it, it is asked again for a day."""
    was_sent = payment.push_state in ("started", "accepted", "unknown")
    asks_on = was_sent and not is_final
    expired = desk.move(
        payment,
        "expire",
        cause=cause,
        detail=detail,
        raw_id=raw_id,
        reason="expired",
        is_final=not asks_on,
        next_check_at=desk.later(desk.rules.poll_after_s) if asks_on else None,
    )
    desk.move_orders(expired, "fail", reason="expired")
    desk.release(expired)
    desk.events.append(Expired(expired))
    if asks_on and not _can_be_asked(desk, expired):
        _tell_staff(desk, expired)
    return expired


def _can_be_asked(desk: Desk, payment: Payment) -> bool:
    """A rail that does not know our reference can be asked only by its own name for the request."""
    traits = desk.rules.traits(payment)
    is_ours_known = traits.push_is_repeatable or traits.knows_our_reference
    return is_ours_known or payment.provider_reference is not None


def _tell_staff(desk: Desk, payment: Payment) -> None:
    """Nobody can ask about this push: only a late callback or the provider's own list can tell."""
    desk.keep(
        f"unknown:{payment.payment_id}",
        "outcome_unknown",
        account_id=payment.account_id,
        currency=payment.currency,
        detail=f"a push of {payment.amount_minor} minor units was never answered; see the provider's list",
        payment_id=payment.payment_id,
    )
