"""Money that came by itself: whose it is, and what it pays. Never dropped, never guessed, never twice.

One receipt of an account is one credit, whoever tells of it and however often. What it can be, in this order:
a push of ours; money for the tap that the payer named; money of a known payer who owes in one place only;
else money that waits in suspense for a person.
"""

import hashlib
from dataclasses import dataclass

from msgspec import convert

from core.ids import derived
from core.money import display
from payments import arrivals
from payments.arrivals import Clues, Person
from payments.commands import Arrive, Reported
from payments.decide.orders import Shares, checkout, order, payment_for
from payments.decide.report import reported
from payments.decide.settle import settle
from payments.desk import Desk
from payments.events import Unmatched
from payments.providers.base import Arrival, Outcome, Report
from payments.records import Credit, HeldItem, Payment
from payments.results import AskFirst, Noted
from taps.debts import Part, allocate, oldest_first, total_open_minor

_LONGEST = 40  # payments.tables: receipts and what was typed
_UNSETTLED = ("initiated", "pending", "failed", "expired")


@dataclass(frozen=True, slots=True)
class Place:
    """What money is for: a tap, and a tenant there where the payer is known to be one."""

    tap_id: str
    tenant_id: str | None
    contact_msisdn: str


def arrive(desk: Desk, command: Arrive) -> Noted | AskFirst:
    """Take money once; AskFirst where a push of ours must be asked about before.

    Verdicts: confirmed (it was a push), receipt (of a push that had none), second_receipt (of a push that has
    another), repeated, credited, suspense.
    """
    arrival = command.arrival
    key = (command.account_id, arrival.receipt)
    if key in desk.receipts:
        return Noted(desk.payments.get(desk.receipts[key]), "repeated")
    if arrival.amount_minor <= 0:
        return Noted(None, "nothing")
    clues = desk.clues.get(key, Clues())
    ours = _ours(desk, command, clues)
    if ours is not None:
        return ours
    place = _place(desk, arrival, clues)
    if place is None:
        return _hold(
            desk,
            command,
            "no_match",
            f"nobody knows what {display(arrival.amount_minor, arrival.currency)} is for",
        )
    return _pay(desk, command, place)


def _ours(desk: Desk, command: Arrive, clues: Clues) -> Noted | AskFirst | None:
    """Say what it is where it is a push of ours, or may be; None where it is none."""
    named = desk.payments.get(clues.own or "")
    if named and _can_be(named, command.arrival):
        return _its_own(desk, command, named)
    if named and _may_have_come(desk, command, named):
        return _second(desk, command, named)
    like = [desk.payments[i] for i in clues.rivals if i in desk.payments]
    like = [payment for payment in like if _can_be(payment, command.arrival)]
    unsettled = [payment for payment in like if payment.status in _UNSETTLED and not payment.is_final]
    askable = tuple(p.payment_id for p in unsettled if desk.rules.traits(p).has_query)
    if askable:
        return AskFirst(askable)
    if unsettled:
        detail = f"may be payment {unsettled[0].payment_id}, and this rail cannot be asked"
        return _hold(desk, command, "no_match", detail)
    settled = [payment for payment in like if payment.has_brought]
    return _its_own(desk, command, settled[0]) if settled else None


def _can_be(payment: Payment, arrival: Arrival) -> bool:
    """Say whether money can be this push's: it brought none yet, or its receipt is still to come."""
    is_waiting = payment.status in _UNSETTLED or (payment.has_brought and not payment.receipt)
    same = (payment.amount_minor, payment.currency) == (arrival.amount_minor, arrival.currency)
    return is_waiting and same and arrivals.fits(arrival, payment.msisdn) is not False


def _may_have_come(desk: Desk, command: Arrive, payment: Payment) -> bool:
    """Say whether money is perhaps what this push has brought already, under a receipt that is not true.

    Where the rail's own word names no receipt, that of a success is what somebody claimed in a callback.
    """
    arrival = command.arrival
    is_claimed = bool(payment.receipt) and not desk.rules.traits(payment).query_gives_amount
    same = (payment.amount_minor, payment.currency) == (arrival.amount_minor, arrival.currency)
    is_payers = arrivals.fits(arrival, payment.msisdn) is not False
    return is_claimed and same and is_payers and payment.receipt not in command.beside


