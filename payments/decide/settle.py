"""Money has arrived: count it towards what was claimed, post it, keep what does not fit."""

from msgspec.structs import replace

from payments import cash
from payments.commands import Reported
from payments.desk import Desk
from payments.events import Succeeded
from payments.lifecycles import ORDER
from payments.providers.base import Report
from payments.records import Agent, Payment
from taps.debts import allocate


def settle(
    desk: Desk, payment: Payment, report: Report, command: Reported, agent: Agent | None = None
) -> Payment:
    """Credit a proven payment once: debts first, the rest to suspense (rules 4 to 8 of design §4).

    `agent` is who has taken it, where it is cash; nobody else was asked about that.
    """
    paid_minor = payment.amount_minor if report.amount_minor is None else report.amount_minor
    currency = report.currency or payment.currency
    misfit = _misfit(payment, report) or _spent(desk, payment, command.report)
    credited = {} if misfit else _credit(desk, payment, paid_minor)
    credited_minor = sum(credited.values())
    kept_minor = paid_minor - credited_minor
    receipt = _receipt(desk, payment, report)
    was_late = not payment.is_open
    _close_orders(desk, payment, credited, misfit)
    desk.release(payment)
    payment = desk.move(
        payment,
        "succeed",
        cause=command.cause,
        actor=agent.name if agent else "madzi",
        raw_id=command.raw_id,
        detail=misfit or ("late" if was_late else None),
        reason=misfit,
        is_final=True,
        receipt=receipt,
        checks=payment.checks + (agent is None),
        asked_at=desk.now if agent is None else None,
        next_check_at=None,
    )
    came_to = cash.held_by(agent.name) if agent else f"rail:{payment.account_id}"
    _post(desk, payment, credited, (came_to, currency, paid_minor), kept_minor)
    desk.rows["credits"].append(
        {
            "payment_id": payment.payment_id,
            "account_id": payment.account_id,
            "receipt": receipt,
            "amount_minor": paid_minor,
            "currency": currency,
            "proof": command.cause,
            "at": desk.now,
        }
    )
    if kept_minor:
        kind = misfit or ("second_success" if not credited_minor else "over_payment")
        _keep(desk, payment, kind, kept_minor, currency, command.raw_id)
    desk.events.append(_event(desk, payment, credited_minor, kept_minor, agent, was_late=was_late))
    return payment


def _misfit(payment: Payment, report: Report) -> str | None:
    """Compare what came with what was asked (P3); None where it fits."""
    if report.currency is not None and report.currency != payment.currency:
        return "other_currency"
    if report.msisdn is not None and report.msisdn != payment.msisdn:
        return "other_payer"
    if report.external_id is not None and report.external_id != payment.payment_id:
        return "other_request"
    return None


def _spent(desk: Desk, payment: Payment, word: Report) -> str | None:
    """Rule 5: a receipt that the provider itself gave for another payment pays no second debt.

    One that only a callback claims decides nothing (see `_receipt`).
    """
    owner = desk.receipts.get((payment.account_id, word.receipt)) if word.receipt else None
    return "repeated_receipt" if owner not in (None, payment.payment_id) else None


def _credit(desk: Desk, payment: Payment, paid_minor: int) -> dict[str, int]:
    """Count money towards the claimed parts that are still open; return what each order got."""
    by_order: dict[str, int] = {}
    parts = desk.parts.get(payment.tap_id, {})
    claims = desk.claims.get(payment.payment_id, {})
    if paid_minor < payment.amount_minor:
        claimed = [
            replace(parts[c.part_id], amount_minor=c.amount_minor, paid_minor=0) for c in claims.values()
        ]
        due = {part.part_id: share for part, share in allocate(claimed, paid_minor, 1)}
    else:
        due = {claim.part_id: claim.amount_minor for claim in claims.values()}
    for claim in list(claims.values()):
        part = parts[claim.part_id]
        amount_minor = min(due.get(claim.part_id, 0), part.open_minor)
        if amount_minor:
            desk.pay_part(payment.tap_id, part, amount_minor)
            desk.claim(replace(claim, credited_minor=amount_minor))
            by_order[claim.order_id] = by_order.get(claim.order_id, 0) + amount_minor
    return by_order


def _close_orders(desk: Desk, payment: Payment, credited: dict[str, int], misfit: str | None) -> None:
    orders = desk.orders.get(payment.payment_id, [])
    for i, order in enumerate(orders):
        amount_minor = credited.get(order.order_id, 0)
        event, reason = ("succeed", None) if amount_minor else ("fail", misfit or "paid_already")
        status = ORDER.after(event, order.status) if ORDER.allows(event, order.status) else order.status
        desk.set_order(orders, i, replace(order, status=status, credited_minor=amount_minor, reason=reason))


def _receipt(desk: Desk, payment: Payment, report: Report) -> str | None:
    """One credit for one receipt: a receipt that another payment has is not ours to show."""
    if not report.receipt:
        return None
    key = (payment.account_id, report.receipt)
    if desk.receipts.setdefault(key, payment.payment_id) == payment.payment_id:
        return report.receipt
    desk.keep(
        f"receipt:{payment.payment_id}",
        "repeated_receipt",
        account_id=payment.account_id,
        currency=payment.currency,
        detail=f"receipt {report.receipt} belongs to payment {desk.receipts[key]}",
        payment_id=payment.payment_id,
    )
    return None


def _post(
    desk: Desk, payment: Payment, credited: dict[str, int], came: tuple[str, str, int], kept_minor: int
) -> None:
    """Post what came, as the entry of where it lies now, against what it paid."""
    entries, currency = [came], came[1]
    for order in desk.orders.get(payment.payment_id, []):
        amount_minor = credited.get(order.order_id, 0)
        if amount_minor:
            entries.append((f"seller:{payment.zone}:{order.seller}", currency, -amount_minor))
    if kept_minor:
        entries.append((f"suspense:{payment.account_id}", currency, -kept_minor))
    desk.post("payment", f"payment:{payment.payment_id}", payment.payment_id, entries)


def _keep(
    desk: Desk, payment: Payment, kind: str, kept_minor: int, currency: str, raw_id: str | None
) -> None:
    desk.keep(
        f"kept:{payment.payment_id}",
        kind,
        account_id=payment.account_id,
        currency=currency,
        held_minor=kept_minor,
        detail=f"{kept_minor} minor units of payment {payment.payment_id} fit no open debt",
        payment_id=payment.payment_id,
        raw_id=raw_id,
    )


def _event(
    desk: Desk, payment: Payment, credited_minor: int, kept_minor: int, agent: Agent | None, *, was_late: bool
) -> Succeeded:
    parts = desk.parts.get(payment.tap_id, {})
    claims = desk.claims.get(payment.payment_id, {}).values()
    periods = {parts[claim.part_id].period for claim in claims if claim.credited_minor}
    left_minor = sum(part.open_minor for part in desk.open_parts(payment.tap_id, payment.tenant_id))
    return Succeeded(
        payment,
        credited_minor,
        kept_minor,
        left_minor,
        tuple(sorted(periods)),
        was_late=was_late,
        agent=agent,
    )
