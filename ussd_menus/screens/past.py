"""What was: balance, last payment, receipts."""

from core import say
from core.gsm import fold
from core.i18n import Text
from core.money import display
from ussd_menus.facts import Balances, LastPayments, MoneyKept, PaymentLine
from ussd_menus.outcome import CheckAgain
from ussd_menus.screens.home import PAY_ARCS, pay_way
from ussd_menus.view import Go, Name, Option, Shown, Spec, Taken, View

_RECEIPTS = Option("receipts", Text("option.receipts"))
_SETTLED = ("success", "refunded", "reversed")
_OPEN = ("initiated", "pending")


def _balance(view: View) -> Shown:
    balances = view.fact(Balances(view.session.msisdn))
    lines = tuple(
        Text("balance.line", {"tap": b.tap_id, "amount": display(b.due_minor, b.currency)}) for b in balances
    )
    kept = view.fact(MoneyKept(view.session.msisdn))
    amounts = ", ".join(str(money) for money in kept)
    head = (Text("balance.kept", {"amount": amounts}),) if kept else ()
    return Shown((*head, Text("balance")), (Option("pay", Text("option.pay")),), lines)


def _pay(view: View, _event: str, _argument: str) -> Taken:
    return pay_way(view)


def _last(view: View) -> Shown:
    payments = view.fact(LastPayments(view.session.msisdn))
    if not payments:
        return Shown((Text("last.none"),), keeps_head=False)
    last = payments[0]
    options = (_RECEIPTS,) if last.status in _SETTLED else (_RECEIPTS, Option("check", Text("option.check")))
    keep = {"payment_id": last.payment_id}
    return Shown((_status(view, last),), options, name=f"last.{last.status}", keep=keep)


def _status(view: View, last: PaymentLine) -> Text:
    words: dict[str, object] = {
        "amount": display(last.amount_minor, last.currency),
        "tap": last.tap_id,
        "provider": Name(last.provider_name),
        "when": say.stamp(last.at),
        "since": say.time(last.at),
        "again": say.time(last.look_again_at or last.at),
        "code": view.settings.service_code,
        "support": view.settings.support_phone,
        "receipt": fold(last.receipt or ""),
    }
    if last.status in _OPEN:
        return Text("wait.last", words)
    if last.status == "success" and not last.receipt:
        return Text("last.success_bare", words)
    return Text(f"last.{last.status}", words)


def _check(view: View, event: str, _argument: str) -> Taken:
    payment_id = view.session.payment_id
    return Go(event, effects=(CheckAgain(payment_id),) if event == "check" and payment_id else ())


def _receipts(view: View) -> Shown:
    payments = view.fact(LastPayments(view.session.msisdn))
    lines = tuple(_receipt(payment) for payment in payments if payment.status == "success")
    if not lines:
        return Shown((Text("receipts.none"),), keeps_head=False)
    return Shown((Text("receipts"),), lines=lines)


def _receipt(payment: PaymentLine) -> Text:
    amount = display(payment.amount_minor, payment.currency)
    words = {"amount": amount, "tap": payment.tap_id, "date": say.date(payment.at)}
    if not payment.receipt:
        return Text("receipts.bare", words)
    return Text("receipts.line", words | {"receipt": fold(payment.receipt)})


SCREENS = (
    Spec("balance", _balance, {**PAY_ARCS, "back": "main"}, _pay),
    Spec("last", _last, {"receipts": "receipts", "check": "last", "back": "main"}, _check),
    Spec("receipts", _receipts, {"back": "last"}),
)
