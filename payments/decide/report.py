"""What the provider's own word on a payment makes true."""

from dataclasses import replace
from datetime import datetime, timedelta

from payments.commands import Reported
from payments.decide.end import expire, fail
from payments.decide.settle import settle
from payments.desk import Desk
from payments.events import ReceiptCame, TakesLong
from payments.providers.base import Outcome, Reason, Report
from payments.records import Payment
from payments.results import Noted

# The plan of reference mtn-momo §9, as multiples of the first wait (20 s): 20 s, 30 s, 60 s, 2 min, 5 min …
_WAITS = (1.0, 1.5, 3.0, 6.0, 15.0, 30.0, 90.0, 180.0)
_AFTER_A_HINT_S = 5.0
_LONGEST_RECEIPT = 40  # payments.tables


def reported(desk: Desk, command: Reported) -> Noted:
    """Move a payment by what the provider answered; success is never downgraded."""
    payment, report = desk.payments[command.payment_id], _with_hint(command)
    if report.provider_reference and not payment.provider_reference:
        payment = desk.touch(payment, provider_reference=report.provider_reference)
    match report.outcome:
        case Outcome.PAID:
            return _paid(desk, payment, report, command)
        case Outcome.NOT_PAID | Outcome.EXPIRED:
            return _not_paid(desk, payment, report, command)
        case _:
            return _no_word(desk, payment, report, command)


def _with_hint(command: Reported) -> Report:
    """Take from a callback what the proof does not tell: the receipt, as a claim (design §8)."""
    report, hint = _storable(command.report), command.hint
    if hint is None or report.outcome is not Outcome.PAID or hint.outcome is not Outcome.PAID:
        return report
    return replace(report, receipt=report.receipt or _storable(hint).receipt)


def _storable(report: Report) -> Report:
    """Leave out a receipt that no column holds: money must not wait for its number."""
    too_long = report.receipt is not None and len(report.receipt) > _LONGEST_RECEIPT
    return replace(report, receipt=None) if too_long else report


def _paid(desk: Desk, payment: Payment, report: Report, command: Reported) -> Noted:
    if report.amount_minor is not None and report.amount_minor <= 0:
        return _paid_nothing(desk, payment, report, command)
    if not payment.has_brought:
        return Noted(settle(desk, payment, report, command), "confirmed")
    if report.receipt and not payment.receipt and (payment.account_id, report.receipt) not in desk.receipts:
        desk.receipts[payment.account_id, report.receipt] = payment.payment_id
        desk.rows["late_receipts"].append({"credit_id": payment.payment_id, "receipt": report.receipt})
        payment = desk.touch(payment, receipt=report.receipt)
        if payment.status == "success":  # of what was given back nobody needs a receipt but the books
            desk.events.append(ReceiptCame(payment))
    return Noted(payment, "repeated")


def _paid_nothing(desk: Desk, payment: Payment, report: Report, command: Reported) -> Noted:
    """No word settles on no money: a person looks, and the provider is asked on."""
    desk.keep(
        f"nothing:{payment.payment_id}",
        "amount_differs",
        account_id=payment.account_id,
        currency=payment.currency,
        detail=f"the provider says paid, and an amount of {report.amount_minor} minor units",
        payment_id=payment.payment_id,
        raw_id=command.raw_id,
    )
    return _no_word(desk, payment, replace(report, outcome=Outcome.UNKNOWN), command)


def _not_paid(desk: Desk, payment: Payment, report: Report, command: Reported) -> Noted:
    claimed_paid = command.hint is not None and command.hint.outcome is Outcome.PAID
    verdict = "forged" if claimed_paid else "confirmed"
    if payment.status == "success":
        desk.keep(
            f"contradiction:{payment.payment_id}",
            "contradiction",
            account_id=payment.account_id,
            currency=payment.currency,
            detail=f"the provider says {report.code or report.outcome} of a payment that succeeded",
            payment_id=payment.payment_id,
            raw_id=command.raw_id,
        )
        return Noted(payment, "contradiction")
    if not payment.is_open:
        return Noted(desk.touch(payment, is_final=True, next_check_at=None, asked_at=desk.now), verdict)
    payment = desk.touch(payment, asked_at=desk.now, checks=payment.checks + 1)
    if report.outcome is Outcome.EXPIRED:
        ended = expire(
            desk,
            payment,
            cause=command.cause,
            is_final=report.is_last_word,
            detail=report.code,
            raw_id=command.raw_id,
        )
    else:
        reason = report.reason or Reason.OTHER
        ended = fail(desk, payment, reason, cause=command.cause, detail=report.code, raw_id=command.raw_id)
    return Noted(ended, verdict)


