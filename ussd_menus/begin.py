"""The first hop of a call, which may already carry a history of inputs."""

from datetime import datetime

from msgspec.structs import replace

from ussd_menus.arrive import follow
from ussd_menus.facts import Facts, PhoneFacts
from ussd_menus.hear import Heard, hear
from ussd_menus.outcome import Effect, Intent, MenuSettings, Needs, Outcome
from ussd_menus.screens.start import known, route
from ussd_menus.session import Session
from ussd_menus.typed import history_inputs
from ussd_menus.view import Go, Missing, View


def begin(
    msisdn: str,
    history: str,
    facts: Facts,
    now: datetime,
    settings: MenuSettings,
    *,
    rebuild: bool = False,
    call: str = "",
) -> Outcome | Intent | Needs:
    """Return the first screen of a call, or where a history of inputs leads.

    A history in a fresh call is a deep dial: it may go through a confirmation, and stops at the first input
    that does not fit or at money under way. With `rebuild` it is the past of a call whose session was lost:
    all of it is heard again, but no confirmation. So it is when the language was chosen in this `call`.
    """
    view = View(Session(msisdn=msisdn), facts, now, settings)
    inputs = history_inputs(history)
    try:
        if inputs and call and view.fact(PhoneFacts(msisdn)).chosen_in == call:
            return _rebuild(view, _from_language(view), inputs)
        if inputs and not rebuild:
            return _deep_dial(view, inputs)
        return _rebuild(view, route(view), inputs)
    except Missing as missing:
        return Needs(frozenset((missing.request,)))


def _rebuild(view: View, first: Go, inputs: tuple[str, ...]) -> Outcome:
    """Hear everything again, but stand before a confirmation rather than give it twice.

    Nor is a call given up, which has gone on after all: a `*` that was typed looks like two inputs, and both
    are wrong. Then the input is asked for again.
    """
    outcome = follow(view, first)
    effects: tuple[Effect, ...] = ()
    for typed in inputs:
        heard = hear(replace(view, session=outcome.session), typed)
        result = heard.result
        if isinstance(result, Intent) or outcome.screen.is_end:
            break
        if result.screen.is_end and not heard.fitted:
            break
        outcome, effects = result, effects + result.effects
    return replace(outcome, effects=effects)


def _deep_dial(view: View, inputs: tuple[str, ...]) -> Outcome | Intent:
    phone = view.fact(PhoneFacts(view.session.msisdn))
    if phone.under_way:
        return follow(view, Go("waiting", known(phone)))
    heard = _dial(view, Go("known", known(phone)), inputs)
    if heard.fitted or phone.language:
        return heard.result
    # A phone that never chose may dial the keys of a whole first call, the language among them.
    whole = _dial(view, _from_language(view), inputs)
    return whole.result if whole.fitted else heard.result


def _dial(view: View, first: Go, inputs: tuple[str, ...]) -> Heard:
    """Hear the inputs until one does not fit, or something was decided."""
    heard = Heard(follow(view, first))
    effects: tuple[Effect, ...] = ()
    for typed in inputs:
        heard = hear(replace(view, session=heard.result.session), typed)
        effects += heard.result.effects
        if isinstance(heard.result, Intent) or not heard.fitted or heard.result.screen.is_end:
            break
    return replace(heard, result=replace(heard.result, effects=effects))


def _from_language(view: View) -> Go:
    keep = known(view.fact(PhoneFacts(view.session.msisdn)))
    return Go("new", {**keep, "language": None})
