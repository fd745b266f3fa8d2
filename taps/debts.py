"""What is owed, and how a payment is divided over it: pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from core.errors import BadAmount
from core.money import share
from taps.tariffs import Component

# The least that the wallets of a currency move, where it is not the least that there is.
_COINS_MINOR = {"KES": 100}


class Part(Struct, frozen=True, gc=False):
    """One seller's part of a debt for one component; amounts in minor units of `currency`.

    The tap owes it where `tenant_id` is None, else that tenant of the tap.
    """

    part_id: str
    debt_id: str
    period: str
    component: str
    seller: str
    amount_minor: int
    paid_minor: int
    tap_id: str
    tenant_id: str | None
    zone: str
    currency: str

    @property
    def open_minor(self) -> int:
        """What is still owed."""
        return self.amount_minor - self.paid_minor


def total_open_minor(parts: Iterable[Part]) -> int:
    """Return what is still owed on all parts together."""
    return sum(part.open_minor for part in parts)


def payable_minor(parts: Iterable[Part], unit_minor: int = 1) -> int:
    """Return the most that a rail of whole units can pay: each seller gets whole units and not too much.

    It is below the total where a part cannot be expressed in units (KES 26.67 in whole shillings is 26).
    """
    return sum(part.open_minor // unit_minor for part in parts) * unit_minor


def oldest_first(parts: Iterable[Part]) -> list[Part]:
    """Return parts in the order in which they are paid and shown: by period, water first, by seller."""
    return sorted(parts, key=lambda p: (p.period, p.component != Component.WATER, p.seller, p.part_id))


def allocate(parts: Sequence[Part], amount_minor: int, unit_minor: int = 1) -> list[tuple[Part, int]]:
    """Divide a payment: the oldest period first, within one in proportion to what is open.

    Proportions are by largest remainder, water first (contract §5), in whole units of `unit_minor` (100 on
    rails of whole shillings). Returns only parts that get something, in the order of `oldest_first`.
    Raises BadAmount: bad_amount at or below zero, not_whole_units, more_than_owed (above `payable_minor`).
    """
    if amount_minor <= 0:
        raise BadAmount("the amount is not above zero")
    unit_minor = max(unit_minor, _coin_minor(parts, amount_minor))
    units, rest = divmod(amount_minor, unit_minor)
    if rest:
        raise BadAmount("this way of paying takes whole units only", code="not_whole_units")
    if amount_minor > payable_minor(parts, unit_minor):
        raise BadAmount("the amount is more than what is owed", code="more_than_owed")
    shares: list[tuple[Part, int]] = []
    for _, group in groupby(oldest_first(parts), key=lambda part: part.period):
        period = list(group)
        given = _divide(period, units, unit_minor)
        units -= sum(given)
        shares += [(part, n * unit_minor) for part, n in zip(period, given, strict=True) if n]
    return shares


def _coin_minor(parts: Sequence[Part], amount_minor: int) -> int:
    """Return the coin in which money is divided that comes in whole coins, for debts of whole coins.

    Cash and payments by hand are not bound to it, but what they leave open is to be paid by a rail that is.
    """
    coins = {_COINS_MINOR.get(part.currency, 1) for part in parts}
    coin_minor = coins.pop() if len(coins) == 1 else 1
    is_whole = not any(n % coin_minor for n in (amount_minor, *(part.open_minor for part in parts)))
    return coin_minor if is_whole else 1


def _divide(parts: Sequence[Part], units: int, unit_minor: int) -> list[int]:
    """Return each part's units: never more than it has open, as weights are open units themselves."""
    weights = [part.open_minor // unit_minor for part in parts]
    return weights if units >= sum(weights) else share(units, weights)
