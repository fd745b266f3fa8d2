"""Whether money may be given back, how much of it, and whether one person is enough."""

from core import outbox
from core.errors import BadAmount, BadInput, NotFound, Refused
from core.money import display
from payments.payouts import people
from payments.payouts.commands import RefundPayment, RefundSuspense, RefundWallet
from payments.payouts.decide import sources, way
from payments.payouts.decide.end import complete
from payments.payouts.desk import OWN, PayoutDesk
from payments.payouts.records import MARK, Payout
from payments.providers.accounts import safe_token
from payments.providers.base import Outcome, Report
from payments.records import Payment
from payments.wallet import accounts as wallets

_NOT_PAID = {
    "initiated": ("not_paid_yet", "it is still under way: wait for its end"),
    "pending": ("not_paid_yet", "it is still under way: wait for its end"),
    "failed": ("never_paid", "it has failed: nothing came in"),
    "expired": ("never_paid", "it has expired: nothing came in, as far as we know"),
    "refunded": ("given_back", "all of it was given back already"),
    "reversed": ("given_back", "all of it was given back already"),
}
_KEY_LENGTH = 22  # of the column of keys
SENT_AT_ONCE = "at once"


def refund_payment(desk: PayoutDesk, command: RefundPayment) -> Payout:
    """Give a payment back, or a part of it; never more than came less what went or goes back."""
    by = people.asker(desk.people, command.by)
    payment = desk.books.payments.get(command.payment_id)
    if payment is None:
        raise NotFound("there is no such payment", code="no_such_payment")
    if payment.status in _NOT_PAID:
        code, why = _NOT_PAID[payment.status]
        raise Refused(f"this payment cannot be given back: {why}", code=code)
    credit = desk.credits[payment.payment_id]
    most_minor = left_minor(desk, payment)
    amount_minor = _amount(command.amount_minor, most_minor, credit.currency)
    chosen = way.back(desk, payment, credit, amount_minor, msisdn=command.msisdn, wanted=command.way)
    payout = _payout(
        desk,
        chosen,
        reason="payment",
        payment=payment,
        msisdn=command.msisdn or payment.msisdn,
        amount_minor=amount_minor,
        currency=credit.currency,
        by=by,
        note=command.note,
    )
    return _begin(desk, payout, by)


def refund_wallet(desk: PayoutDesk, command: RefundWallet) -> Payout:
    """Give back what a person has in their wallet here."""
    by = people.asker(desk.people, command.by)
    currency = _currency(desk, command)
    there_minor = sources.total_minor(sources.of_wallet(desk, command.msisdn, currency))
    asked = [p for p in desk.payouts.values() if _waits_for_wallet(p, command.msisdn, currency)]
    most_minor = there_minor - sum(p.amount_minor for p in asked)
    amount_minor = _amount(command.amount_minor, most_minor, currency)
    chosen = way.out(desk, None, command.msisdn, amount_minor, currency)
    payout = _payout(
        desk,
        chosen,
        reason="wallet",
        msisdn=command.msisdn,
        amount_minor=amount_minor,
        currency=currency,
        by=by,
        note=command.note,
    )
    return _begin(desk, payout, by)


def refund_suspense(desk: PayoutDesk, command: RefundSuspense) -> Payout:
    """Give back all that is held for an item."""
    by = people.asker(desk.people, command.by)
    item = desk.items.get(command.item_id)
    if item is None:
        raise NotFound("there is no such item in suspense", code="no_such_item")
    there_minor = sources.total_minor(sources.of_item(desk, item.item_id))
    if not there_minor or any(p.item_id == item.item_id and p.is_alive for p in desk.payouts.values()):
        raise Refused("nothing is held for it, or it is on its way back already", code="nothing_left")
    payment = desk.books.payments.get(item.payment_id or "")
    if payment and there_minor > left_minor(desk, payment):
        raise Refused("what this payment brought is on its way back already", code="nothing_left")
    msisdn = command.msisdn or _payer(desk, command.item_id, payment)
    if payment and not command.msisdn:
        chosen = way.back(desk, payment, desk.credits[payment.payment_id], there_minor)
    else:
        chosen = way.out(desk, item.account_id, msisdn, there_minor, item.currency)
    payout = _payout(
        desk,
        chosen,
        reason="suspense",
        payment=payment,
        item_id=item.item_id,
        msisdn=msisdn,
        amount_minor=there_minor,
        currency=item.currency,
        by=by,
        note=command.note,
    )
    return _begin(desk, payout, by)


def left_minor(desk: PayoutDesk, payment: Payment) -> int:
    """Return what of a payment may still be given back: what came, less what went, goes or was asked for.

    No more than can be found of it either: what its payer has used of their wallet since has paid a debt.
    """
    mine = [p for p in desk.of_payment(payment.payment_id) if p.is_alive]
    came_minor = desk.credits[payment.payment_id].amount_minor
    not_asked_minor = came_minor - sum(p.amount_minor for p in mine)
    asked_minor = sum(p.amount_minor for p in mine if p.status == "requested")
    there_minor = sources.total_minor(sources.of_payment(desk, payment))
    return max(0, min(not_asked_minor, there_minor - asked_minor))


