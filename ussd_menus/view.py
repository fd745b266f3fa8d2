"""The words of the screens' declarations: what a screen sees, shows, and makes of an input."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from msgspec import Struct, field

from core.gsm import fold
from core.i18n import Text
from ussd_menus.facts import Answer, Facts, Request, Tap, TapFacts
from ussd_menus.outcome import Act, Effect, MenuSettings
from ussd_menus.session import Session


class Missing(Exception):
    """A fact is not there yet."""

    def __init__(self, request: Request[Any]) -> None:
        super().__init__(repr(request))
        self.request = request


class Name(str):
    """Somebody's or something's name: letters outside GSM-7 are folded, and it may be cut to fit a screen."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Fold the name."""
        return super().__new__(cls, fold(text))


class View(Struct, gc=False):
    """What a screen may look at."""

    session: Session
    facts: Facts
    now: datetime
    settings: MenuSettings

    def fact(self, request: Request[Answer]) -> Answer:
        """Return the answer to a request; raises Missing where the shell has not loaded it yet."""
        try:
            answer: Answer = self.facts[request]
        except KeyError:
            raise Missing(request) from None
        return answer

    def tap(self, tap_id: str) -> Tap | None:
        """Return a tap; one that was found by its number in this same step is not asked for twice."""
        request = TapFacts(tap_id, self.session.msisdn)
        if request not in self.facts:
            for known in self.facts.values():
                if isinstance(known, Tap) and known.tap_id == tap_id:
                    return known
        return self.fact(request)


class Option(Struct, frozen=True):
    """A line with a key. `does` is `event` or `event:argument`."""

    does: str
    label: Text


class Shown(Struct, frozen=True):
    """A screen before it is put into words: head lines, then options, then `0 Back`."""

    head: tuple[Text, ...]
    options: tuple[Option, ...] = ()
    lines: tuple[Text, ...] = ()  # a long list, paged; then there are no paged options
    has_back: bool = True
    keeps_head: bool = True  # an error is said above the head, not in its place
    is_end: bool = False
    is_constant: bool = False  # a constant of its module: its words are made once
    most: int = 6  # options on one page (texts §5, check 2)
    name: str = ""  # for metrics, where the screen has several faces; else the state's
    keep: Mapping[str, Any] = field(default_factory=dict)  # fields of the session that this screen sets


class Go(Struct, frozen=True, gc=False):
    """Leave the screen by an event of its arcs, with changes to the session."""

    event: str
    keep: Mapping[str, Any] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    error: Text | None = None  # said on the screen that follows


class Again(Struct, frozen=True):
    """What was typed does not fit: the same screen again, with why."""

    error: Text
    effects: tuple[Effect, ...] = ()


class Say(Struct, frozen=True):
    """The person has decided: this act leaves by an event of the arcs."""

    event: str
    act: Act


Taken = Go | Again | Say


def go(_view: View, event: str, _argument: str) -> Taken:
    """Leave by the option's own event."""
    return Go(event)


def back(_view: View) -> Go | None:
    """Leave by `0`."""
    return Go("back")


def nowhere(_view: View) -> Go | None:
    """There is no way back from here."""
    return None


class Spec(Struct, frozen=True):
    """One screen's declaration: how it looks, what it reads, and where each event leads."""

    name: str
    show: Callable[[View], Shown | Go]
    arcs: Mapping[str, str]
    take: Callable[[View, str, str], Taken] = go  # an option was chosen: event, argument
    read: Callable[[View, str], Taken] | None = None  # free input
    back: Callable[[View], Go | None] = back  # 0 was pressed
    wrong3: str = "wrong3"  # what is said at the third wrong input in a row
    has_home: bool = True  # 99 leads to the main menu
