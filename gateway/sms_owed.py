"""What people owe and have paid, from the facts that screens use too, as answers to their SMS."""

from collections.abc import Sequence
from typing import Any

from core.i18n import Text
from core.money import Money, exponent
from gateway.facts import look_again_at
from payments import results as r
from payments import routing
from payments.commands import Pay
from payments.wallet import accounts as wallets
from sms.inbound import Command, Word, canonical, texts
from sms.inbound.texts import Owed
from sms.templates import Printed
from ussd_menus import facts as f


def said(tap_id: str, owed: f.Owed, currency: str) -> Owed:
    """Return what is open as texts take it."""
    return Owed(tap_id, owed.due_minor, currency, tuple(part.period for part in owed.parts))


def balance(view: f.Tap, printed: Printed, kept: Sequence[Money] = ()) -> Text:
    """Say what is open on a tap, the asker's own part where they have one, and what we keep for them."""
    owed = view.mine or view.whole
    if owed.under_way:
        return _waiting(owed.under_way)
    if not owed.due_minor:
        last = owed.last_paid
        paid = (last.amount_minor, last.at) if last else None
        return texts.nothing_owed(view.tap_id, paid, view.currency, _amounts(kept))
    open_ = said(view.tap_id, owed, view.currency)
    return texts.balance(open_, printed, is_part=view.mine is not None, kept=_amounts(kept))


def _amounts(kept: Sequence[Money]) -> list[str]:
    return [str(money) for money in kept]


def balances(views: Sequence[f.Tap], printed: Printed, kept: Sequence[Money] = ()) -> Text:
    """Say what is open on a person's taps."""
    if len(views) == 1:
        return balance(views[0], printed, kept)
    seen = [said(view.tap_id, view.mine or view.whole, view.currency) for view in views]
    owed = [one for one in seen if one.amount_minor]
    if not owed:
        return texts.nothing_owed_anywhere(len(views), _amounts(kept))
    return texts.balances(owed, printed, _amounts(kept))


def last(payment: f.PaymentLine, printed: Printed) -> Text:
    """Say what became of a person's last payment."""
    owed = Owed(payment.tap_id, payment.amount_minor, payment.currency)
    if payment.look_again_at:
        return texts.under_way(owed, since=payment.at, until=payment.look_again_at)
    if payment.status == "success":
        return texts.last_paid(owed, payment.provider_name, payment.at)
    return texts.last_not_paid(owed, payment.provider_name, payment.at, printed)


def _waiting(payment: f.UnderWay) -> Text:
    owed = Owed(payment.tap_id, payment.amount_minor, payment.currency)
    return texts.under_way(owed, since=payment.since, until=payment.look_again_at)


def payment_answer(  # noqa: PLR0911 - a table of answers
    result: Any, pay: Pay, owed: Owed, printed: Printed
) -> Text:
    """Say what follows from a request to pay; `owed` is what was open."""
    wallet = routing.NAMES[pay.provider]
    pay_all = canonical(Command(Word.PAY, pay.tap_id))
    asked = Owed(pay.tap_id, pay.amount_minor or owed.amount_minor, owed.currency)
    match result:
        case r.Accepted(payment=payment) if payment.status == "failed":
            return texts.over_limit(asked, printed)
        case r.Accepted():
            return _accepted(result, wallet, printed)
        case r.UnderWay(payment=payment):
            other = Owed(payment.tap_id, payment.amount_minor, payment.currency)
            return texts.under_way(other, since=payment.created_at, until=look_again_at(payment))
        case r.NothingOwed():
            return texts.nothing_owed(pay.tap_id, None, owed.currency)
        case r.MoreThanOwed(open_minor=open_minor):
            left = Owed(pay.tap_id, open_minor, owed.currency)
            return texts.more_than_owed(left, asked.amount_minor, pay_all)
        case r.NotExpressible(unit_minor=unit_minor, most_minor=most_minor):
            return texts.cannot_be_moved(asked, wallet, _whole(asked, unit_minor, most_minor))
        case _:
            return texts.no_wallet(pay.tap_id, printed)


def _accepted(accepted: r.Accepted, wallet: str, printed: Printed) -> Text:
    payment = accepted.payment
    owed = Owed(payment.tap_id, payment.amount_minor, payment.currency)
    if payment.provider == wallets.PROVIDER:
        return texts.paid_from_kept(owed)
    until = look_again_at(payment)
    if accepted.is_queued:
        return texts.pin_queued(owed, printed, until=until)
    payee = accepted.orders[0].seller if accepted.orders else ""
    return texts.pin_next(owed, printed, wallet=wallet, payee=payee, until=until)


def _whole(asked: Owed, unit_minor: int, most_minor: int) -> str:
    """Return the line that pays the most whole units of what was asked, as far as each seller's are whole."""
    units = max(1, min(asked.amount_minor, most_minor) // unit_minor) * unit_minor
    return canonical(
        Command(Word.PAY, asked.tap_id, amount=str(max(1, units // 10 ** exponent(asked.currency))))
    )
