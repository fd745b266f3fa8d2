"""Another rail for the same wallet, only where a debit by the first one is provably impossible (rule 3)."""

from payments import routing
from payments.commands import PushAnswered
from payments.desk import Desk, Rail
from payments.providers.base import Taken
from payments.records import Payment
from payments.results import Noted

_MOST_MOVES = 2


def another_rail(desk: Desk, payment: Payment, *, cause: str) -> Payment | None:
    """Move a payment to another rail that debits the same wallet; None where it stays.

    The caller knows that the try that has just ended came to nothing. That none before it was of unknown
    outcome is what `initiated` says: any such try makes a payment pending at once.
    """
    if payment.status != "initiated" or payment.routes > _MOST_MOVES:
        return None
    choice = routing.choose(
        desk.rails_of(payment.zone),
        routing.Asked(
            msisdn=payment.msisdn,
            currency=payment.currency,
            amount_minor=payment.amount_minor,
            provider=payment.provider,
            down=desk.down,
            fees=desk.rules.fees,
        ),
    )
    rail = next((rail for rail in choice.rails if _is_better(desk, payment, rail)), None)
    return _move(desk, payment, rail, cause, choice.reasons) if rail else None


def _is_better(desk: Desk, payment: Payment, rail: Rail) -> bool:
    orders = desk.orders.get(payment.payment_id, ())
    return (
        rail.account_id != payment.account_id
        and rail.account_id not in desk.down
        and all(order.amount_minor % rail.traits.unit_minor == 0 for order in orders)
    )


def _move(desk: Desk, payment: Payment, rail: Rail, cause: str, reasons: str) -> Payment:
    # The key stays: should the rail that is left speak of it after all, its callback is known by that.
    moved = desk.touch(
        payment,
        provider=rail.provider,
        account_id=rail.account_id,
        reference=desk.ids.new_v4(),
        provider_reference=None,
        push_state="none",
        push_attempts=0,
        routes=payment.routes + 1,
    )
    desk.moved.add(payment.payment_id)
    desk.route(moved, cause, reasons)
    return moved


def stray_answer(desk: Desk, payment: Payment, command: PushAnswered) -> Noted:
    """Note what a rail answers that the payment has left: a prompt there must be looked at by a person."""
    if command.reply.taken in (Taken.ACCEPTED, Taken.UNKNOWN):
        desk.keep(
            f"left_rail:{payment.payment_id}:{command.account_id}",
            "left_rail",
            account_id=command.account_id,
            currency=payment.currency,
            detail=f"a push of {payment.amount_minor} minor units may be out; another rail was asked since",
            payment_id=payment.payment_id,
        )
    return Noted(payment, "left_rail")
