"""Every screen of the menu, in the order in which a caller may meet them."""

from ussd_menus.screens import confirming, home, language, past, paying, problem, start
from ussd_menus.view import Spec

ALL: tuple[Spec, ...] = (
    *start.SCREENS,
    *language.SCREENS,
    *home.SCREENS,
    *paying.SCREENS,
    *confirming.SCREENS,
    *past.SCREENS,
    *problem.SCREENS,
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in ALL}