def _second(desk: Desk, command: Arrive, payment: Payment) -> Noted:
    """Book nothing: a person sees at the provider's whether there is one receipt, or both."""
    receipt = command.arrival.receipt
    desk.keep(
        f"second:{command.account_id}:{receipt}"[:100],
        "second_receipt",
        account_id=command.account_id,
        currency=command.arrival.currency,
        detail=f"receipt {receipt} for what was paid under {payment.receipt}: does the rail list both?",
        payment_id=payment.payment_id,
        raw_id=command.raw_id,
    )
    return Noted(payment, "second_receipt")


def _its_own(desk: Desk, command: Arrive, payment: Payment) -> Noted:
    was_settled = payment.has_brought
    arrival = command.arrival
    word = Report(
        Outcome.PAID,
        receipt=arrival.receipt,
        amount_minor=arrival.amount_minor,
        currency=arrival.currency,
    )
    noted = reported(desk, Reported(payment.payment_id, word, command.cause, command.raw_id))
    desk.receipts[command.account_id, arrival.receipt] = payment.payment_id
    return Noted(noted.payment, "receipt" if was_settled else noted.verdict)


def _place(desk: Desk, arrival: Arrival, clues: Clues) -> Place | None:
    if clues.taps:
        return _named(arrival, clues, clues.taps[0]) if len(clues.taps) == 1 else None
    return _only_debt(desk, arrival, clues)


def _named(arrival: Arrival, clues: Clues, tap_id: str) -> Place:
    """The payer named a tap; whoever else fits the number, one tenant of that tap alone is meant by it."""
    people = [person for person in clues.tenants if person.tap_id == tap_id]
    person = people[0] if len({p.tenant_id for p in people}) == 1 else None
    return Place(tap_id, person.tenant_id if person else None, _contact(arrival, clues, tap_id, person))


def _only_debt(desk: Desk, arrival: Arrival, clues: Clues) -> Place | None:
    """One phone that fits and owes, and in one place only: everything else would be a guess."""
    owing = [p for p in clues.debtors if total_open_minor(_owed(desk, p.tap_id, p.tenant_id, is_person=True))]
    if len({p.msisdn for p in owing}) != 1 or len({p.tap_id for p in owing}) != 1:
        return None
    as_tenants = [p for p in owing if p.tenant_id] or owing
    if len(as_tenants) != 1:
        return None
    person = as_tenants[0]
    return Place(person.tap_id, person.tenant_id, _contact(arrival, clues, person.tap_id, person))


def _contact(arrival: Arrival, clues: Clues, tap_id: str, person: Person | None) -> str:
    """Return who is told: the payer, the tenant whose number fits, the tap's caretaker, or nobody."""
    return arrival.msisdn or (person.msisdn if person else None) or clues.caretaker(tap_id) or ""


def _owed(desk: Desk, tap_id: str, tenant_id: str | None, *, is_person: bool) -> list[Part]:
    """Return what this money pays: a tenant's own and the tap's common debts, else all of the tap's."""
    parts = desk.open_parts(tap_id, None)
    if not is_person:
        return parts
    return [part for part in parts if part.tenant_id in (None, tenant_id)]


def _pay(desk: Desk, command: Arrive, place: Place) -> Noted:
    arrival = command.arrival
    if desk.currencies.get(place.tap_id) != arrival.currency:
        return _hold(desk, command, "other_currency", f"{arrival.currency} for {place.tap_id}")
    shares = shares_of(desk, place.tap_id, place.tenant_id, arrival.amount_minor)
    if not shares and not arrival.msisdn:
        return _hold(desk, command, "over_payment", f"{place.tap_id} owes nothing", is_told=False)
    payment = desk.create(_payment(desk, command, place, shares), cause=command.cause)
    checkout(desk, payment)
    order(desk, payment, shares, is_open=False)
    word = Report(
        Outcome.PAID, receipt=arrival.receipt, amount_minor=arrival.amount_minor, currency=arrival.currency
    )
    payment = settle(desk, payment, word, Reported(payment.payment_id, word, command.cause, command.raw_id))
    desk.rows["credits"][-1].update(_payer(arrival))
    return Noted(payment, "credited")


