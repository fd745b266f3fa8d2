"""One hop of a call: input and facts in, the next screen out. Pure: clock and answers come from outside.

Where an answer is missing the step says so (`Needs`) and is called again; it never waits for anything.
"""

from datetime import datetime

from core.i18n import Text
from ussd_menus.arrive import say_end
from ussd_menus.begin import begin
from ussd_menus.conclude import conclude
from ussd_menus.facts import Facts
from ussd_menus.hear import hear
from ussd_menus.outcome import Intent, MenuSettings, Needs, Outcome, Screen
from ussd_menus.session import Session
from ussd_menus.typed import new_input
from ussd_menus.view import Missing, View

MAX_ROUNDS = 5  # of Needs in one hop: a deep dial that pays for a neighbour asks four times

__all__ = ["MAX_ROUNDS", "begin", "busy", "conclude", "new_input", "step"]


def step(
    session: Session, typed: str, facts: Facts, now: datetime, settings: MenuSettings
) -> Outcome | Intent | Needs:
    """Return what becomes of an input on the screen where the session stands."""
    try:
        return hear(View(session, facts, now, settings), typed).result
    except Missing as missing:
        return Needs(frozenset((missing.request,)))


def busy(settings: MenuSettings, language: str | None = None) -> Screen:
    """Return what a hop gets that cannot be served now."""
    return say_end(Text("busy", {"code": settings.service_code}), language or "en", settings)
