"""From the amount to the Yes: with which wallet, by which network, and what became of it."""

from datetime import timedelta

from core import say
from core.errors import BadMsisdn
from core.i18n import Text
from core.money import display
from core.msisdn import local_form, parse
from payments.wallet import accounts as wallets
from ussd_menus.facts import Way, Ways, WaysToPay
from ussd_menus.outcome import Confirmed
from ussd_menus.screens.paying import country, wrong_number
from ussd_menus.view import Again, Go, Name, Option, Say, Shown, Spec, Taken, View, nowhere

ANOTHER_WAY = Option("ways", Text("option.ways"))
_YES = Option("yes", Text("option.yes"))
_OPTIONS = (_YES, Option("number", Text("option.number")), ANOTHER_WAY)


def _confirm(view: View) -> Shown | Go:
    session, ways = view.session, _ways(view)
    amount_minor = session.amount_minor or session.due_minor
    words: dict[str, object] = {"amount": display(amount_minor, session.currency), "tap": session.tap_id}
    kept_minor = _kept(view, ways)
    if kept_minor >= amount_minor:
        return Shown((Text("confirm.kept", words),), _OPTIONS[:2], name="confirm.kept")
    way = _way(view, ways)
    if way is None or not (way.is_up or session.waits):
        return Go("choose", {"provider": None, "waits": False})
    used_minor = wallets.usable_minor(amount_minor, kept_minor, way.unit_minor, way.min_minor)
    wrong = _unfit(way, amount_minor - used_minor, session.currency) or _broken(view, way, used_minor)
    if wrong:
        return Go("unfit", error=wrong)
    words |= {"provider": Name(way.name), "wallet": local_form(session.wallet)}
    if not way.is_up:
        return _confirm_waiting(
            view, way, words | {"amount": display(amount_minor - used_minor, session.currency)}
        )
    keep = {"provider": way.provider, "waits": False}
    if not used_minor:
        return Shown((Text("confirm", words),), _OPTIONS, keep=keep)
    words |= {
        "kept": display(used_minor, session.currency),
        "rest": display(amount_minor - used_minor, session.currency),
    }
    return Shown((Text("confirm.part", words),), _OPTIONS, keep=keep, name="confirm.part")


def _confirm_waiting(view: View, way: Way, words: dict[str, object]) -> Shown:
    """Ask whether the payer wants to be asked when the way works again, and say how long that may take."""
    until = view.now + timedelta(seconds=view.settings.wait_for_provider_s)
    text = Text("confirm.wait", words | {"until": say.time(until)})
    return Shown((text,), (_YES,), name="confirm.wait", keep={"provider": way.provider})


def _kept(view: View, ways: Ways) -> int:
    """Return what we keep that the caller may use: it needs no PIN, so it must be the caller's own."""
    return ways.kept_minor if view.session.wallet == view.session.msisdn else 0


def _ways(view: View) -> Ways:
    return view.fact(WaysToPay(view.session.tap_id or "", view.session.wallet))


def _way(view: View, ways: Ways) -> Way | None:
    wanted = view.session.provider or ways.usual
    return next((way for way in ways.ways if way.provider == wanted), None)


def _unfit(way: Way, amount_minor: int, currency: str) -> Text | None:
    if amount_minor % way.unit_minor:
        return whole_only(way.name, way.unit_minor, currency)
    if amount_minor < way.min_minor:
        return Text("part.least", {"provider": Name(way.name), "least": display(way.min_minor, currency)})
    if way.limit_minor is not None and amount_minor > way.limit_minor:
        return over_limit(way.name, way.limit_minor, currency)
    return None


def _broken(view: View, way: Way, used_minor: int) -> Text | None:
    """Say how much a rail of whole units can carry where its share for some seller would not be whole."""
    session = view.session
    amount_minor = session.amount_minor or session.due_minor
    most_minor = session.due_minor - session.broken_minor
    makes_whole = amount_minor == session.due_minor and used_minor >= session.broken_minor
    if way.unit_minor == 1 or makes_whole or amount_minor - amount_minor % way.unit_minor <= most_minor:
        return None
    if not most_minor:
        return whole_only(way.name, way.unit_minor, session.currency)
    return Text("part.most", {"provider": Name(way.name), "most": display(most_minor, session.currency)})


