"""The choice of language: first screen of a new phone, and key 5 of the main menu."""

from core.i18n import Text
from ussd_menus.outcome import CATALOGUES, ChooseLanguage
from ussd_menus.view import Go, Option, Shown, Spec, Taken, View

LANGUAGES = CATALOGUES.names  # each named in itself, so these labels are the same in every catalogue
_OPTIONS = tuple(Option(f"chosen:{code}", Text("as_is", {"words": word})) for code, word in LANGUAGES.items())


_FIRST = Shown((Text("lang"),), _OPTIONS, has_back=False, keeps_head=False, is_constant=True)
_LATER = Shown((Text("lang"),), _OPTIONS, keeps_head=False, is_constant=True)


def _show(view: View) -> Shown:
    return _LATER if view.session.language else _FIRST


def _choose(view: View, _event: str, language: str) -> Taken:
    session = view.session
    is_new = session.language is None
    chosen = ChooseLanguage(session.msisdn, language)
    # Money under way is seen before any menu (texts S11): a new phone has not passed the start for that.
    event = "waiting" if is_new and session.payment_id else "chosen"
    return Go(event, {"language": language}, (chosen,))


def _back(view: View) -> Go | None:
    return Go("back") if view.session.language else None


SCREENS = (
    Spec(
        "language",
        _show,
        {"chosen": "main", "waiting": "waiting", "back": "main"},
        _choose,
        back=_back,
        has_home=False,
    ),
)