def _amount(asked_minor: int | None, most_minor: int, currency: str) -> int:
    if most_minor <= 0:
        raise Refused("nothing is left to give back", code="nothing_left")
    if asked_minor is None:
        return most_minor
    if asked_minor <= 0:
        raise BadAmount("the amount is not above zero")
    if asked_minor > most_minor:
        raise Refused(f"at most {display(most_minor, currency)} can be given back", code="more_than_left")
    return asked_minor


def _waits_for_wallet(payout: Payout, msisdn: str, currency: str) -> bool:
    asked = (payout.reason, payout.status, payout.msisdn, payout.currency)
    return asked == ("wallet", "requested", msisdn, currency)


def _currency(desk: PayoutDesk, command: RefundWallet) -> str:
    if command.currency:
        return command.currency
    account = wallets.held_for(command.msisdn)
    names = {name for of, name in (*desk.balances, *desk.books.balances) if of == account}
    held = sorted(name for name in names if desk.balance(account, name) < 0)
    if len(held) > 1:
        raise BadInput(f"this wallet has {' and '.join(held)}: name one", code="which_currency")
    if not held:
        raise Refused("nothing is in this wallet", code="nothing_left")
    return held[0]


def _payer(desk: PayoutDesk, item_id: str, payment: Payment | None) -> str:
    credit = desk.arrivals.get(desk.items[item_id].credit_id or "")
    msisdn = (payment.msisdn if payment else None) or (credit.msisdn if credit else None)
    if msisdn is None:
        raise BadInput("nobody knows who paid this: name the number with --msisdn", code="msisdn_needed")
    return msisdn


def _payout(  # noqa: PLR0913 - a row of many columns
    desk: PayoutDesk,
    chosen: way.Way,
    *,
    reason: str,
    msisdn: str,
    amount_minor: int,
    currency: str,
    by: str,
    note: str,
    payment: Payment | None = None,
    item_id: str | None = None,
) -> Payout:
    ids, payout_id = desk.books.ids, desk.books.ids.new()
    payment_id = payment.payment_id if payment else None
    return Payout(
        payout_id=payout_id,
        kind=chosen.kind,
        reason=reason,
        payment_id=payment_id,
        item_id=item_id,
        msisdn=msisdn,
        amount_minor=amount_minor,
        currency=currency,
        provider=chosen.rail.provider,
        account_id=chosen.rail.account_id,
        agent=desk.agents.get(payment_id or "") if chosen.rail.provider == "cash" else None,
        reference=ids.new_v4(),
        callback_key=(MARK + safe_token(ids))[:_KEY_LENGTH],
        status="requested",
        requested_by=by[:60],
        note=note[:160],
        correlation_id=payment.correlation_id if payment else payout_id,
        created_at=desk.now,
        updated_at=desk.now,
    )


def _begin(desk: PayoutDesk, payout: Payout, by: str) -> Payout:
    needs_second = desk.rules.needs_second(payout.amount_minor, payout.currency)
    taken = None if needs_second else sources.take(desk, payout)
    check_cash(desk, payout)
    payout = desk.create(payout, cause="refund", actor=by)
    return payout if taken is None else initiate(desk, payout, taken, by)


def check_cash(desk: PayoutDesk, payout: Payout) -> None:
    """Raise Refused where the agent does not hold so much cash any more."""
    if payout.agent is None:
        return
    has_minor = desk.balance(f"cash:{payout.agent}", payout.currency)
    if has_minor < payout.amount_minor:
        raise Refused(
            f"agent {payout.agent} has handed the cash in: send it to the payer's wallet with --msisdn",
            code="cash_handed_in",
        )


def initiate(desk: PayoutDesk, payout: Payout, taken: sources.Pieces, by: str) -> Payout:
    """Hold the money and send it on its way; what no provider is asked for is given at once."""
    taken = _split(desk, payout, taken)
    desk.take(payout, taken)
    payout = desk.move(payout, "initiate", cause="refund", actor=by)
    if payout.account_id in OWN:
        return complete(desk, payout, Report(Outcome.PAID), cause="refund", actor=by, detail=SENT_AT_ONCE)
    desk.books.rows["outbox"].append(
        outbox.row(
            desk.books.ids.new(),
            "payout",
            payout.payout_id,
            now=desk.now,
            correlation_id=payout.correlation_id,
            body={"payout_id": payout.payout_id},
        )
    )
    return payout


def _split(desk: PayoutDesk, payout: Payout, taken: sources.Pieces) -> sources.Pieces:
    """Where only a part of an item goes, the rest of it becomes an item of its own."""
    for source in taken:
        item = desk.items.get(source.item_id or "")
        if item and source.amount_minor < item.held_minor:
            desk.split(item, source.amount_minor, payout)
    return taken