def whole_only(wallet: str, unit_minor: int, currency: str) -> Text:
    """Say that a rail cannot carry the amount."""
    return Text("part.whole", {"provider": Name(wallet), "unit": display(unit_minor, currency)})


def over_limit(wallet: str, limit_minor: int, currency: str) -> Text:
    """Say that a rail does not carry as much."""
    return Text("part.limit", {"provider": Name(wallet), "limit": display(limit_minor, currency)})


def _decide(view: View, event: str, _argument: str) -> Taken:
    session = view.session
    if event != "yes":
        return Go(event)
    confirmed = Confirmed(
        number=session.confirmations + 1,
        msisdn=session.msisdn,
        payer_msisdn=session.wallet,
        tap_id=session.tap_id or "",
        tenant_id=session.tenant_id,
        amount_minor=session.amount_minor or session.due_minor,
        currency=session.currency,
        is_all=not session.amount_minor,
        provider=session.provider or wallets.PROVIDER,
        waits=session.waits,
    )
    return Say("yes", confirmed)


def _from_confirm(view: View) -> Go:
    if view.session.waits:
        return Go("ways", {"provider": None, "waits": False})
    return Go("back_part" if view.session.amount_minor else "back")


_NUMBER_ASK = Shown((Text("number.ask"),), keeps_head=False, is_constant=True)


def _ask_number(_view: View) -> Shown:
    return _NUMBER_ASK


def _read_number(view: View, text: str) -> Taken:
    try:
        msisdn = parse(text, country(view))
    except BadMsisdn:
        return Again(wrong_number(text))
    return Go("number", {"payer": msisdn, "provider": None, "waits": False})


def _choose_way(view: View) -> Shown:
    session = view.session
    ways = _ways(view)
    current = _way(view, ways)
    others = tuple(way for way in ways.ways if way.is_up and way != current)
    amount = display(session.amount_minor or session.due_minor, session.currency)
    words: dict[str, object] = {"amount": amount, "tap": session.tap_id}
    name: str = ""
    head: tuple[Text, ...] = ()
    wait: tuple[Option, ...] = ()
    if current and not current.is_up:
        name, head = "outage", (Text("outage", {"provider": Name(current.name)}),)
        wait = (Option(f"wait:{current.provider}", Text("option.wait")),)
    if not others:
        return Shown((*head, Text("ways.none")), wait, keeps_head=False, name=name)
    options = (Option(f"way:{way.provider}", Text("as_is", {"words": Name(way.name)})) for way in others)
    return Shown((*head, Text("ways", words)), (*options, *wait), name=name)


def _pick_way(_view: View, event: str, provider: str) -> Taken:
    return Go("way", {"provider": provider, "waits": event == "wait"})


def _from_ways(view: View) -> Go:
    return Go("back_confirm" if view.session.provider else "back")


# What became of it


def _notice(view: View) -> Shown:
    options = (ANOTHER_WAY,) if ANOTHER_WAY.does in view.session.options else ()
    return Shown((Text("notice"),), options)


SCREENS = (
    Spec(
        "confirm",
        _confirm,
        {
            "yes": "deciding",
            "number": "number",
            "ways": "ways",
            "choose": "ways",
            "unfit": "part_ask",
            "back": "debt",
            "back_part": "part_ask",
        },
        _decide,
        back=_from_confirm,
    ),
    Spec("number", _ask_number, {"number": "confirm", "back": "confirm"}, read=_read_number),
    Spec(
        "ways",
        _choose_way,
        {"way": "confirm", "back": "debt", "back_confirm": "confirm"},
        _pick_way,
        back=_from_ways,
    ),
    # Between the Yes and its result; never kept, so that a repeated hop gives the same Yes again.
    Spec(
        "deciding",
        lambda _view: Go("lost"),
        {"accepted": "ended", "refused": "ended", "told": "notice", "unfit": "part_ask", "lost": "last"},
        back=nowhere,
        has_home=False,
    ),
    # What a refusal says is known only once; after it there is the way back.
    Spec("notice", _notice, {"ways": "ways", "back": "main"}),
    Spec(
        "ended", lambda view: Shown((Text("ended", {"code": view.settings.service_code}),), is_end=True), {}
    ),
)
