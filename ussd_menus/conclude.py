"""What a person is told when the Yes has been carried out, or could not be."""

from datetime import UTC, datetime

from msgspec.structs import replace

from core import say
from core.i18n import Text
from core.money import display
from core.msisdn import local_form
from ussd_menus import outcome as o
from ussd_menus.arrive import end, follow, put
from ussd_menus.concluding import cash, change, problem
from ussd_menus.machine import fire
from ussd_menus.screens.confirming import ANOTHER_WAY, over_limit, whole_only
from ussd_menus.screens.start import waiting_words
from ussd_menus.view import Go, Name, Option, Shown, View

_NO_CLOCK = datetime.min.replace(tzinfo=UTC)  # no screen that follows a Yes looks at the clock


def conclude(intent: o.Intent, result: o.Result, settings: o.MenuSettings) -> o.Outcome:
    """Return the screen after an act, with the effects that the intent carried."""
    view = View(intent.session, {}, _NO_CLOCK, settings)
    return replace(_concluded(view, intent.act, result), effects=intent.effects)


def _concluded(view: View, act: o.Act, result: o.Result) -> o.Outcome:
    match act:
        case o.Confirmed():
            return _told(view, act, result)
        case o.Report():
            return problem.told(view, act, result)
        case o.Change():
            return change.told(view, act, result)
        case o.RecordCash():
            return cash.told(view, act, result)


def _told(view: View, pay: o.Confirmed, result: o.Result) -> o.Outcome:  # noqa: PLR0911 - one line a result
    code, support = view.settings.service_code, view.settings.support_phone
    match result:
        case o.Accepted():
            return end(view, "accepted", _prompt(pay, result, code))
        case o.PaidFromKept(amount_minor, currency):
            words = {"amount": display(amount_minor, currency), "tap": pay.tap_id}
            return end(view, "accepted", Text("kept.paid", words))
        case o.PaymentUnderWay(under_way):
            key = "wait.mine" if under_way.by_me else "wait.other"
            return _notice(view, Text(key, waiting_words(under_way)))
        case o.NothingOwed():
            return _notice(view, Text("paid.already", {"tap": pay.tap_id}))
        case o.ProviderDown(wallet):
            words = {"provider": Name(wallet), "amount": display(pay.amount_minor, pay.currency)}
            return _notice(view, Text("down", words | {"tap": pay.tap_id}), ANOTHER_WAY)
        case o.OverLimit(wallet, limit_minor, currency):
            return follow(view, Go("unfit", error=over_limit(wallet, limit_minor, currency)))
        case o.NotExpressible(wallet, unit_minor, currency):
            return follow(view, Go("unfit", error=whole_only(wallet, unit_minor, currency)))
        case o.Refused():
            return end(view, "refused", Text("refused", {"support": support}))
        case _:
            return end(view, "refused", Text("busy", {"code": code}))


def _prompt(pay: o.Confirmed, accepted: o.Accepted, code: str) -> Text:
    words = {
        "provider": Name(accepted.wallet),
        "wallet": local_form(pay.payer_msisdn),
        "amount": display(accepted.amount_minor, accepted.currency),
        "tap": pay.tap_id,
        "payee": Name(accepted.payee),
        "again": say.time(accepted.look_again_at),
        "code": code,
    }
    if accepted.waits_until:
        return Text("pin.later", words | {"until": say.time(accepted.waits_until)})
    if accepted.is_behind_another:
        return Text("pin.queue", words)
    return Text("pin.next" if pay.payer_msisdn == pay.msisdn else "pin.other", words)


def _notice(view: View, text: Text, *options: Option) -> o.Outcome:
    session = replace(view.session, state=fire(view.session.state, "told"))
    shown = Shown((text,), options, name=text.key)
    return put(replace(view, session=session), shown)
