"""One command, one decision, on the desk. No I/O here."""

from typing import Any

from payments.commands import (
    Arrive,
    AssignItem,
    CloseItem,
    Command,
    HandIn,
    OpenItem,
    Pay,
    PushAnswered,
    RecordCash,
    Reported,
    StartPush,
    TimeUp,
)
from payments.decide.accept import accept
from payments.decide.arrive import arrive
from payments.decide.cash import record_cash
from payments.decide.push import push_answered, start_push, time_up
from payments.decide.report import reported
from payments.desk import Desk
from payments.hand_in import hand_in
from payments.results import Noted
from payments.suspense import assign, close


def decide(desk: Desk, command: Command) -> Any:  # noqa: C901, PLR0911 - a table
    """Return the answer to a command, having changed the desk accordingly."""
    match command:
        case Pay():
            return accept(desk, command)
        case RecordCash():
            return record_cash(desk, command)
        case StartPush():
            return start_push(desk, command)
        case PushAnswered():
            return push_answered(desk, command)
        case Reported():
            return reported(desk, command)
        case TimeUp():
            return time_up(desk, command)
        case Arrive():
            return arrive(desk, command)
        case AssignItem():
            return assign(desk, command)
        case CloseItem():
            return close(desk, command)
        case HandIn():
            return hand_in(desk, command)
        case OpenItem():
            desk.keep(
                command.fact_key,
                command.kind,
                account_id=command.account_id,
                currency=command.currency,
                detail=command.detail,
                payment_id=command.payment_id,
                raw_id=command.raw_id,
            )
            return Noted(None, command.kind)


__all__ = ["decide"]
