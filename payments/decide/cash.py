"""Cash in an agent's hand: taken at once for what is open, or refused before anything is written.

It is final: nothing is asked of anybody, and nothing expires. What was wrong is put right by a refund.
"""

import hashlib

from core import audit
from payments import cash
from payments.commands import RecordCash, Reported
from payments.decide.accept import choose
from payments.decide.orders import Shares, checkout, order, payment_for
from payments.decide.settle import settle
from payments.desk import Desk
from payments.providers.base import Outcome, Report
from payments.records import CashReceipt, Payment
from payments.results import (
    CashResult,
    Mismatch,
    MoreThanOwed,
    NoSuch,
    NotExpressible,
    NothingOwed,
    Recorded,
    SeveralOwe,
    UnderWay,
)
from taps.debts import Part, total_open_minor

_CAUSE = "agent"


def record_cash(desk: Desk, command: RecordCash) -> CashResult:
    """Write cash down once, with a receipt; every new try is in the audit log, a refused one too.

    Cash is refused while a payment of the same debt is under way: that may be debited at any moment.
    """
    known = desk.by_request.get(command.payment_request_id)
    result = _repeat(desk, command, desk.payments[known]) if known else _taken(desk, command)
    if not (isinstance(result, Recorded) and result.is_repeat):
        _note(desk, command, result)
    return result


def _repeat(desk: Desk, command: RecordCash, payment: Payment) -> CashResult:
    found = desk.cash.get(payment.payment_id)
    if found is None or payment.request_hash != _hash(command):
        return Mismatch()
    return Recorded(payment, tuple(desk.orders[payment.payment_id]), found, is_repeat=True)


def _hash(command: RecordCash) -> str:
    asked = (
        command.agent.name,
        command.tap_id,
        command.tenant_id,
        command.amount_minor,
        command.payer_msisdn,
    )
    return hashlib.sha256(repr(asked).encode()).hexdigest()


def _taken(desk: Desk, command: RecordCash) -> CashResult:
    if command.tap_id not in desk.currencies:
        return NoSuch("tap")
    tenant_id = command.tenant_id or _tenant(desk, command)
    parts = desk.open_parts(command.tap_id, tenant_id)
    if _is_unclear(parts, command.amount_minor):
        return SeveralOwe(total_open_minor(parts), desk.currencies[command.tap_id])
    chosen = choose(desk, command, cash.RAIL, parts)
    return _record(desk, command, tenant_id, chosen) if isinstance(chosen, list) else chosen


def _tenant(desk: Desk, command: RecordCash) -> str | None:
    """Return the tenant whose phone was named, where such a one has a part of the tap's debts."""
    if not command.is_payers_part:
        return None
    tenant_id = desk.tenancies.get((command.tap_id, command.payer_msisdn or ""))
    parts = desk.parts.get(command.tap_id, {}).values()
    return tenant_id if any(part.tenant_id == tenant_id for part in parts) else None


def _is_unclear(parts: list[Part], amount_minor: int | None) -> bool:
    """Say whether nobody can tell whose debt this pays: less than all, where several owe."""
    if amount_minor is None or not 0 < amount_minor < total_open_minor(parts):
        return False
    return len({part.tenant_id for part in parts}) > 1


def _record(desk: Desk, command: RecordCash, tenant_id: str | None, shares: Shares) -> Recorded:
    agent = command.agent
    payment = _payment(desk, command, tenant_id, shares)
    payment = desk.create(payment, cause=_CAUSE, actor=agent.name)
    checkout(desk, payment)
    order(desk, payment, shares)
    desk.last_cash += 1
    word = Report(Outcome.PAID, receipt=cash.receipt(desk.last_cash))
    payment = settle(desk, payment, word, Reported(payment.payment_id, word, _CAUSE), agent)
    receipt = CashReceipt(
        number=desk.last_cash,
        payment_id=payment.payment_id,
        agent=agent.name,
        payer_msisdn=_payer(command),
        left_minor=total_open_minor(desk.open_parts(command.tap_id, tenant_id)),
        at=desk.now,
    )
    desk.cash[payment.payment_id] = receipt
    desk.rows["cash_receipts"].append(receipt.as_row())
    return Recorded(payment, tuple(desk.orders[payment.payment_id]), receipt)


def _payer(command: RecordCash) -> str | None:
    return None if command.payer_msisdn == command.agent.msisdn else command.payer_msisdn


def _payment(desk: Desk, command: RecordCash, tenant_id: str | None, shares: Shares) -> Payment:
    msisdn = command.payer_msisdn or command.agent.msisdn
    return payment_for(
        desk,
        shares,
        payment_request_id=command.payment_request_id,
        request_hash=_hash(command),
        msisdn=msisdn,
        contact_msisdn=msisdn,
        tap_id=command.tap_id,
        tenant_id=tenant_id,
        provider=cash.PROVIDER,
        account_id=cash.RAIL.account_id,
        channel=command.channel,
        correlation_id=command.correlation_id,
    )


def code(result: CashResult) -> str:  # noqa: PLR0911 - a table
    """Return what the audit log says of a try."""
    match result:
        case Recorded():
            return audit.DONE
        case Mismatch():
            return "other_request"
        case UnderWay():
            return "under_way"
        case NothingOwed():
            return "nothing_owed"
        case MoreThanOwed():
            return "more_than_owed"
        case NotExpressible():
            return "bad_amount"
        case SeveralOwe():
            return "several_owe"
        case NoSuch(what=what):
            return f"no_such_{what}"


def _note(desk: Desk, command: RecordCash, result: CashResult) -> None:
    detail = {
        "amount_minor": command.amount_minor,
        "payer_msisdn": command.payer_msisdn,
        "tenant_id": command.tenant_id,
    }
    if isinstance(result, Recorded):
        payment = result.payment
        detail |= {
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "tenant_id": payment.tenant_id,
            "payment_id": payment.payment_id,
            "receipt": payment.receipt,
        }
    desk.rows["audit_log"].append(
        audit.row(
            ids=desk.ids,
            at=desk.now,
            actor=command.agent.name,
            role=command.agent.role,
            channel=command.channel,
            source=command.source,
            action="cash.record",
            subject=command.tap_id,
            detail=detail,
            result=code(result),
        )
    )
