"""Coming to a screen: fire the event, ask the screen what it shows, put it into words."""

from msgspec.structs import replace

from core.i18n import Text
from ussd_menus.machine import fire
from ussd_menus.outcome import Effect, MenuSettings, Outcome, Screen
from ussd_menus.render import Renderer
from ussd_menus.screens import SPECS
from ussd_menus.session import Session
from ussd_menus.view import Go, Shown, View


def follow(view: View, going: Go) -> Outcome:
    """Leave the present screen and show the next one."""
    left = view.session
    state = fire(left.state, going.event)
    if going.keep:  # a copy by names alone, the usual one, is quicker than by a dict
        session = left.but({"page": 0, **going.keep, "errors": 0, "state": state})
    else:
        session = replace(left, page=0, errors=0, state=state)
    return show(View(session, view.facts, view.now, view.settings), going.error, going.effects)


def show(view: View, error: Text | None = None, effects: tuple[Effect, ...] = ()) -> Outcome:
    """Show the present screen, or follow where it sends on; no screen sends on in a circle (tested)."""
    shown = SPECS[view.session.state].show(view)
    if isinstance(shown, Shown):
        return put(view, shown, error, effects)
    return follow(view, replace(shown, effects=effects, error=shown.error or error))


def put(view: View, shown: Shown, error: Text | None = None, effects: tuple[Effect, ...] = ()) -> Outcome:
    """Return the screen in words, and the session that remembers what its keys do."""
    session, settings = view.session, view.settings
    rendered = Renderer(settings.catalogues, session.spoken, settings.septets).render(
        shown, session.page, error
    )
    screen = Screen(shown.name or session.state, rendered.text, shown.is_end)
    kept = replace(session, options=rendered.options, more=rendered.more)
    return Outcome(kept.but(shown.keep) if shown.keep else kept, screen, effects)


def end(view: View, event: str, text: Text) -> Outcome:
    """End the call with a last word; of the session only who called and how often he said Yes is kept."""
    session = view.session
    over = Session(
        msisdn=session.msisdn,
        state=fire(session.state, event),
        language=session.language,
        confirmations=session.confirmations,
    )
    return Outcome(over, say_end(text, session.spoken, view.settings))


def say_end(text: Text, language: str, settings: MenuSettings) -> Screen:
    """Return a screen that takes no input, named after its text."""
    rendered = Renderer(settings.catalogues, language, settings.septets).render(Shown((text,), is_end=True))
    return Screen(text.key, rendered.text, is_end=True)
