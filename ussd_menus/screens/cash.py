"""Record cash: for whom, how much, whose phone is told, and the agent's Yes."""

from core.errors import BadMsisdn
from core.i18n import Text
from core.money import display
from core.msisdn import local_form, parse
from ussd_menus.facts import Line, TapStatus
from ussd_menus.outcome import RecordCash
from ussd_menus.screens.paying import ask_amount, country, read_amount, wrong_number
from ussd_menus.screens.status import seen, short
from ussd_menus.view import Again, Go, Option, Say, Shown, Spec, Taken, View, nowhere

_ALL = Option("all", Text("option.cash_all"))
_PART = Option("part", Text("option.cash_part"))
_EVERYONE = Option("whole", Text("option.cash_whole"))
_NO_SMS = Option("skip", Text("option.no_sms"))
_YES = Option("yes", Text("option.yes"))
_LONGEST_NAME = 8
_GONE = Go("gone", {"tap_id": None}, error=Text("status.gone"))


# For whom?


def _for_whom(view: View) -> Shown | Go:
    tap = _tap(view)
    if tap is None:
        return _GONE
    owing = [line for line in tap.lines if line.owed_minor and line.tenant_id]
    tenants = (Option(f"tenant:{line.tenant_id}", _owes(line, tap)) for line in owing)
    return Shown((Text("cash.whom", {"tap": tap.tap_id}),), (_EVERYONE, *tenants))


def _tap(view: View) -> TapStatus | None:
    tap = seen(view)
    return tap if tap and tap.may_record else None


def _owes(line: Line, tap: TapStatus) -> Text:
    named = f"{short(line.name, _LONGEST_NAME)} {line.ending}"
    return Text("balance.line", {"tap": named, "amount": display(line.owed_minor, tap.currency)})


def _pick(view: View, event: str, tenant_id: str) -> Taken:
    if event == "whole":
        return Go("chosen", {"tenant_id": None, "person": None})
    tap = _tap(view)
    line = next((one for one in tap.lines if one.tenant_id == tenant_id), None) if tap else None
    return Go("chosen", {"tenant_id": tenant_id, "person": line.msisdn if line else None})


# How much?


def _how_much(view: View) -> Shown | Go:
    tap = _tap(view)
    if tap is None:
        return _GONE
    owed_minor = _owed_minor(view, tap)
    if not owed_minor:
        return Go("settled")
    keep = {"currency": tap.currency, "due_minor": owed_minor, "amount_minor": 0}
    words = {"tap": tap.tap_id, "amount": display(owed_minor, tap.currency)}
    return Shown((Text("cash.owed", words),), (_ALL, _PART), keep=keep)


def _owed_minor(view: View, tap: TapStatus) -> int:
    tenant_id = view.session.tenant_id
    if tenant_id is None:
        return tap.open_minor
    return sum(line.owed_minor for line in tap.lines if line.tenant_id == tenant_id)


def _took(view: View, event: str, _argument: str) -> Taken:
    if event == "part":
        return Go("part")
    # A tenant is told on his own phone; otherwise the agent is asked whose it is.
    return Go("all_known" if view.session.tenant_id else "all")


def _read_part(view: View, text: str) -> Taken:
    taken = read_amount(view, text)
    if isinstance(taken, Go) and view.session.tenant_id:
        return Go("amount_known", taken.keep)
    return taken


def _from_amount(view: View) -> Go:
    return Go("back_who" if view.session.tenant_id else "back")


# Who is told?


def _ask_payer(_view: View) -> Shown:
    return Shown((Text("cash.payer_ask"),), (_NO_SMS,), keeps_head=False)


def _skip(_view: View, event: str, _argument: str) -> Taken:
    return Go(event, {"person": None})


def _read_payer(view: View, text: str) -> Taken:
    try:
        msisdn = parse(text, country(view))
    except BadMsisdn:
        return Again(wrong_number(text))
    return Go("payer", {"person": msisdn})


# Yes


def _sure(view: View) -> Shown:
    session = view.session
    amount = display(session.amount_minor or session.due_minor, session.currency)
    told = (
        Text("cash.tell", {"number": local_form(session.person)})
        if session.person
        else Text("cash.tell_none")
    )
    return Shown((Text("cash.sure", {"amount": amount, "tap": session.tap_id}), told), (_YES,))


def _record(view: View, event: str, _argument: str) -> Taken:
    session = view.session
    act = RecordCash(
        number=session.confirmations + 1,
        msisdn=session.msisdn,
        tap_id=session.tap_id or "",
        tenant_id=session.tenant_id,
        amount_minor=session.amount_minor or session.due_minor,
        currency=session.currency,
        payer_msisdn=session.person,
    )
    return Say(event, act)


def _from_payer(view: View) -> Go:
    return Go("back_part" if view.session.amount_minor else "back")


def _from_sure(view: View) -> Go:
    if not view.session.tenant_id:
        return Go("back")
    return Go("back_part" if view.session.amount_minor else "back_cash")


SCREENS = (
    Spec(
        "cash_who",
        _for_whom,
        {"chosen": "cash", "gone": "status_ask", "back": "status"},
        _pick,
    ),
    Spec(
        "cash",
        _how_much,
        {
            "all": "cash_payer",
            "all_known": "cash_sure",
            "part": "cash_part",
            "settled": "status",
            "gone": "status_ask",
            "back": "status",
            "back_who": "cash_who",
        },
        _took,
        back=_from_amount,
    ),
    Spec(
        "cash_part",
        ask_amount,
        {"amount": "cash_payer", "amount_known": "cash_sure", "back": "cash"},
        read=_read_part,
        has_home=False,  # 99 may be the amount
    ),
    Spec(
        "cash_payer",
        _ask_payer,
        {"payer": "cash_sure", "skip": "cash_sure", "back": "cash", "back_part": "cash_part"},
        _skip,
        read=_read_payer,
        back=_from_payer,
    ),
    Spec(
        "cash_sure",
        _sure,
        {"yes": "recording", "back": "cash_payer", "back_cash": "cash", "back_part": "cash_part"},
        _record,
        back=_from_sure,
    ),
    # Between the Yes and its result; never kept.
    Spec(
        "recording",
        lambda _view: Go("lost"),
        {"done": "ended", "told": "cash_not", "lost": "main"},
        back=nowhere,
        has_home=False,
    ),
    # Why nothing was recorded is said only once; after it there is the way back.
    Spec("cash_not", lambda _view: Shown((Text("notice"),)), {"back": "status"}),
)
