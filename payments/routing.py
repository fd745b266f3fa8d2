"""By which rail a payment goes: rules in one order, the same for everybody, with the reasons kept. Pure.

A rule drops a rail or lets it pass, in this order: the payer's network, the currency, the value, the kind of
customer. What is left is ranked: rails that work before those that do not, the payer's own choice, the
cheaper, then by name. So a choice wins over cost, never over what is impossible.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from core import msisdn as numbers
from payments.desk import Rail
from payments.routing_rules import ASKED_FOR, BY_NETWORK, FIRST, FREE, Fee, wallet_of

NAMES = {
    "mtn": "MTN MoMo",
    "airtel": "Airtel Money",
    "zamtel": "Zamtel Kwacha",
    "daraja": "M-PESA",
    "kcb": "KCB M-Pesa",
    "kcb_multi": "KCB",
    "stripe": "Card",
    "cash": "Cash",
    "wallet": "Madzi",  # what we keep for the payer
}


class Asked(Struct, frozen=True):
    """What is known of a payment before it has a rail."""

    msisdn: str  # E.164, the wallet
    currency: str
    amount_minor: int | None = None  # None: not known yet
    provider: str = ""  # whose wallet; empty: that of the number's prefix
    is_chosen: bool = False  # somebody asked for this provider and no other
    down: frozenset[str] = frozenset()  # accounts whose breaker is not closed
    fees: Mapping[str, Fee] = {}  # by account, else by provider

    @property
    def wallet(self) -> str:
        """Return the wallet that is to be debited; empty where nobody knows it."""
        return wallet_of(self.provider) if self.provider else wallet_of_number(self.msisdn)


class Choice(Struct, frozen=True):
    """Rails that can collect, the best first, and what was said of every rail that was there."""

    rails: tuple[Rail, ...]
    reasons: str  # JSON, as stored: [provider, rank from 1, or 0 for dropped, why]
    unfit: tuple[Rail, ...] = ()  # those that only the value speaks against


def choose(candidates: Iterable[Rail], asked: Asked) -> Choice:
    """Judge every rail of a zone for a payment."""
    kept: list[Rail] = []
    dropped: list[tuple[Rail, str]] = []
    wallet = asked.wallet
    for rail in candidates:
        why = next((name for name, drops in RULES if drops(rail, asked, wallet)), "")
        if why:
            dropped.append((rail, why))
        else:
            kept.append(rail)
    ranked = sorted(kept, key=lambda rail: _rank(rail, asked))
    said = [(rail.provider, rank, _why(rail, asked)) for rank, rail in enumerate(ranked, 1)]
    said += [(rail.provider, 0, why) for rail, why in dropped]
    unfit = tuple(rail for rail, why in dropped if why == "value" and not _is_not_for(rail, asked, wallet))
    return Choice(tuple(ranked), _as_json(tuple(said)), unfit)


# Each says whether a rail is dropped.


def _other_network(rail: Rail, _asked: Asked, wallet: str) -> bool:
    return wallet_of(rail.provider) != wallet and rail.provider not in ASKED_FOR


def _other_currency(rail: Rail, asked: Asked, _wallet: str) -> bool:
    return asked.currency not in rail.traits.currencies


def _other_value(rail: Rail, asked: Asked, _wallet: str) -> bool:
    traits, amount_minor = rail.traits, asked.amount_minor
    if amount_minor is None:
        return False
    return not traits.min_minor <= amount_minor <= traits.max_minor or bool(amount_minor % traits.unit_minor)


def _is_not_for(rail: Rail, asked: Asked, _wallet: str) -> bool:
    return rail.provider in ASKED_FOR and not (asked.is_chosen and asked.provider == rail.provider)


RULES: tuple[tuple[str, Callable[[Rail, Asked, str], bool]], ...] = (
    ("network", _other_network),
    ("currency", _other_currency),
    ("value", _other_value),
    ("customer", _is_not_for),
)


def _rank(rail: Rail, asked: Asked) -> tuple[bool, bool, int, str, str]:
    is_other = asked.is_chosen and rail.provider != asked.provider
    return rail.account_id in asked.down, is_other, _cost(rail, asked), rail.provider, rail.account_id


def _cost(rail: Rail, asked: Asked) -> int:
    fee = asked.fees.get(rail.account_id) or asked.fees.get(rail.provider) or FREE
    return fee.of(asked.amount_minor or 0)


def _why(rail: Rail, asked: Asked) -> str:
    if rail.account_id in asked.down:
        return "down"
    if asked.is_chosen and rail.provider == asked.provider:
        return "chosen"
    return f"cost {_cost(rail, asked)}"


@lru_cache(maxsize=1024)
def _as_json(said: tuple[tuple[str, int, str], ...]) -> str:
    return msgspec.json.encode(said).decode()


# What the number alone tells


def wallet_of_number(msisdn: str) -> str:
    """Return the wallet behind a number's prefix; empty where there is none that we know."""
    network = numbers.network(msisdn)
    return BY_NETWORK.get((network.name, network.country), "")


def usual(msisdn: str) -> str | None:
    """Return the provider of a number's prefix; None where there is none. The payer may choose another."""
    wallet = wallet_of_number(msisdn)
    return FIRST.get(wallet, wallet) or None


def usual_of(msisdn: str, rails: Sequence[Rail]) -> str | None:
    """Return by which of these rails people know the wallet behind a number; None where none debits it."""
    wallet = wallet_of_number(msisdn)
    theirs = [rail.provider for rail in rails if wallet_of(rail.provider) == wallet]
    first = FIRST.get(wallet, wallet)
    return first if first in theirs else next(iter(theirs), None)


def is_up(rail: Rail, rails: Sequence[Rail], down: frozenset[str]) -> bool:
    """Say whether a wallet can be asked now: by this rail, or by another one that debits it."""
    wallet = wallet_of(rail.provider)
    return any(wallet_of(one.provider) == wallet and one.account_id not in down for one in rails)


def for_currency(rails: Iterable[Rail], currency: str) -> list[Rail]:
    """Return the rails that ask a handset in a currency, in a stable order: what a phone is offered."""
    fitting = (r for r in rails if currency in r.traits.currencies and r.traits.asks_handset)
    return sorted(fitting, key=lambda r: r.provider)
