"""From *Pay for a tap* to the amount: which tap, whose part, how much."""

from core import say
from core.errors import BadAmount, BadMsisdn, BadTapId
from core.i18n import Text
from core.money import display, exponent, typed
from core.msisdn import parse
from taps import tap_id as tap_ids
from ussd_menus.facts import Owed, Part, Tap, TapFacts, TenantFacts
from ussd_menus.screens.start import waiting_words
from ussd_menus.typed import echo, may_be_pin
from ussd_menus.view import Again, Go, Option, Shown, Spec, Taken, View

_ANOTHER = Option("another", Text("option.another_tap"))
_NEIGHBOUR = Option("neighbour", Text("option.neighbour"))
_ALL = Option("all", Text("option.pay_all"))
_PART = Option("part", Text("option.pay_part"))
_COMPONENTS = ("water", "refuse")
_COUNTRIES = {"KES": "KE"}


# Which tap?


def _list(view: View) -> Shown:
    known = (Option(f"tap:{tap_id}", Text("as_is", {"words": tap_id})) for tap_id in view.session.taps)
    return Shown((Text("taps"),), (*known, _ANOTHER), keeps_head=False)


def _pick(_view: View, event: str, tap_id: str) -> Taken:
    return Go("tap", {"tap_id": tap_id, "whose": ""}) if event == "tap" else Go(event)


_TAP_ASK = Shown((Text("tap.ask"),), keeps_head=False, is_constant=True)


def _ask_tap(_view: View) -> Shown:
    return _TAP_ASK


def _read_tap(view: View, text: str) -> Taken:
    try:
        read = tap_ids.read(text).value
    except BadTapId:
        return Again(no_tap(text))
    found = view.fact(TapFacts(read, view.session.msisdn))
    return Go("found", {"tap_id": found.tap_id, "whose": ""}) if found else Again(no_tap(text))


def no_tap(text: str) -> Text:
    """Say that there is no such tap, without showing what may be a PIN."""
    if may_be_pin(text) or not echo(text):
        return Text("tap.hidden")
    return Text("tap.wrong", {"typed": echo(text)})


def _from_ask(view: View) -> Go:
    taps = view.session.taps
    if len(taps) == 1:
        return Go("back_one", {"tap_id": taps[0], "whose": ""})
    return Go("back_list" if taps else "back")


# What is owed?


def _debt(view: View) -> Shown | Go:
    tap = view.tap(view.session.tap_id or "")
    owed = _owed(view, tap) if tap else None
    if tap is None or owed is None:
        return Go("gone", {"tap_id": None, "whose": ""})
    keep = {
        "tap_id": tap.tap_id,
        "tenant_id": owed.tenant_id,
        "currency": tap.currency,
        "due_minor": owed.due_minor,
        "broken_minor": owed.broken_minor(10 ** exponent(tap.currency)),
        "amount_minor": 0,
        "payer": None,
        "provider": None,
        "waits": False,
    }
    rest = _rest(view, tap)
    if owed.under_way:
        key = "wait.mine" if owed.under_way.by_me else "wait.other"
        return Shown((Text(key, waiting_words(owed.under_way)),), rest, name=key, keep=keep)
    if not owed.parts:
        return Shown((_nothing(tap, owed),), rest, name="debt.none", keep=keep)
    return Shown(_bill(tap, owed, view.session.whose), (_ALL, _PART, *rest), keep=keep)


def _owed(view: View, tap: Tap) -> Owed | None:
    if view.session.whose == "one":
        return view.fact(TenantFacts(tap.tap_id, view.session.neighbour or ""))
    return tap.mine if tap.mine and not view.session.whose else tap.whole


def _rest(view: View, tap: Tap) -> tuple[Option, ...]:
    neighbour = (_NEIGHBOUR,) if tap.individualized else ()
    return (*neighbour, _ANOTHER) if view.session.taps == (tap.tap_id,) else neighbour


def _bill(tap: Tap, owed: Owed, whose: str) -> tuple[Text, ...]:
    months = say.periods(part.period for part in owed.parts)
    total = Text("debt.total", {"amount": display(owed.due_minor, tap.currency)})
    words = {"tap": tap.tap_id, "number": tap.tap_number, "period": months}
    if owed.tenant_id:
        return (Text("debt.one" if whose == "one" else "debt.share", words), total)
    return (Text("debt", words), *_components(owed.parts, tap.currency), total)


