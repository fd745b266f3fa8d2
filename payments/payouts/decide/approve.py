"""Four eyes: a second person says yes or no."""

from core.errors import Conflict, NotFound
from payments.payouts import people
from payments.payouts.commands import Approve, Reject
from payments.payouts.decide import sources
from payments.payouts.decide.ask import check_cash, initiate
from payments.payouts.desk import PayoutDesk
from payments.payouts.records import Payout


def approve(desk: PayoutDesk, command: Approve) -> Payout:
    """Let a payout go; raises Refused for who asked, in any spelling, or where the money has gone."""
    payout = _waiting(desk, command.payout_id)
    by = people.approver(desk.people, command.by, payout.requested_by)
    taken = sources.take(desk, payout)
    check_cash(desk, payout)
    return initiate(desk, desk.touch(payout, approved_by=by), taken, by)


def reject(desk: PayoutDesk, command: Reject) -> Payout:
    """End a payout that nobody has approved; whoever asked for it may withdraw it."""
    payout = _waiting(desk, command.payout_id)
    by = people.rejecter(desk.people, command.by, payout.requested_by)
    return desk.move(
        payout,
        "reject",
        cause="refund",
        actor=by,
        detail=command.note or None,
        failure="rejected",
        is_final=True,
    )


def _waiting(desk: PayoutDesk, payout_id: str) -> Payout:
    payout = desk.payouts.get(payout_id)
    if payout is None:
        raise NotFound("there is no such payout", code="no_such_payout")
    if payout.status != "requested":
        raise Conflict(f"this payout waits for nobody: it is {payout.status}", code="not_waiting")
    return payout
