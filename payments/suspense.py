"""What a person does with an item: its money becomes a payment, or it is closed where it holds none."""

import hashlib
from collections.abc import Mapping
from typing import Any

from core import audit
from core.errors import Conflict, NotFound, Refused
from core.ids import derived
from payments.commands import Actor, AssignItem, CloseItem, Reported
from payments.decide.arrive import payment_of, shares_of
from payments.decide.orders import Shares, checkout, order
from payments.decide.settle import settle
from payments.desk import Desk
from payments.lifecycles import ITEM
from payments.providers.base import Outcome, Report
from payments.records import Credit, HeldItem, Payment
from payments.results import Assigned, Closed

_CAUSE = "staff"
_CHANNEL = "suspense"


def assign(desk: Desk, command: AssignItem) -> Assigned:
    """Pay the debts of a tap, or of a tenant there, with what an item holds; again changes nothing.

    What is left over goes where surplus goes: to the payer's wallet, else to a new item. Raises NotFound
    (unknown_item, unknown_tap), Conflict (other_assignment, bad_transition), Refused (holds_nothing,
    other_currency, nothing_owed): then nothing has changed.
    """
    item = _item(desk, command.item_id)
    if item.status == "assigned":
        return _repeat(desk, command, item)
    _check(desk, command, item)
    credit = desk.credits.get(item.credit_id or "")
    shares = shares_of(desk, command.tap_id, command.tenant_id, item.held_minor)
    if not shares:
        raise Refused(f"{command.tap_id} has nothing to pay", code="nothing_owed")
    payment = desk.create(
        _payment(desk, command, item, credit, shares), cause=_CAUSE, actor=command.actor.name
    )
    checkout(desk, payment)
    order(desk, payment, shares, is_open=False)
    word = Report(
        Outcome.PAID,
        receipt=credit.receipt if credit else None,
        amount_minor=item.held_minor,
        currency=item.currency,
    )
    told = Reported(payment.payment_id, word, _CAUSE, item.raw_id)
    if credit and credit.receipt:
        desk.receipts[payment.account_id, credit.receipt] = payment.payment_id
    payment = settle(desk, payment, word, told, held=item)
    _sign(desk, item.item_id, command.actor, command.note)
    detail = {"tap_id": command.tap_id, "payment_id": payment.payment_id, "amount_minor": item.held_minor}
    _note(desk, "suspense.assign", item.item_id, command.actor, detail)
    return Assigned(payment)


def close(desk: Desk, command: CloseItem) -> Closed:
    """Close an item that holds no money, with what was found; again changes nothing.

    Raises NotFound (unknown_item), Refused (holds_money), Conflict (bad_transition).
    """
    item = _item(desk, command.item_id)
    if item.status == "closed":
        return Closed(is_repeat=True)
    if item.held_minor:
        raise Refused("this item holds money: assign it or send it back", code="holds_money")
    desk.resolve(item, "close", by=command.actor.name, note=command.note)
    _note(desk, "suspense.close", item.item_id, command.actor, {"note": command.note})
    return Closed()


def _item(desk: Desk, item_id: str) -> HeldItem:
    item = desk.items.get(item_id)
    if item is None:
        raise NotFound("there is no such item; see madzi suspense list", code="unknown_item")
    return item


def _repeat(desk: Desk, command: AssignItem, item: HeldItem) -> Assigned:
    payment = desk.payments[item.into_payment_id or ""]
    if (payment.tap_id, payment.tenant_id) != (command.tap_id, command.tenant_id):
        raise Conflict(f"it was assigned to {payment.tap_id} before", code="other_assignment")
    return Assigned(payment, is_repeat=True)


def _check(desk: Desk, command: AssignItem, item: HeldItem) -> None:
    if not item.held_minor:
        raise Refused("this item holds no money; close it when it is seen to", code="holds_nothing")
    ITEM.after("assign", item.status)
    currency = desk.currencies.get(command.tap_id)
    if currency is None:
        raise NotFound(f"there is no tap {command.tap_id}", code="unknown_tap")
    if currency != item.currency:
        raise Refused(
            f"{command.tap_id} is paid in {currency}, this is {item.currency}", code="other_currency"
        )


def _payment(
    desk: Desk, command: AssignItem, item: HeldItem, credit: Credit | None, shares: Shares
) -> Payment:
    before = desk.payments.get(item.payment_id or "")
    msisdn = command.msisdn or (credit.msisdn if credit else None) or (before.msisdn if before else "")
    contact = before.contact_msisdn if before else ""
    provider = before.provider if before else desk.account_providers.get(item.account_id)
    return payment_of(
        desk,
        key=derived("assigned", item.item_id),
        request_hash=hashlib.sha256(f"{command.tap_id}:{command.tenant_id}".encode()).hexdigest(),
        msisdn=msisdn,
        contact_msisdn=msisdn or contact or command.contact_msisdn or "",
        tap_id=command.tap_id,
        tenant_id=command.tenant_id,
        shares=shares,
        provider=provider or item.account_id.split(":")[0][:12],
        account_id=item.account_id,
        channel=_CHANNEL,
        correlation_id=before.correlation_id if before else item.raw_id,
    )


def _sign(desk: Desk, item_id: str, actor: Actor, note: str) -> None:
    """Put the person's name under what the books have done for them."""
    row = next(row for row in desk.rows["resolved_items"] if row["item_id"] == item_id)
    row |= {"resolved_by": actor.name[:60], "note": note[:200] or None}


def _note(desk: Desk, action: str, item_id: str, actor: Actor, detail: Mapping[str, Any]) -> None:
    desk.rows["audit_log"].append(
        audit.row(
            ids=desk.ids,
            at=desk.now,
            actor=actor.name,
            role=actor.role,
            channel=actor.channel,
            source=actor.source,
            action=action,
            subject=item_id,
            detail=detail,
        )
    )
