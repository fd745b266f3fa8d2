"""What an agent is told by SMS of cash that was to be recorded: pure."""

from core.i18n import Text
from core.money import plain
from gateway.facts import look_again_at
from gateway.sms_acts import Cash
from payments import results as r
from payments.views import LastPaid
from sms.inbound import Command, Word, canonical, texts
from sms.inbound.texts import Owed
from sms.inbound.writing import EXAMPLE_PHONE
from sms.templates import Printed


def answer(
    result: r.CashResult, act: Cash, printed: Printed, *, country: str, before: LastPaid | None
) -> Text:
    """Say what was recorded, or why nothing was; `before` is what was paid last, where nothing is owed."""
    command = act.command
    match result:
        case r.Recorded(payment=payment, receipt=receipt):
            owed = Owed(payment.tap_id, payment.amount_minor, payment.currency)
            number, payer = payment.receipt or "", receipt.payer_msisdn
            return texts.cash_to_agent(owed, printed, at=receipt.at, receipt=number, payer_msisdn=payer)
        case r.UnderWay(payment=payment):
            owed = Owed(payment.tap_id, payment.amount_minor, payment.currency)
            return texts.under_way(owed, since=payment.created_at, until=look_again_at(payment))
        case r.NothingOwed():
            paid = (before.amount_minor, before.at) if before else None
            return texts.nothing_owed(command.tap_id, paid, act.currency)
        case r.MoreThanOwed(open_minor=open_minor):
            left = Owed(command.tap_id, open_minor, act.currency)
            line = _line(act, open_minor, command.payer_msisdn, country)
            return texts.more_than_owed(left, command.amount_minor or 0, line)
        case r.SeveralOwe():
            line = _line(act, command.amount_minor or 0, EXAMPLE_PHONE, country)
            return texts.whose_cash(command.tap_id, line)
        case _:
            return texts.cash_refused(command.tap_id, printed)


def _line(act: Cash, amount_minor: int, msisdn: str | None, country: str) -> str:
    amount = plain(amount_minor, act.currency)
    return canonical(Command(Word.CASH, act.command.tap_id, msisdn, amount), country)
