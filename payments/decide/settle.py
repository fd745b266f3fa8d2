"""Money has arrived: count it towards what was claimed, post it, keep what does not fit."""

from msgspec.structs import replace

from core.money import display
from payments import cash
from payments.commands import Reported
from payments.desk import Desk
from payments.events import Succeeded
from payments.lifecycles import ORDER
from payments.providers.base import Report
from payments.records import Agent, Credit, HeldItem, Payment
from payments.wallet import accounts as wallets
from taps.debts import allocate


def settle(
    desk: Desk,
    payment: Payment,
    report: Report,
    command: Reported,
    agent: Agent | None = None,
    held: HeldItem | None = None,
    *,
    rest_minor: int = 0,
) -> Payment:
    """Credit a proven payment once: debts first, the rest to the payer's wallet (rules 4 to 8 of design §4).

    What does not fit the request goes to suspense. `agent` is who has taken it, where it is cash; nobody else
    was asked about that. `held` is what the suspense account holds of it already, where its money came before
    anybody knew what it is for. `rest_minor` is what a prompt collects besides, where this is from a wallet.
    """
    paid_minor = payment.amount_minor if report.amount_minor is None else report.amount_minor
    currency = report.currency or payment.currency
    held = held or _held(desk, payment, report, paid_minor, currency)
    misfit = _misfit(payment, report) or _spent(desk, payment, command.report)
    credited = {} if misfit else _credit(desk, payment, paid_minor)
    credited_minor = sum(credited.values())
    kept_minor = paid_minor - credited_minor
    receipt = _receipt(desk, payment, report)
    was_late = not payment.is_open
    was_asked = agent is None and payment.provider != wallets.PROVIDER
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
        checks=payment.checks + was_asked,
        asked_at=desk.now if was_asked else None,
        next_check_at=None,
    )
    entries = [(_came_to(payment, agent, held), currency, paid_minor)]
    entries += _sellers(desk, payment, credited, currency)
    if kept_minor:
        entries.append(_kept_in(desk, payment, misfit, currency, kept_minor))
    desk.post("payment", f"payment:{payment.payment_id}", payment.payment_id, entries)
    if held:
        desk.take_held(held, payment.payment_id, by=command.cause)
    if held is None or held.credit_id is None:
        desk.credit(_credited(desk, payment, receipt, paid_minor, currency, command))
    if kept_minor:
        kind = misfit or ("second_success" if not credited_minor else "over_payment")
        held_minor = 0 if payment.msisdn and misfit is None else kept_minor
        _keep(desk, payment, kind, (kept_minor, currency), held_minor, command.raw_id)
    told = _event(desk, payment, credited_minor, kept_minor, was_late=was_late)
    in_wallet = bool(kept_minor and payment.msisdn) and misfit is None
    desk.events.append(replace(told, agent=agent, is_in_wallet=in_wallet, rest_minor=rest_minor))
    return payment


def _held(desk: Desk, payment: Payment, report: Report, paid_minor: int, currency: str) -> HeldItem | None:
    """Return what suspense holds under this very receipt: it came before we knew whose it is."""
    key = (payment.account_id, report.receipt or "")
    held = desk.unplaced.get(desk.receipts.get(key, ""))
    if held is None or (held.held_minor, held.currency) != (paid_minor, currency):
        return None
    desk.receipts[key] = payment.payment_id
    return held


def _came_to(payment: Payment, agent: Agent | None, held: HeldItem | None) -> str:
    if held:
        return f"suspense:{held.account_id}"
    if payment.provider == wallets.PROVIDER:
        return wallets.held_for(payment.msisdn)
    return cash.held_by(agent.name) if agent else f"rail:{payment.account_id}"


def _credited(
    desk: Desk, payment: Payment, receipt: str | None, paid_minor: int, currency: str, command: Reported
) -> Credit:
    return Credit(
        credit_id=payment.payment_id,
        payment_id=payment.payment_id,
        account_id=payment.account_id,
        receipt=receipt,
        amount_minor=paid_minor,
        currency=currency,
        proof=command.cause,
        at=desk.now,
    )


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


def _sellers(
    desk: Desk, payment: Payment, credited: dict[str, int], currency: str
) -> list[tuple[str, str, int]]:
    orders = desk.orders.get(payment.payment_id, [])
    return [
        (f"seller:{payment.zone}:{order.seller}", currency, -credited[order.order_id])
        for order in orders
        if credited.get(order.order_id)
    ]


def _kept_in(
    desk: Desk, payment: Payment, misfit: str | None, currency: str, kept_minor: int
) -> tuple[str, str, int]:
    """Keep surplus for its payer; what may not be the payer's at all waits for a person to decide.

    So does what a payer left over whose number nobody has told us in full.
    """
    if misfit or not payment.msisdn:
        return f"suspense:{payment.account_id}", currency, -kept_minor
    return desk.credit_wallet(payment.msisdn, currency, kept_minor)


def _keep(
    desk: Desk, payment: Payment, kind: str, kept: tuple[int, str], held_minor: int, raw_id: str | None
) -> None:
    kept_minor, currency = kept
    where = "in suspense" if held_minor else f"in {wallets.held_for(payment.msisdn)}"
    desk.keep(
        f"kept:{payment.payment_id}",
        kind,
        account_id=payment.account_id,
        currency=currency,
        held_minor=held_minor,
        detail=f"{display(kept_minor, currency)} of payment {payment.payment_id} fit no open debt: {where}",
        payment_id=payment.payment_id,
        raw_id=raw_id,
    )


def _event(
    desk: Desk, payment: Payment, credited_minor: int, kept_minor: int, *, was_late: bool
) -> Succeeded:
    parts = desk.parts.get(payment.tap_id, {})
    claims = desk.claims.get(payment.payment_id, {}).values()
    periods = {parts[claim.part_id].period for claim in claims if claim.credited_minor}
    left_minor = sum(part.open_minor for part in desk.open_parts(payment.tap_id, payment.tenant_id))
    return Succeeded(
        payment, credited_minor, kept_minor, left_minor, tuple(sorted(periods)), was_late=was_late
    )
