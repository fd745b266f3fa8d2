"""The main menu, with two keys more for agents and caretakers, and its short leaf: help."""

from functools import cache

from core.i18n import Text
from ussd_menus.outcome import Looked
from ussd_menus.view import Go, Option, Shown, Spec, Taken, View, nowhere

_FOR_ALL = ("pay", "balance", "last", "problem", "language", "help")


def _main(*more: str) -> Shown:
    return Shown(
        (Text("main"),),
        tuple(Option(does, Text(f"option.{does}")) for does in (*_FOR_ALL, *more)),
        has_back=False,
        keeps_head=False,
        is_constant=True,
        most=8,
        name="main.staff" if more else "",
    )


_MAIN = _main()
# Who is both agent and caretaker is asked at 8 which taps are meant.
_STAFF = {
    ("caretaker",): _main("status", "kept"),
    ("agent",): _main("status", "behind"),
    ("agent", "caretaker"): _main("status", "both"),
}
_LOOKS = {"behind": (Looked("taps.behind", ""),)}
_OF_TAPS = frozenset({"problem", "status"})
_FRESH = {"tap_id": None, "via": ""}  # no tap was chosen from a list
PAY_ARCS = {"pay_one": "debt", "pay_many": "taps", "pay_new": "tap_ask"}


def pay_way(view: View) -> Go:
    """Choose how to find the tap: the one that is known, a list of them, or the question."""
    taps = view.session.taps
    if not taps:
        return Go("pay_new", {"tap_id": None, "whose": ""})
    if len(taps) > 1:
        return Go("pay_many", {"tap_id": None, "whose": ""})
    return Go("pay_one", {"tap_id": taps[0], "whose": ""})


def _choose(view: View, event: str, _argument: str) -> Taken:
    if event == "pay":
        return pay_way(view)
    if event == "balance" and not view.session.taps:
        return pay_way(view)  # what a tap owes stands on its debt screen
    return Go(event, _FRESH) if event in _OF_TAPS else Go(event, effects=_LOOKS.get(event, ()))


@cache
def _says(name: str, support_phone: str) -> Shown:
    return Shown((Text(name, {"support": support_phone}),), keeps_head=False, is_constant=True)


def _leaf(name: str) -> Spec:
    return Spec(name, lambda view: _says(name, view.settings.support_phone), {"back": "main"})


SCREENS = (
    Spec(
        "main",
        lambda view: _STAFF.get(view.session.roles, _MAIN) if view.session.roles else _MAIN,
        {
            **PAY_ARCS,
            "balance": "balance",
            "last": "last",
            "problem": "problem",
            "status": "status_ask",
            "kept": "kept",
            "behind": "behind",
            "both": "both",
            "language": "language",
            "help": "help",
        },
        _choose,
        back=nowhere,
    ),
    _leaf("help"),
)