def _no_word(desk: Desk, payment: Payment, report: Report, command: Reported) -> Noted:
    if payment.status in ("success", "refunded", "reversed"):
        return Noted(payment, "repeated")
    # Only an answer counts as asked: a provider that could not be reached has said nothing.
    answered = report.outcome is not Outcome.UNKNOWN or bool(report.code)
    payment = desk.touch(
        payment,
        checks=payment.checks + 1,
        asked_at=desk.now if answered else payment.asked_at,
        next_check_at=_next_check(desk, payment, report, hinted=command.hint is not None),
    )
    # A poll is what asks "once more" at the end; a callback that could not be confirmed yet is not.
    is_poll = command.cause != "callback"
    if is_poll and payment.is_open and desk.now >= payment.expires_at:
        if _may_expire(desk, payment):
            return Noted(expire(desk, payment, cause="timer", detail=report.code), "expired")
        _tell_staff(desk, payment)
    if payment.is_open and payment.pushed_at and not payment.guided_at:
        payment = _guide(desk, payment, payment.pushed_at)
    return Noted(payment, "unconfirmed")


def _may_expire(desk: Desk, payment: Payment) -> bool:
    """A timer never reopens a debt whose push is unknown on a rail that cannot be asked (contract, Time)."""
    return desk.rules.traits(payment).has_query or payment.push_state == "none"


def _guide(desk: Desk, payment: Payment, pushed_at: datetime) -> Payment:
    too_early = desk.now < pushed_at + timedelta(seconds=desk.rules.guide_after_s)
    if too_early or not desk.rules.asks_handset(payment):  # whoever was sent a link has its time in the SMS
        return payment
    guided = desk.touch(payment, guided_at=desk.now)
    desk.events.append(TakesLong(guided))
    return guided


def _next_check(desk: Desk, payment: Payment, report: Report, *, hinted: bool) -> datetime | None:
    wait_s = desk.rules.poll_after_s * _WAITS[min(payment.checks, len(_WAITS) - 1)]
    if hinted:
        wait_s = min(wait_s, _AFTER_A_HINT_S)
    at = desk.later(max(wait_s, report.retry_after_s or 0))
    if hinted and payment.next_check_at:
        at = min(at, payment.next_check_at)  # strangers' callbacks never put our own asking off
    # One whose push was never answered is the timer's at its expiry, however late a word on it comes.
    if payment.status == "initiated" or (payment.is_open and desk.now < payment.expires_at):
        return min(at, payment.expires_at)
    # A day from the end of what the payer was given, where that is long itself.
    longer_s = desk.rules.expiry_of(payment) - desk.rules.expiry_s
    last = payment.created_at + timedelta(seconds=desk.rules.ask_for_s + max(0.0, longer_s))
    if desk.now < last:
        return min(at, last)  # however long the rail wants us to wait, it is asked at the end of the day
    return _hand_over(desk, payment) if payment.is_open else None


def _hand_over(desk: Desk, payment: Payment) -> datetime:
    """A day without an end: only a person can find it. Its claims stay, and it is asked about once a day."""
    _tell_staff(desk, payment)
    return desk.later(desk.rules.ask_for_s)


def _tell_staff(desk: Desk, payment: Payment) -> None:
    desk.keep(
        f"unresolved:{payment.payment_id}",
        "unresolved",
        account_id=payment.account_id,
        currency=payment.currency,
        detail="nobody knows whether this was paid, and the rail cannot be asked",
        payment_id=payment.payment_id,
    )
