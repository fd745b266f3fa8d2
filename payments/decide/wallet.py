"""What we keep for a payer pays first: how an amount is divided, and the payment from the wallet.

It is final at once, as cash is. Where the prompt for the rest fails later, this part stays paid: the person
wanted that debt paid, and it has become smaller.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from core.errors import BadAmount
from core.ids import derived
from payments.commands import Pay, Reported
from payments.decide.orders import Shares, order, payment_for
from payments.decide.settle import settle
from payments.desk import Desk
from payments.providers.base import Outcome, Report, Traits
from payments.records import Payment
from payments.wallet import accounts
from taps.debts import Part, allocate

_CAUSE = "wallet"


@dataclass(frozen=True, slots=True)
class Divided:
    """What the wallet pays of each part, and what the rail is to collect; either may be empty."""

    kept: Shares
    rest: Shares


def request_id(key: str) -> str:
    """Return the idempotency key of the payment from a wallet that goes before a prompt."""
    return derived(key, _CAUSE)


def usable_minor(desk: Desk, pay: Pay, currency: str) -> int:
    """Return what may be used of the payer's wallet.

    Nobody types a PIN for it, so only the person's own phone can use it: whoever names another's number
    asks that other's network, never their wallet with us.
    """
    if pay.msisdn != pay.contact_msisdn:
        return 0
    return max(0, desk.wallets.get((pay.msisdn, currency), 0))


def divide(parts: list[Part], amount_minor: int, kept_minor: int, traits: Traits) -> Divided | None:
    """Divide an amount over open parts: the wallet to the oldest first, whole units to the rail.

    None where the rail cannot carry what it would have to.
    """
    used_minor = accounts.usable_minor(amount_minor, kept_minor, traits.unit_minor, traits.min_minor)
    shares = _shares(parts, amount_minor, traits.unit_minor if used_minor < amount_minor else 1)
    divided = _split(shares, used_minor, traits.unit_minor) if shares else None
    rest_minor = amount_minor - used_minor
    fits = not rest_minor or traits.min_minor <= rest_minor <= traits.max_minor
    return divided if fits else None


def _shares(parts: list[Part], amount_minor: int, unit_minor: int) -> Shares | None:
    """Divide in the rail's units where that can be: then the wallet need only make the amount whole."""
    broken_minor = amount_minor % unit_minor
    try:
        whole = allocate(parts, amount_minor - broken_minor, unit_minor)
        return _add(parts, whole, broken_minor) if broken_minor else whole
    except BadAmount:
        pass
    try:
        return allocate(parts, amount_minor)
    except BadAmount:
        return None


def _add(parts: list[Part], shares: Shares, more_minor: int) -> Shares:
    """Divide some more over what shares leave open."""
    given = {part.part_id: share for part, share in shares}
    left = [replace(part, paid_minor=part.paid_minor + given.get(part.part_id, 0)) for part in parts]
    for part, share in allocate(left, more_minor):
        given[part.part_id] = given.get(part.part_id, 0) + share
    return [(part, given[part.part_id]) for part in parts if given.get(part.part_id)]


def _split(shares: Shares, used_minor: int, unit_minor: int) -> Divided | None:
    if used_minor == sum(share for _, share in shares):
        return Divided(shares, [])
    broken = {part.part_id: share % unit_minor for part, share in shares}
    more_minor = used_minor - sum(broken.values())
    if more_minor < 0:
        return None
    whole = [replace(part, amount_minor=share - broken[part.part_id], paid_minor=0) for part, share in shares]
    more = {p.part_id: n for p, n in allocate(whole, more_minor, unit_minor)} if more_minor else {}
    kept = [(part, broken[part.part_id] + more.get(part.part_id, 0)) for part, _ in shares]
    rest = [(part, share - mine) for (part, share), (_, mine) in zip(shares, kept, strict=True)]
    return Divided([(p, n) for p, n in kept if n], [(p, n) for p, n in rest if n])


def spend(desk: Desk, pay: Pay, shares: Shares, *, key: str, checkout_id: str, rest_minor: int) -> Payment:
    """Pay shares from the payer's wallet; the checkout is written by whoever knows all of it."""
    payment = desk.create(_payment(desk, pay, shares, key, checkout_id), cause=pay.channel)
    order(desk, payment, shares)
    word = Report(Outcome.PAID)
    return settle(desk, payment, word, Reported(payment.payment_id, word, _CAUSE), rest_minor=rest_minor)


def _payment(desk: Desk, pay: Pay, shares: Shares, key: str, checkout_id: str) -> Payment:
    return payment_for(
        desk,
        shares,
        payment_request_id=key,
        request_hash=pay.request_hash,
        checkout_id=checkout_id,
        user_id=pay.user_id,
        msisdn=pay.msisdn,
        contact_msisdn=pay.contact_msisdn,
        tap_id=pay.tap_id,
        tenant_id=pay.tenant_id,
        provider=accounts.PROVIDER,
        account_id=accounts.ACCOUNT_ID,
        channel=pay.channel,
        correlation_id=pay.correlation_id,
    )
