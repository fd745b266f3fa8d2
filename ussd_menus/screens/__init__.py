"""Every screen of the menu, in the order in which a caller may meet them."""

from ussd_menus.screens import (
    cash,
    confirming,
    home,
    kept,
    language,
    past,
    paying,
    problem,
    start,
    status,
    tenants,
)
from ussd_menus.view import Spec

ALL: tuple[Spec, ...] = (
    *start.SCREENS,
    *language.SCREENS,
    *home.SCREENS,
    *paying.SCREENS,
    *confirming.SCREENS,
    *past.SCREENS,
    *problem.SCREENS,
    *status.SCREENS,
    *cash.SCREENS,
    *kept.SCREENS,
    *tenants.SCREENS,
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in ALL}
