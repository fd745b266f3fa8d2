"""The first screen of a call: language, money under way, a call that dropped, or the main menu."""

from datetime import timedelta

from core import say
from core.i18n import Text
from core.money import display
from ussd_menus.facts import Dropped, Phone, PhoneFacts, UnderWay
from ussd_menus.outcome import CheckAgain
from ussd_menus.session import Session, loads
from ussd_menus.view import Go, Name, Option, Shown, Spec, Taken, View, nowhere

# Where a dropped call is worth going on; everything else is one key from the main menu.
RESUMABLE = ("taps", "tap_ask", "debt", "neighbour", "part_ask", "confirm", "number", "ways")
_CARRIED = (
    "tap_id",
    "tenant_id",
    "neighbour",
    "whose",
    "currency",
    "due_minor",
    "amount_minor",
    "payer",
    "provider",
)
_WAITING = (Option("check", Text("option.check")), Option("home", Text("option.main")))


def route(view: View) -> Go:
    """Choose the first screen that this phone needs."""
    phone = view.fact(PhoneFacts(view.session.msisdn))
    keep = known(phone)
    if phone.language is None:
        return Go("new", keep)
    if phone.under_way:
        return Go("waiting", keep)
    if phone.dropped and _may_resume(view, phone.dropped):
        return Go("dropped", keep | {"stopped": phone.dropped.session.dumps()})
    return Go("known", keep)


def known(phone: Phone) -> dict[str, object]:
    """Return what a call keeps of its phone."""
    payment_id = phone.under_way.payment_id if phone.under_way else None
    return {
        "language": phone.language,
        "taps": phone.taps[:20],
        "payment_id": payment_id,
        "roles": phone.roles,
    }


def _may_resume(view: View, dropped: Dropped) -> bool:
    is_recent = view.now - dropped.at <= timedelta(seconds=view.settings.resume_within_s)
    return is_recent and dropped.session.state in RESUMABLE


def _resume(view: View) -> Shown:
    stopped = _stopped(view)
    where = Text("resume.tap", {"tap": stopped.tap_id}) if stopped.tap_id else Text("resume")
    options = (Option("go_on", Text("option.go_on")), Option("afresh", Text("option.afresh")))
    return Shown((where,), options, has_back=False)


def _stopped(view: View) -> Session:
    return loads(view.session.stopped or "{}")


def _take_up(view: View, event: str, _argument: str) -> Taken:
    if event == "afresh":
        return Go("afresh", {"stopped": None})
    stopped = _stopped(view)
    return Go(f"on_{stopped.state}", {name: getattr(stopped, name) for name in _CARRIED} | {"stopped": None})


def _waiting(view: View) -> Shown | Go:
    under_way = view.fact(PhoneFacts(view.session.msisdn)).under_way
    if not under_way:
        return Go("closed")
    return Shown((Text("wait.redial", waiting_words(under_way)),), _WAITING, has_back=False)


def _checked(view: View) -> Shown | Go:
    under_way = view.fact(PhoneFacts(view.session.msisdn)).under_way
    if not under_way:
        return Go("closed")
    return Shown((Text("wait.checked", waiting_words(under_way)),), _WAITING, has_back=False)


def waiting_words(under_way: UnderWay) -> dict[str, object]:
    """Return what all texts about a payment under way may name."""
    return {
        "amount": display(under_way.amount_minor, under_way.currency),
        "tap": under_way.tap_id,
        "provider": Name(under_way.provider_name),
        "since": say.time(under_way.since),
        "again": say.time(under_way.look_again_at),
    }


def _check(view: View, event: str, _argument: str) -> Taken:
    payment_id = view.session.payment_id
    if event == "check" and payment_id:
        return Go("check", effects=(CheckAgain(payment_id),))
    return Go(event)


SCREENS = (
    Spec(
        "start",
        route,
        {"new": "language", "waiting": "waiting", "dropped": "resume", "known": "main"},
        back=nowhere,
        has_home=False,
    ),
    Spec(
        "resume",
        _resume,
        {"afresh": "main", **{f"on_{state}": state for state in RESUMABLE}},
        _take_up,
        back=nowhere,
    ),
    Spec("waiting", _waiting, {"check": "checked", "closed": "last"}, _check, back=nowhere),
    Spec("checked", _checked, {"check": "checked", "closed": "last"}, _check, back=nowhere),
)
