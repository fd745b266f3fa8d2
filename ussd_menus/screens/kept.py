"""My taps, for caretakers: the list, one tap, its flags, and counting people."""

from core import say
from core.i18n import Text
from taps.tenancies import reading
from taps.tenancies.commands import Command, Count, Undo
from taps.tenancies.reading import Declined
from ussd_menus.facts import KeptTap, KeptTaps, TapKept
from ussd_menus.outcome import Change, Looked
from ussd_menus.screens.status import open_tap
from ussd_menus.typed import echo, may_be_pin
from ussd_menus.view import Again, Go, Option, Say, Shown, Spec, Taken, View, nowhere

_UNDO = Option("undo", Text("option.undo"))
_YES = Option("yes", Text("option.yes"))
_OF_A_TAP = tuple(
    Option(does, Text(f"option.{does}")) for does in ("tenants", "add", "count", "flags", "status", "undo")
)
_REPORT = Option("report", Text("option.problem"))
_ASK_COUNT = Shown((Text("count.ask"),), keeps_head=False, is_constant=True)
_ASK_UNDO = Shown((Text("undo.ask"),), (_YES,), is_constant=True)
UNCHANGED = Option("undo", Text("option.undo"))
GONE = Go("gone", {"tap_id": None}, error=Text("status.gone"))


def change(view: View, event: str, command: Command) -> Say:
    """Leave by an event that lets the shell carry out a command."""
    return Say(event, Change(view.session.confirmations + 1, command))


def kept_tap(view: View) -> TapKept | None:
    """Return the tap that is looked at; None where it is not, or no longer, the caller's."""
    return view.fact(KeptTap(view.session.tap_id or "", view.session.msisdn))


# The list


def _list(view: View) -> Shown:
    taps = view.fact(KeptTaps(view.session.msisdn))
    if not taps:
        return Shown((Text("kept.none", {"support": view.settings.support_phone}),), keeps_head=False)
    options = (
        Option(f"tap:{tap.tap_id}", Text("kept.line", {"tap": tap.tap_id, "tenants": tap.n_tenants}))
        for tap in taps
    )
    return Shown((Text("kept"),), (*options, _UNDO), keep={"tap_id": None, "via": "kept"})


def _pick(_view: View, event: str, tap_id: str) -> Taken:
    if event == "undo":
        return Go(event)
    return Go(event, {"tap_id": tap_id}, (Looked("tap.open", tap_id),))


def _from_list(view: View) -> Go:
    return Go("back_both" if len(view.session.roles) > 1 else "back")


# One tap


def _tap(view: View) -> Shown | Go:
    tap = kept_tap(view)
    if tap is None:
        return GONE
    words = {
        "tap": tap.tap_id,
        "tenants": Text("tenants", {"count": len(tap.tenants)}),
        "people": Text("people", {"count": sum(one.occupants for one in tap.tenants)}),
    }
    keep = {"via": "kept", "person": None, "name": "", "people": 0}
    return Shown((Text("kept.tap", words),), _OF_A_TAP, keep=keep)


def _do(view: View, event: str, _argument: str) -> Taken:
    if event == "status":
        return open_tap(view.session.tap_id or "", "kept", event="status")
    return Go(event)


def _from_tap(_view: View) -> Go:
    return Go("back", {"tap_id": None})


# Flags


def _flags(view: View) -> Shown | Go:
    tap = kept_tap(view)
    if tap is None:
        return GONE
    if not tap.flags:
        return Shown((Text("flags.none", {"tap": tap.tap_id}),), (_REPORT,))
    lines = tuple(
        Text(
            "flags.line",
            {
                "reference": flag.reference,
                "problem": Text(f"problem.{flag.kind}"),
                "date": say.date(flag.at),
            },
        )
        for flag in tap.flags
    )
    return Shown((Text("flags", {"tap": tap.tap_id}),), (_REPORT,), lines)


# How many people


def read_people(text: str, most: int) -> int | Text:
    """Return a number of people, or what is wrong with it."""
    try:
        return reading.people(int(text[:12]) if text.isascii() and text.isdigit() else 0, most)
    except Declined:
        shown = "" if may_be_pin(text) else echo(text)
        return Text("people.wrong" if shown else "people.needed", {"typed": shown, "most": most})


def _read_count(view: View, text: str) -> Taken:
    number = read_people(text, reading.MOST_COUNTED)
    if isinstance(number, Text):
        return Again(number)
    session = view.session
    command = Count(session.msisdn, session.tap_id or "", number, command_id="", channel="ussd")
    return change(view, "count", command)


# Take back


def _undo(view: View, event: str, _argument: str) -> Taken:
    return change(view, event, Undo(view.session.msisdn, command_id="", channel="ussd"))


def _from_undo(view: View) -> Go:
    return Go("back_tap" if view.session.tap_id else "back")


def _changed(view: View) -> Shown:
    options = (UNCHANGED,) if UNCHANGED.does in view.session.options else ()
    return Shown((Text("notice"),), options)


SCREENS = (
    Spec(
        "kept",
        _list,
        {"tap": "kept_tap", "undo": "undo_sure", "back": "main", "back_both": "both"},
        _pick,
        back=_from_list,
    ),
    Spec(
        "kept_tap",
        _tap,
        {
            "tenants": "tenants",
            "add": "add_phone",
            "count": "count",
            "flags": "flags",
            "status": "status",
            "undo": "undo_sure",
            "gone": "kept",
            "back": "kept",
        },
        _do,
        back=_from_tap,
    ),
    Spec("flags", _flags, {"report": "problem", "gone": "kept", "back": "kept_tap"}),
    Spec("count", lambda _view: _ASK_COUNT, {"count": "changing", "back": "kept_tap"}, read=_read_count),
    Spec(
        "undo_sure",
        lambda _view: _ASK_UNDO,
        {"yes": "changing", "back": "kept", "back_tap": "kept_tap"},
        _undo,
        back=_from_undo,
    ),
    # Between a decision and its result; never kept.
    Spec(
        "changing",
        lambda _view: Go("lost"),
        {"told": "changed", "lost": "kept"},
        back=nowhere,
        has_home=False,
    ),
    # What became of it is said only once; after it there is the way back.
    Spec(
        "changed",
        _changed,
        {"undo": "changing", "back": "kept", "back_tap": "kept_tap"},
        _undo,
        back=_from_undo,
    ),
)
