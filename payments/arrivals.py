"""Money that comes by itself: what the payer typed, and whose a half-hidden number may be. Pure."""

import re
from dataclasses import dataclass

from core.errors import BadInput
from payments.providers.account_reference import tap_of
from payments.providers.base import Arrival
from taps import tap_id as taps
from taps.tap_id import TapId, TapNumber

# What people write around a TapID; a settlement of such a name is still found, as the whole is read first.
_WORDS = frozenset(
    {
        "TAP", "TAPID", "ID", "NO", "NR", "NUM", "NUMBER", "ACC", "ACCT", "ACCOUNT", "WATER", "MADZI", "PAY",
        "PAYMENT", "BILL", "FOR", "MPESA",
    }
)  # fmt: skip
_LETTERS_AND_NUMBER = 7  # KNY0417: the check digit was left out
_LONGEST_TYPED = 40
_LEAST_SHOWN = 6  # digits of a number that must be told for it to mean one person
_MASKED = re.compile(r"\+?(\d+)\*+(\d+)", re.ASCII)

Names = tuple[TapId | TapNumber, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may have paid: the phone, where it owes or pays, and as which tenant."""

    msisdn: str
    tap_id: str
    tenant_id: str | None


@dataclass(frozen=True, slots=True)
class Clues:
    """What the database knows about one arrival, looked up before anything is locked.

    `own` is the payment whose reference it carries; `rivals` are pushes of ours that it may be. `taps` are
    those that the typed account can mean; `tenants` of these whose number fits; `debtors` are all people with
    an open debt whose number fits, looked for only where no tap was named.
    """

    own: str | None = None
    rivals: tuple[str, ...] = ()
    taps: tuple[str, ...] = ()
    tenants: tuple[Person, ...] = ()
    debtors: tuple[Person, ...] = ()
    caretakers: tuple[tuple[str, str], ...] = ()  # (tap_id, msisdn)

    @property
    def tap_ids(self) -> set[str]:
        """Every tap whose debts may be paid."""
        return {*self.taps, *(person.tap_id for person in self.debtors)}

    @property
    def payment_ids(self) -> set[str]:
        """Every payment of ours that it may be."""
        return {*self.rivals, *((self.own,) if self.own else ())}

    def caretaker(self, tap_id: str) -> str | None:
        """Return the phone of a tap's caretaker."""
        return dict(self.caretakers).get(tap_id)


def own_tap(arrival: Arrival) -> str | None:
    """Return the tap of a reference of ours that came back (`payments.providers.account_reference`)."""
    return tap_of(reference_of(arrival))


def reference_of(arrival: Arrival) -> str:
    """Return what was typed as a reference of ours is written."""
    return "".join(c for c in arrival.account_reference.upper() if c.isascii() and c.isalnum())


def is_blank(arrival: Arrival) -> bool:
    """Say whether the provider told no account at all, as with a till."""
    return not any(c.isalnum() for c in arrival.account_reference)


def typed(text: str) -> tuple[Names, ...]:
    """Return what the payer can have meant, the surest first: each is to be tried before the next.

    `KNY-0417-1`, `kny o417 1`, `241703`, `tap kny 0417`: as a person types it elsewhere, with words around
    it, or without the check digit. Several names in one answer: only one of them may exist.
    """
    found: list[Names] = []
    groups = re.findall(r"[^\W_]+", text[:_LONGEST_TYPED].upper(), re.ASCII)
    kept = [group for group in groups if group not in _WORDS]
    for words in (groups, kept, ["".join(kept).removeprefix("TAP")]):
        found += [names for names in (_whole(words), _unchecked(words)) if names]
    return tuple(dict.fromkeys(found))


def _whole(groups: list[str]) -> Names:
    try:
        return (taps.read(" ".join(groups)),)
    except BadInput:
        pass
    tap_id = tap_of("".join(groups))
    return (TapId(tap_id),) if tap_id else ()


def _unchecked(groups: list[str]) -> Names:
    """Read a TapID without its check digit; seven characters can also be one without a zero."""
    joined = "".join(groups)
    if len(joined) != _LETTERS_AND_NUMBER:
        return ()
    readings = [*(f"{joined}{digit}" for digit in range(10)), f"{joined[:3]}0{joined[3:]}"]
    return tuple(dict.fromkeys(name for text in readings if isinstance(name := _read(text), TapId)))


def _read(text: str) -> TapId | TapNumber | None:
    try:
        return taps.read(text)
    except BadInput:
        return None


def ends_of(masked: str | None) -> tuple[str, str] | None:
    """Return the first and last digits of a number with stars in it; None where they mean nobody.

    M-PESA writes `2547 ***** 126` and `25470****149` (reference daraja §7).
    """
    found = _MASKED.fullmatch("".join((masked or "").split()))
    if found is None or len(found[1] + found[2]) < _LEAST_SHOWN:
        return None
    return found[1], found[2]


def fits(arrival: Arrival, msisdn: str) -> bool | None:
    """Say whether a phone can be the payer's; None where the arrival says too little of it."""
    if arrival.msisdn:
        return arrival.msisdn == msisdn
    ends = ends_of(arrival.masked_msisdn)
    if ends is None:
        return None
    digits = msisdn.lstrip("+")
    return digits.startswith(ends[0]) and digits.endswith(ends[1]) and len(digits) >= len("".join(ends))


def validate_arrival(arrival: Arrival, *, is_known: bool, is_strict: bool) -> str | None:
    """Return why money should not move at all (`account`, `amount`), None to accept it: asked beforehand.

    Once it has moved it is ours to place, so only what is surely wrong is refused: nothing at all, and, where
    the settings are strict, an account that names no tap of ours.
    """
    if arrival.amount_minor <= 0:
        return "amount"
    if is_strict and not is_known:
        return "account"
    return None
