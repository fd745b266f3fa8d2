"""Cash that an agent takes: what it is called in the books, and the number on its receipt.

Cash is a provider without a push: nobody can choose it as a way to pay, an agent records it. Until the agent
hands it in, it lies in the ledger account of that agent.
"""

from payments.desk import Rail
from payments.providers.base import Traits

PROVIDER = "cash"
# One gateway account for all cash, so that a receipt number is one of the whole installation (`credits`).
RAIL = Rail(
    PROVIDER,
    "cash:default",
    Traits(has_query=False, push_is_repeatable=False, unit_minor=1, currencies=frozenset()),
)
_HELD = "cash:"


def held_by(agent: str) -> str:
    """Return the ledger account of the cash that an agent, by user name, has taken and not handed in yet."""
    return _HELD + agent


def receipt(number: int) -> str:
    """Return the receipt of a number: C-004217."""
    return f"C-{number:06}"
