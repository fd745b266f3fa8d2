"""Report a problem: what is wrong, at which tap, and more in one's own words. Open to everyone."""

from core.errors import BadTapId
from core.i18n import Text
from taps import tap_id as tap_ids
from taps.flags_model import FlagKind, clean_words
from ussd_menus.facts import TapFacts
from ussd_menus.outcome import Report
from ussd_menus.screens.paying import no_tap
from ussd_menus.typed import may_be_pin, wrong_key
from ussd_menus.view import Again, Go, Option, Say, Shown, Spec, Taken, View, nowhere

# The likeliest first; keys 1 to 6 stand on the first page.
_KINDS = (
    FlagKind.NO_WATER,
    FlagKind.BURST,
    FlagKind.DIRTY_WATER,
    FlagKind.RUBBISH,
    FlagKind.UNREGISTERED,
    FlagKind.MONEY,
    FlagKind.OTHER,
)
_WHICH = Shown(
    (Text("problem.what"),),
    tuple(Option(f"kind:{kind.value}", Text(f"problem.{kind.value}")) for kind in _KINDS),
    keeps_head=False,
    is_constant=True,
)
_UNKNOWN = Option("tap:", Text("option.unknown_tap"))
_ASK_TAP = Shown((Text("tap.ask"),), (_UNKNOWN,), keeps_head=False, is_constant=True)
_SKIP = Option("send", Text("option.no_words"))


def what(kind: str, tap_id: str | None) -> Text:
    """Return what is wrong and where, in few words."""
    named = Text(f"problem.{kind}")
    return Text("problem.at", {"problem": named, "tap": tap_id}) if tap_id else named


def _pick_kind(view: View, event: str, kind: str) -> Taken:
    if view.session.via:  # a caretaker came from one of his taps
        return Go("kind_here", {"kind": kind})
    return Go(event, {"kind": kind, "tap_id": None})


def _from_kinds(view: View) -> Go:
    return Go("back_flags" if view.session.via else "back")


# Which tap?


def _which_tap(view: View) -> Shown:
    if not view.session.taps:
        return _ASK_TAP
    known = (Option(f"tap:{tap_id}", Text("as_is", {"words": tap_id})) for tap_id in view.session.taps)
    return Shown((Text("problem.tap"),), (*known, _UNKNOWN), keeps_head=False)


def _pick_tap(_view: View, event: str, tap_id: str) -> Taken:
    return Go(event, {"tap_id": tap_id or None})


def _read_tap(view: View, text: str) -> Taken:
    try:
        read = tap_ids.read(text).value
    except BadTapId:
        return Again(no_tap(text))
    found = view.fact(TapFacts(read, view.session.msisdn))
    return Go("tap", {"tap_id": found.tap_id}) if found else Again(no_tap(text))


# In their own words


def _ask_words(view: View) -> Shown:
    session = view.session
    return Shown((what(session.kind, session.tap_id), Text("problem.words")), (_SKIP,))


def _send(view: View, event: str, _argument: str) -> Taken:
    return _report(view, event, "")


def _read_words(view: View, text: str) -> Taken:
    if len(text) <= 1:
        return Again(wrong_key(text))  # a slip on the keypad
    words = clean_words(text)
    if not words:
        return Again(Text("key.none"))
    # What may be a PIN is kept nowhere; the report goes without it.
    return _report(view, "send", "" if may_be_pin(words) else words)


def _from_words(view: View) -> Go:
    return Go("back_kinds" if view.session.via else "back")


def _report(view: View, event: str, words: str) -> Say:
    session = view.session
    number = session.confirmations + 1
    return Say(event, Report(number, session.msisdn, session.kind, session.tap_id, words))


SCREENS = (
    Spec(
        "problem",
        lambda _view: _WHICH,
        {"kind": "problem_tap", "kind_here": "problem_words", "back": "main", "back_flags": "flags"},
        _pick_kind,
        back=_from_kinds,
    ),
    Spec(
        "problem_tap",
        _which_tap,
        {"tap": "problem_words", "back": "problem"},
        _pick_tap,
        read=_read_tap,
        wrong3="tap.wrong3",
    ),
    Spec(
        "problem_words",
        _ask_words,
        {"send": "reporting", "back": "problem_tap", "back_kinds": "problem"},
        _send,
        read=_read_words,
        back=_from_words,
    ),
    # Between the words and the reference; never kept.
    Spec(
        "reporting",
        lambda _view: Go("lost"),
        {"done": "ended", "lost": "main"},
        back=nowhere,
        has_home=False,
    ),
)
