"""What an agent is told when cash was to be recorded."""

from msgspec.structs import replace

from core.i18n import Text
from core.money import display
from ussd_menus import outcome as o
from ussd_menus.arrive import end, put
from ussd_menus.machine import fire
from ussd_menus.screens.start import waiting_words
from ussd_menus.view import Shown, View


def told(  # noqa: PLR0911 - one line a result
    view: View, act: o.RecordCash, result: o.Result
) -> o.Outcome:
    """End with the receipt, or say why nothing was recorded and lead back to the tap."""
    support = {"support": view.settings.support_phone}
    words = {"amount": display(act.amount_minor, act.currency), "tap": act.tap_id}
    match result:
        case o.CashRecorded():
            return end(view, "done", _receipt(act, result))
        case o.PaymentUnderWay(under_way):
            return _not(view, Text("wait.cash", waiting_words(under_way)))
        case o.NothingOwed():
            return _not(view, Text("debt.none", words))
        case o.MoreThanOwed(open_minor, currency):
            return _not(view, Text("cash.more", words | {"open": display(open_minor, currency)}))
        case o.SeveralOwe():
            return _not(view, Text("cash.several", words))
        case o.NotAllowed():
            return _not(view, Text("cash.barred", words | support))
        case _:
            return end(view, "done", Text("cash.not", words | support))


def _receipt(act: o.RecordCash, done: o.CashRecorded) -> Text:
    words = {
        "amount": display(done.amount_minor, done.currency),
        "tap": act.tap_id,
        "left": display(done.left_minor, done.currency),
        "receipt": done.receipt,
    }
    return Text("cash.done_part" if done.left_minor else "cash.done", words)


def _not(view: View, text: Text) -> o.Outcome:
    session = replace(view.session, state=fire(view.session.state, "told"))
    return put(replace(view, session=session), Shown((text,), name=text.key))
