"""Tap status and taps behind, for agents and for the caretakers of a tap.

What is shown of whom is decided by the shell, at every screen anew: a tap that is not the caller's to see is
named and nothing more.
"""

from core import say
from core.errors import BadTapId
from core.i18n import Text
from core.money import display
from taps import tap_id as tap_ids
from ussd_menus.facts import Barred, Behind, Line, Settling, TapsBehind, TapStatus, TapStatusFacts
from ussd_menus.outcome import Looked
from ussd_menus.screens.paying import no_tap
from ussd_menus.view import Again, Go, Name, Option, Shown, Spec, Taken, View

_ASK = Shown((Text("tap.ask"),), keeps_head=False, is_constant=True)
_WHO = Option("who", Text("option.who"))
_CASH = Option("cash", Text("option.cash"))
_BOTH = Shown(
    (Text("both"),),
    (Option("kept", Text("option.kept")), Option("behind", Text("option.behind"))),
    is_constant=True,
)
_LONGEST_NAME = 14
_BACK = {"": "back", "behind": "back_behind", "kept": "back_kept"}


# Which tap?


def _read_tap(view: View, text: str) -> Taken:
    try:
        read = tap_ids.read(text).value
    except BadTapId:
        return Again(no_tap(text))
    found = view.fact(TapStatusFacts(read, view.session.msisdn))
    if found is None:
        return Again(no_tap(text))
    if isinstance(found, Barred):
        return Again(
            _barred(found), (_looked(found.tap_id, "other_zone" if found.is_agent else "not_yours"),)
        )
    return open_tap(found.tap_id)


def open_tap(tap_id: str, via: str = "", event: str = "tap") -> Go:
    """Go to the status of a tap; that somebody looked is noted."""
    return Go(event, {"tap_id": tap_id, "via": via}, (_looked(tap_id),))


def _looked(tap_id: str, result: str = "done") -> Looked:
    return Looked("tap.status", tap_id, result)


def _barred(barred: Barred) -> Text:
    return Text("status.zone" if barred.is_agent else "status.notyours", {"tap": barred.tap_id})


# How far is it?


def seen(view: View) -> TapStatus | None:
    """Return the tap as the caller may see it; None where that is no longer so."""
    tap_id = view.session.tap_id or ""
    request = TapStatusFacts(tap_id, view.session.msisdn)
    if request not in view.facts:
        for known in view.facts.values():
            if isinstance(known, TapStatus) and known.tap_id == tap_id:
                return known  # it was found by its number in this same step
    found = view.fact(request)
    return found if isinstance(found, TapStatus) else None


def _status(view: View) -> Shown | Go:
    tap = seen(view)
    if tap is None:
        return Go("gone", {"tap_id": None}, error=Text("status.gone"))
    keep = {"currency": tap.currency, "tenant_id": None, "person": None, "amount_minor": 0}
    if not tap.period:
        return Shown((Text("debt.none", {"tap": tap.tap_id}),), name="status.none", keep=keep)
    options = (_WHO, _CASH) if tap.may_record and tap.open_minor else (_WHO,)
    return Shown(_head(tap), options, keep=keep)


def _head(tap: TapStatus) -> tuple[Text, ...]:
    paid, billed = display(tap.paid_minor, tap.currency), display(tap.billed_minor, tap.currency)
    words = {"tap": tap.tap_id, "period": say.period(tap.period), "paid": paid, "amount": billed}
    older_minor = tap.open_minor - (tap.billed_minor - tap.paid_minor)
    older = (Text("status.older", {"amount": display(older_minor, tap.currency)}),) if older_minor > 0 else ()
    return (Text("status", words), _so_far(tap), *older)


def _so_far(tap: TapStatus) -> Text:
    if tap.is_split:
        counts = {one.value: sum(line.settling is one for line in tap.lines) for one in Settling}
        return Text("status.tenants", counts)
    if not tap.lines:
        return Text("status.nobody")
    latest = tap.lines[0]
    if latest.settling is Settling.WAITING:
        return Text("status.waiting", {"ending": latest.ending, "since": _moment(latest)})
    return Text("status.paid", {"ending": latest.ending, "when": _moment(latest)})


def _moment(line: Line) -> str:
    return say.stamp(line.at) if line.at else ""


def _leave_status(view: View, event: str, _argument: str) -> Taken:
    tap_id = view.session.tap_id or ""
    if event == "who":
        return Go(event, effects=(Looked("tap.who", tap_id),))
    tap = seen(view)
    return Go("cash_who" if tap and tap.is_split else "cash_all")


def _from_status(view: View) -> Go:
    return Go(_BACK[view.session.via])


# Who has paid?


def _who(view: View) -> Shown | Go:
    tap = seen(view)
    if tap is None:
        return Go("gone", {"tap_id": None}, error=Text("status.gone"))
    if not tap.lines:
        return Shown((Text("status.nobody"),), keeps_head=False)
    words = {"tap": tap.tap_id, "period": say.period(tap.period)}
    return Shown((Text("who", words),), lines=tuple(_line(line, tap) for line in tap.lines))


def _line(line: Line, tap: TapStatus) -> Text:
    words = {
        "who": short(line.name) if tap.is_split else "",
        "ending": line.ending,
        "amount": display(line.amount_minor, tap.currency),
        "when": say.date(line.at) if line.at else "",
        "since": say.time(line.at) if line.at else "",
    }
    if tap.is_split:
        return Text(f"who.tenant.{line.settling.value}", words)
    return Text(f"who.{line.settling.value}", words)


def short(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name as it stands in a list: folded, cut, never empty."""
    return Name(name)[:most].strip() or "?"


# Which taps are behind?


def _behind(view: View) -> Shown:
    taps = view.fact(TapsBehind(view.session.msisdn))
    if not taps:
        return Shown((Text("behind.none"),), keeps_head=False)
    return Shown((Text("behind"),), tuple(_late(tap) for tap in taps))


def _late(tap: Behind) -> Option:
    words = {"tap": tap.tap_id, "amount": display(tap.owed_minor, tap.currency)}
    return Option(f"tap:{tap.tap_id}", Text("balance.line", words))


def _pick(_view: View, _event: str, tap_id: str) -> Taken:
    return open_tap(tap_id, "behind")


def _from_behind(view: View) -> Go:
    return Go("back_both" if len(view.session.roles) > 1 else "back")


def _choose(_view: View, event: str, _argument: str) -> Taken:
    return Go(event, effects=(Looked("taps.behind", ""),) if event == "behind" else ())


SCREENS = (
    Spec(
        "status_ask",
        lambda _view: _ASK,
        {"tap": "status", "back": "main"},
        read=_read_tap,
        wrong3="tap.wrong3",
    ),
    Spec(
        "status",
        _status,
        {
            "who": "who",
            "cash_all": "cash",
            "cash_who": "cash_who",
            "gone": "status_ask",
            "back": "status_ask",
            "back_behind": "behind",
            "back_kept": "kept_tap",
        },
        _leave_status,
        back=_from_status,
    ),
    Spec("who", _who, {"gone": "status_ask", "back": "status"}),
    Spec("behind", _behind, {"tap": "status", "back": "main", "back_both": "both"}, _pick, back=_from_behind),
    Spec("both", lambda _view: _BOTH, {"kept": "kept", "behind": "behind", "back": "main"}, _choose),
)