def _components(parts: tuple[Part, ...], currency: str) -> list[Text]:
    sums = {name: sum(p.amount_minor for p in parts if p.component == name) for name in _COMPONENTS}
    return [
        Text(f"debt.{name}", {"amount": display(amount_minor, currency)})
        for name, amount_minor in sums.items()
        if amount_minor
    ]


def _nothing(tap: Tap, owed: Owed) -> Text:
    if not owed.last_paid:
        return Text("debt.none", {"tap": tap.tap_id})
    amount = display(owed.last_paid.amount_minor, tap.currency)
    words = {"tap": tap.tap_id, "amount": amount, "date": say.date(owed.last_paid.at)}
    return Text("debt.none_since", words)


def _from_debt(view: View) -> Go:
    session = view.session
    if session.whose:
        return Go("back_neighbour")
    if session.tap_id not in session.taps:
        return Go("back_ask")
    return Go("back_list" if len(session.taps) > 1 else "back")


# A neighbour's part


def _neighbour(view: View) -> Shown:
    everyone = Option("everyone", Text("option.everyone"))
    return Shown((Text("neighbour.ask", {"tap": view.session.tap_id}),), (everyone,))


def _everyone(_view: View, _event: str, _argument: str) -> Taken:
    return Go("found", {"whose": "all"})


def _read_neighbour(view: View, text: str) -> Taken:
    session = view.session
    try:
        msisdn = parse(text, country(view))
    except BadMsisdn:
        return Again(wrong_number(text))
    if view.fact(TenantFacts(session.tap_id or "", msisdn)) is None:
        return Again(Text("neighbour.none", {"tap": session.tap_id}))
    return Go("found", {"whose": "one", "neighbour": msisdn})


def country(view: View) -> str:
    """Return whose way of writing numbers a payer of this tap uses."""
    return _COUNTRIES.get(view.session.currency, "ZM")


def wrong_number(text: str) -> Text:
    """Say that this is no phone number, without showing what may be a PIN."""
    hidden = may_be_pin(text) or not echo(text)
    return Text("number.hidden") if hidden else Text("number.wrong", {"typed": echo(text)})


# How much?


def ask_amount(view: View) -> Shown:
    """Ask for an amount up to what is due."""
    words = _amount_words(view)
    return Shown((Text("debt.total", words), Text("part.ask", words)), keeps_head=False)


def _amount_words(view: View) -> dict[str, object]:
    currency = view.session.currency
    decimals = currency != "KES" and exponent(currency) > 0  # M-PESA takes whole shillings only
    return {
        "amount": display(view.session.due_minor, currency),
        "like": Text("part.like" if decimals else "part.like_whole"),
        "money": Text(f"unit.{currency}") if currency in ("ZMW", "KES") else currency,
    }


def read_amount(view: View, text: str) -> Taken:
    """Take an amount up to what is due, leaving by `amount`."""
    session = view.session
    try:
        amount_minor = typed(text, session.currency)
    except BadAmount:
        shown = echo(text)
        words = _amount_words(view) | {"typed": shown}
        return Again(Text("part.unclear" if shown else "part.empty", words))
    if amount_minor > session.due_minor:
        due = display(session.due_minor, session.currency)
        return Again(
            Text("part.more", {"typed": display(amount_minor, session.currency)[:16], "amount": due})
        )
    return Go("amount", {"amount_minor": amount_minor})


SCREENS = (
    Spec("taps", _list, {"tap": "debt", "another": "tap_ask", "back": "main"}, _pick),
    Spec(
        "tap_ask",
        _ask_tap,
        {"found": "debt", "back": "main", "back_one": "debt", "back_list": "taps"},
        read=_read_tap,
        back=_from_ask,
        wrong3="tap.wrong3",
    ),
    Spec(
        "debt",
        _debt,
        {
            "all": "confirm",
            "part": "part_ask",
            "neighbour": "neighbour",
            "another": "tap_ask",
            "gone": "tap_ask",
            "back": "main",
            "back_list": "taps",
            "back_ask": "tap_ask",
            "back_neighbour": "neighbour",
        },
        back=_from_debt,
    ),
    Spec(
        "neighbour",
        _neighbour,
        {"found": "debt", "back": "debt"},
        _everyone,
        read=_read_neighbour,
        back=lambda _view: Go("back", {"whose": ""}),
    ),
    Spec(
        "part_ask",
        ask_amount,
        {"amount": "confirm", "back": "debt"},
        read=read_amount,
        has_home=False,  # 99 may be the amount
    ),
)
