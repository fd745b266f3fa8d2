"""What an input means on the screen where a call stands."""

from msgspec import Struct
from msgspec.structs import replace

from core.i18n import Text
from ussd_menus.arrive import end, follow, show
from ussd_menus.machine import fire
from ussd_menus.outcome import Intent, Outcome
from ussd_menus.screens import SPECS
from ussd_menus.session import END
from ussd_menus.typed import clean, wrong_key
from ussd_menus.view import Again, Go, Say, Spec, Taken, View

_MAX_WRONG = 3


class Heard(Struct, frozen=True, gc=False):
    """What an input came to; `fitted` says that the screen understood it."""

    result: Outcome | Intent
    fitted: bool = True


def hear(view: View, typed: str) -> Heard:
    """Return the next screen, or what the person has decided; raises Missing."""
    spec = SPECS[view.session.state]
    if spec.name == END:
        return Heard(show(view))
    words = clean(typed)
    match _take(view, spec, words):
        case Go() as taken:
            return Heard(follow(view, taken))
        case Say(event, act):
            state = fire(spec.name, event)
            session = replace(view.session, state=state, confirmations=act.number, errors=0)
            return Heard(Intent(act, session))
        case Again() as again:
            return Heard(_again(view, spec, again), fitted=False)


def _take(view: View, spec: Spec, words: str) -> Taken:
    """Return what an input means on a screen: a key that was shown, a standing key, or free input."""
    session = view.session
    if len(words) == 1 and words.isascii() and words.isdigit():
        if "1" <= words <= str(len(session.options)):
            event, _, argument = session.options[int(words) - 1].partition(":")
            return spec.take(view, event, argument)
        if words == "9" and session.more:
            return Go("stay", {"page": session.more})
        if words == "0" and session.page:
            return Go("stay")
        if words == "0" and (back := spec.back(view)):
            return back
    if words == "99" and spec.has_home:
        return Go("home", {"stopped": None})
    return spec.read(view, words) if spec.read else Again(wrong_key(words))


def _again(view: View, spec: Spec, again: Again) -> Outcome:
    """Say the same screen again with what was wrong; the third time in a row, end with help."""
    errors = view.session.errors + 1
    if errors >= _MAX_WRONG:
        words = {"code": view.settings.service_code, "support": view.settings.support_phone}
        over = end(view, "gave_up", Text(spec.wrong3, words))
        return replace(over, effects=again.effects) if again.effects else over
    erring = replace(view, session=replace(view.session, errors=errors))
    return show(erring, again.error, again.effects)