def shares_of(desk: Desk, tap_id: str, tenant_id: str | None, amount_minor: int) -> Shares:
    """Divide money over what is open, oldest first; it may be more than that, and nothing may be open."""
    parts = oldest_first(_owed(desk, tap_id, tenant_id, is_person=tenant_id is not None))
    pays_minor = min(amount_minor, total_open_minor(parts))
    return allocate(parts, pays_minor) if pays_minor else []


def _payer(arrival: Arrival) -> dict[str, str | None]:
    return {
        "account_reference": arrival.account_reference[:_LONGEST] or None,
        "msisdn": arrival.msisdn,
        "masked_msisdn": (arrival.masked_msisdn or "")[:20] or None,
        "second_reference": (arrival.second_reference or "")[:_LONGEST] or None,
    }


def _payment(desk: Desk, command: Arrive, place: Place, shares: Shares) -> Payment:
    arrival = command.arrival
    mine = {part.tenant_id for part, _ in shares}
    return payment_of(
        desk,
        key=derived("arrival", command.account_id, arrival.receipt),
        request_hash=hashlib.sha256(repr(arrival).encode()).hexdigest(),
        msisdn=arrival.msisdn or "",
        contact_msisdn=place.contact_msisdn,
        tap_id=place.tap_id,
        tenant_id=place.tenant_id if mine <= {place.tenant_id} else None,
        shares=shares,
        provider=command.provider,
        account_id=command.account_id,
        channel=command.cause,
        correlation_id=command.raw_id,
    )


def payment_of(  # noqa: PLR0913 - one argument a column
    desk: Desk,
    *,
    key: str,
    request_hash: str,
    msisdn: str,
    contact_msisdn: str,
    tap_id: str,
    tenant_id: str | None,
    shares: Shares,
    provider: str,
    account_id: str,
    channel: str,
    correlation_id: str | None,
) -> Payment:
    """Return a payment that nobody was asked for; `msisdn` is empty where nobody has told it in full."""
    payment_id = desk.ids.new()
    return payment_for(
        desk,
        shares,
        payment_id=payment_id,
        payment_request_id=key,
        request_hash=request_hash,
        msisdn=msisdn,
        contact_msisdn=contact_msisdn,
        tap_id=tap_id,
        tenant_id=tenant_id,
        provider=provider,
        account_id=account_id,
        channel=channel[:10],
        correlation_id=correlation_id or payment_id,
    )


def _hold(desk: Desk, command: Arrive, kind: str, detail: str, *, is_told: bool = True) -> Noted:
    """Keep money in suspense for a person; whoever's number is known in full is asked what it is for."""
    arrival, account_id = command.arrival, command.account_id
    credit = Credit(
        credit_id=desk.ids.new(),
        payment_id=None,
        account_id=account_id,
        receipt=arrival.receipt,
        amount_minor=arrival.amount_minor,
        currency=arrival.currency,
        proof=command.cause,
        at=desk.now,
        **_payer(arrival),
    )
    entries = [
        (f"rail:{account_id}", arrival.currency, arrival.amount_minor),
        (f"suspense:{account_id}", arrival.currency, -arrival.amount_minor),
    ]
    desk.post("arrival", f"arrival:{credit.credit_id}", None, entries)
    desk.credit(credit)
    item = desk.keep(
        f"arrival:{credit.credit_id}",
        kind,
        account_id=account_id,
        currency=arrival.currency,
        detail=f"{detail}; receipt {arrival.receipt}, typed {arrival.account_reference[:_LONGEST]!r}",
        held_minor=arrival.amount_minor,
        credit_id=credit.credit_id,
        raw_id=command.raw_id,
    )
    desk.unplaced[credit.credit_id] = convert(item, HeldItem)
    if arrival.msisdn and is_told:
        desk.notes.append(Unmatched(credit, command.provider))
    return Noted(None, "suspense")
