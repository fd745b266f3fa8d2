"""Writes the menu's graph and its table of screens and keys into `docs/menus.md`, from the code.

What stands between `<!-- menu: graph -->` or `<!-- menu: screens -->` and `<!-- end of menu -->` is replaced,
the rest of the page is left alone.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ussd_menus.machine import mermaid
from ussd_menus.samples import SETTINGS, World, worlds
from ussd_menus.screens import SPECS
from ussd_menus.session import END
from ussd_menus.walk import Seen, press, walk

PAGE = Path(__file__).parent.parent / "docs" / "menus.md"
_PLACE = re.compile(r"<!-- menu: (\w+) -->\n.*?<!-- end of menu -->", re.DOTALL)
_KEY = re.compile(r"^(\d+) ", re.MULTILINE)


def graph() -> str:
    """Return the menu as a Mermaid state diagram."""
    return f"```mermaid\n{mermaid().rstrip()}\n```"


def screens() -> str:
    """Return a table: each screen as it is met first, for whom, and where its keys lead."""
    rows = [_row(name, *found) for name, found in _first_met().items()]
    return "\n".join(["| screen | for | it says | its keys lead to |", "|---|---|---|---|", *rows])


def _first_met() -> dict[str, tuple[set[tuple[str, ...]], World, Seen]]:
    """Return every screen with the roles that meet it, and the first time that it was met."""
    found: dict[str, tuple[set[tuple[str, ...]], World, Seen]] = {}
    for name, world in worlds().items():
        for seen in walk(name, world, SETTINGS):
            if not seen.session.errors:
                screen = _STAFF if seen.screen.name == _STAFF else seen.session.state
                roles, *_ = found.setdefault(screen, (set(), world, seen))
                roles.add(world.phone.roles)
    return {name: found[name] for name in (*SPECS, _STAFF) if name in found}


def _row(name: str, roles: set[tuple[str, ...]], world: World, seen: Seen) -> str:
    says = seen.screen.text.replace("|", "\\|").replace("\n", "<br>")
    leads = ", ".join(f"`{key}` {target}" for key, target in _leads(world, seen))
    return f"| `{name}` | {_who(roles)} | {says} | {leads} |"


def _who(roles: set[tuple[str, ...]]) -> str:
    if () in roles:
        return "everyone"
    of = {role for one in roles for role in one}
    if ("agent",) in roles:
        return "agents, caretakers" if ("caretaker",) in roles else "agents"
    return "caretakers" if ("caretaker",) in roles else " and ".join(sorted(of))


def _leads(world: World, seen: Seen) -> Iterator[tuple[str, str]]:
    if seen.session.state == END:
        return
    for key in _KEY.findall(seen.screen.text):
        targets = {one.session.state for one in press(seen.session, key, world, SETTINGS)}
        yield key, " or ".join(f"`{target}`" for target in sorted(targets))
    if SPECS[seen.session.state].read:
        events = SPECS[seen.session.state].arcs
        free = [_AFTER.get(target, target) for event, target in events.items() if event in _READ]
        yield "typed", " or ".join(f"`{target}`" for target in dict.fromkeys(free))


_STAFF = "main.staff"  # the main menu of agents and caretakers
# What is seen after a screen that nobody ever sees.
_AFTER = {"changing": "changed", "reporting": "ended"}
# Events by which what was typed leaves a screen.
_READ = frozenset(
    {
        *("found", "amount", "number", "tap", "send", "amount_known", "payer", "count", "people"),
        *("phone", "name"),
    }
)
_PARTS = {"graph": graph, "screens": screens}


def fill(page: str, parts: Mapping[str, str] | None = None) -> str:
    """Return a page with every part written anew; raises KeyError for a part that does not exist."""

    def written(place: re.Match[str]) -> str:
        name = place[1]
        part = _PARTS[name]() if parts is None else parts[name]
        return f"<!-- menu: {name} -->\n{part}\n<!-- end of menu -->"

    return _PLACE.sub(written, page)
