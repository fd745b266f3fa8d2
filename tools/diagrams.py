"""Draws the lifecycles into `docs/architecture.md` from the tables of the code: `python -m tools.diagrams`.

It writes the menu into `docs/menus.md` as well (`tools.menus`). A diagram stands between
`<!-- diagram: payment -->` and `<!-- end of diagram -->`. What is between them is replaced, the rest of the
page is left alone.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from payments.lifecycles import ITEM, ORDER, PAYMENT, Lifecycle
from payments.payouts.lifecycle import PAYOUT
from sms.lifecycle import SMS
from taps.flags_model import FLAG
from tools import menus

PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
LIFECYCLES: Mapping[str, Lifecycle] = {
    lifecycle.name: lifecycle for lifecycle in (PAYMENT, ORDER, ITEM, PAYOUT, SMS, FLAG)
}
_PLACE = re.compile(r"<!-- diagram: (\w+) -->\n.*?<!-- end of diagram -->", re.DOTALL)


def draw(lifecycle: Lifecycle) -> str:
    """Return a lifecycle as a Mermaid state diagram: the first state is where it begins."""
    first = next(iter(lifecycle.states)).value
    arcs = [f"    {source.value} --> {target.value}: {event}" for event, source, target in lifecycle.table]
    left = {source.value for _, source, _ in lifecycle.table}
    ends = [f"    {state.value} --> [*]" for state in lifecycle.states if state.value not in left]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *arcs, *ends])


def fill(page: str) -> str:
    """Return a page with every diagram drawn anew; raises KeyError for a lifecycle that does not exist."""

    def drawn(place: re.Match[str]) -> str:
        name = place[1]
        picture = draw(LIFECYCLES[name])
        return f"<!-- diagram: {name} -->\n```mermaid\n{picture}\n```\n<!-- end of diagram -->"

    return _PLACE.sub(drawn, page)


def names(page: str) -> list[str]:
    """Return which lifecycles a page shows."""
    return [place[1] for place in _PLACE.finditer(page)]


def main(page: Path = PAGE, fill: Callable[[str], str] = fill) -> None:
    """Rewrite the page where something that is drawn has changed."""
    before = page.read_text(encoding="utf-8")
    after = fill(before)
    page.write_text(after, encoding="utf-8")
    print(f"{page.name}: {'written' if after != before else 'the same'}", file=sys.stderr)


if __name__ == "__main__":
    main()
    main(menus.PAGE, menus.fill)
