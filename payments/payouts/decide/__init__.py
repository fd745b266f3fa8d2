"""One command, one decision, on the desk. No I/O here."""

from typing import Any

from payments.payouts.commands import (
    Approve,
    Command,
    PayoutAnswered,
    PayoutReported,
    RefundPayment,
    RefundSuspense,
    RefundWallet,
    Reject,
    Resolve,
    StartPayout,
)
from payments.payouts.decide.approve import approve, reject
from payments.payouts.decide.ask import refund_payment, refund_suspense, refund_wallet
from payments.payouts.decide.report import reported, resolve
from payments.payouts.decide.send import answered, start
from payments.payouts.desk import PayoutDesk


def decide(desk: PayoutDesk, command: Command) -> Any:  # noqa: PLR0911 - a table
    """Return the answer to a command; a refusal is raised before anything changes."""
    match command:
        case RefundPayment():
            return refund_payment(desk, command)
        case RefundWallet():
            return refund_wallet(desk, command)
        case RefundSuspense():
            return refund_suspense(desk, command)
        case Approve():
            return approve(desk, command)
        case Reject():
            return reject(desk, command)
        case Resolve():
            return resolve(desk, command)
        case StartPayout():
            return start(desk, command)
        case PayoutAnswered():
            return answered(desk, command)
        case PayoutReported():
            return reported(desk, command)


__all__ = ["decide"]
