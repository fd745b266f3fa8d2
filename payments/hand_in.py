"""Cash that an agent brings to a safe: never more than they hold, under a number of its own."""

from core import audit
from payments import cash
from payments.commands import HandIn
from payments.desk import Desk
from payments.events import CashHandedIn
from payments.results import HandedIn, HoldsLess

_SAFE = "safe:"


def safe_account(name: str) -> str:
    """Return the ledger account of the cash in a safe."""
    return _SAFE + name


def number_of(number: int) -> str:
    """Return the number of a hand-in as people see it: H-000012."""
    return f"H-{number:06}"


def hand_in(desk: Desk, command: HandIn) -> HandedIn | HoldsLess:
    """Move cash from an agent to a safe; more than is held is refused, which the audit log keeps."""
    agent, currency = command.agent.name, command.currency
    held_minor = desk.cash_held.get((agent, currency), 0)
    if not 0 < command.amount_minor <= held_minor:
        _note(desk, command, "holds_less")
        return HoldsLess(held_minor, currency)
    left_minor = held_minor - command.amount_minor
    desk.cash_held[agent, currency] = left_minor
    desk.last_hand_in += 1
    number = desk.last_hand_in
    _write(desk, command, number, left_minor)
    _note(desk, command, audit.DONE, number)
    event = CashHandedIn(command.agent, number, command.safe, command.amount_minor, left_minor, currency)
    desk.notes.append(event)
    return HandedIn(number, left_minor)


def _write(desk: Desk, command: HandIn, number: int, left_minor: int) -> None:
    amount_minor, currency = command.amount_minor, command.currency
    entries = [
        (safe_account(command.safe), currency, amount_minor),
        (cash.held_by(command.agent.name), currency, -amount_minor),
    ]
    desk.post("hand_in", f"hand_in:{number}", None, entries)
    desk.rows["hand_ins"].append(
        {
            "number": number,
            "agent": command.agent.name,
            "safe": command.safe,
            "amount_minor": amount_minor,
            "currency": currency,
            "left_minor": left_minor,
            "received_by": command.actor.name[:60],
            "at": desk.now,
        }
    )


def _note(desk: Desk, command: HandIn, result: str, number: int = 0) -> None:
    actor = command.actor
    detail = {"amount_minor": command.amount_minor, "currency": command.currency, "safe": command.safe}
    if number:
        detail["number"] = number_of(number)
    desk.rows["audit_log"].append(
        audit.row(
            ids=desk.ids,
            at=desk.now,
            actor=actor.name,
            role=actor.role,
            channel=actor.channel,
            source=actor.source,
            action="cash.hand_in",
            subject=command.agent.name,
            detail=detail,
            result=result,
        )
    )
