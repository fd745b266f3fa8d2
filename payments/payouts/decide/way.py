"""By which rail and in which way money goes back."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import BadInput, Refused
from core.money import display
from payments import routing
from payments.payouts.desk import OWN, PayoutDesk, PayoutRail
from payments.providers.accounts import default_id
from payments.providers.base import PayoutKind
from payments.records import Credit, Payment

_UNDOES = (PayoutKind.REVERSAL, PayoutKind.REFUND)


@dataclass(frozen=True, slots=True)
class Way:
    """A rail, and what it is to do."""

    rail: PayoutRail
    kind: PayoutKind


def back(
    desk: PayoutDesk,
    payment: Payment,
    credit: Credit,
    amount_minor: int,
    *,
    msisdn: str | None = None,
    wanted: str | None = None,
) -> Way:
    """Return how a payment is given back: undone by its own rail where that can be, else sent anew.

    Raises Refused: no_way_out, payer_unknown, bad_amount; BadInput for a way that there is not.
    """
    ways = list(_undoing(desk, payment, credit, amount_minor)) if msisdn is None else []
    is_sure = bool(payment.msisdn or credit.account_id in OWN) and payment.reason != "other_payer"
    if msisdn or is_sure:
        # Whoever names a number wants the money there, and not in an agent's hand or in a wallet here.
        account_id = None if msisdn and credit.account_id in OWN else credit.account_id
        ways += transfers(desk, account_id, msisdn or payment.msisdn, credit.currency)
    elif not ways:
        raise Refused(
            "nobody knows for sure who paid, and this cannot be undone: name who gets it with --msisdn",
            code="payer_unknown",
        )
    return _first(ways, wanted, amount_minor, credit.currency)


def out(desk: PayoutDesk, account_id: str | None, msisdn: str, amount_minor: int, currency: str) -> Way:
    """Return how money is sent to a number; raises Refused where no rail can."""
    return _first(transfers(desk, account_id, msisdn, currency), None, amount_minor, currency)


def _undoing(desk: PayoutDesk, payment: Payment, credit: Credit, amount_minor: int) -> Iterator[Way]:
    rail = desk.rules.rail(credit.account_id)
    if rail is None:
        return
    is_whole = amount_minor == credit.amount_minor
    for kind in _UNDOES:
        # A reversal names what it undoes by the network's receipt; a refund by a request that we made.
        is_named = bool(payment.receipt) if kind is PayoutKind.REVERSAL else payment.push_state != "none"
        if kind in rail.traits.kinds and is_named and (is_whole or rail.traits.is_partial):
            yield Way(rail, kind)


def transfers(desk: PayoutDesk, account_id: str | None, msisdn: str, currency: str) -> list[Way]:
    """Return the accounts that can send to a number: the one that got the money, else its network's own."""
    usual = routing.usual(msisdn) if msisdn else None
    names = [account_id, default_id(usual) if usual else None]
    if account_id and usual and account_id not in OWN and not account_id.startswith(f"{usual}:"):
        names.reverse()  # each network pays its own numbers
    rails = [desk.rules.rail(name) for name in dict.fromkeys(names) if name]
    return [
        Way(rail, PayoutKind.TRANSFER)
        for rail in rails
        if rail
        and PayoutKind.TRANSFER in rail.traits.kinds
        and (not rail.currencies or currency in rail.currencies)
    ]


def _first(ways: list[Way], wanted: str | None, amount_minor: int, currency: str) -> Way:
    if wanted is not None and wanted not in set(PayoutKind):
        raise BadInput(f"{wanted!r} is no way: {', '.join(PayoutKind)}", code="bad_way")
    able = [way for way in ways if wanted in (None, way.kind)]
    if not able:
        raise Refused(
            "nothing that is set up can send this back; see what the provider's own pages can do",
            code="no_way_out",
        )
    fitting = [way for way in able if _fits(way, amount_minor)]
    if fitting:
        return fitting[0]
    traits = able[0].rail.traits
    raise Refused(
        f"{routing.NAMES[able[0].rail.provider]} sends from {display(traits.min_minor, currency)} to "
        f"{display(traits.max_minor, currency)}, in steps of {display(traits.unit_minor, currency)}",
        code="bad_amount",
    )


def _fits(way: Way, amount_minor: int) -> bool:
    traits = way.rail.traits
    return traits.min_minor <= amount_minor <= traits.max_minor and amount_minor % traits.unit_minor == 0
