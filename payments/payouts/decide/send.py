"""When a payout may be handed to its rail, and what the rail's answer means."""

from payments.payouts.commands import Again, NextStep, PayoutAnswered, PayoutReported, StartPayout
from payments.payouts.decide.end import fail
from payments.payouts.decide.report import reported
from payments.payouts.desk import PayoutDesk
from payments.payouts.events import OnItsWay
from payments.payouts.records import Payout
from payments.providers.base import PushReply, Reason, Taken

_SKIP = NextStep("skip")
_NEXT_TRY_S = 1.0
_NEXT_TRY_MOST_S = 30.0


def start(desk: PayoutDesk, command: StartPayout) -> NextStep:
    """Say whether to send it now, having noted that it is being sent.

    One that was started before and never answered (the process died) is sent again only where the rail knows
    our reference; elsewhere its outcome is unknown, and only the rail or staff can tell.
    """
    payout = desk.payouts.get(command.payout_id)
    if payout is None or not payout.is_holding or payout.send_state == "accepted":
        return _SKIP
    if payout.send_state == "none":
        return _send(desk, payout)
    if payout.status == "initiated":
        payout = _may_have_left(desk, payout, cause="recovery", code="")
    # Whatever a further try is answered: an earlier one may have been taken.
    return _send(desk, payout) if _is_repeatable(desk, payout) else _SKIP


def _send(desk: PayoutDesk, payout: Payout) -> NextStep:
    desk.touch(payout, send_state="started", attempts=payout.attempts + 1)
    return NextStep("send")


def _is_repeatable(desk: PayoutDesk, payout: Payout) -> bool:
    rail = desk.rules.rail(payout.account_id)
    return rail is not None and rail.traits.is_repeatable


def answered(desk: PayoutDesk, command: PayoutAnswered) -> Payout | Again:
    """Note what the rail said; Again where it is to be handed over once more.

    Where the answer is the outcome too, both become true in one commit.
    """
    payout, reply = desk.payouts[command.payout_id], command.reply
    answer = _noted(desk, payout, reply) if payout.is_holding else _learned(desk, payout, reply)
    if reply.word is None or isinstance(answer, Again):
        return answer
    return reported(desk, PayoutReported(command.payout_id, reply.word, "payout"))


def _learned(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout:
    """A notice that came before the answer has ended it already; only the rail's name for it is news."""
    if reply.provider_reference and not payout.provider_reference:
        return desk.touch(payout, provider_reference=reply.provider_reference)
    return payout


def _noted(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout | Again:
    match reply.taken:
        case Taken.ACCEPTED:
            return _accepted(desk, payout, reply)
        case Taken.REFUSED:
            return _refused(desk, payout, reply)
        case Taken.NOT_REACHED:
            return _not_reached(desk, payout, reply)
        case Taken.UNKNOWN:
            return _unknown(desk, payout, reply)


def _accepted(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout:
    name = reply.provider_reference or payout.provider_reference
    if payout.status == "processing":
        return desk.touch(payout, send_state="accepted", provider_reference=name)
    payout = desk.move(
        payout,
        "submit",
        cause="payout",
        detail=reply.code or None,
        send_state="accepted",
        provider_reference=name,
        sent_at=desk.now,
        next_check_at=desk.books.later(desk.rules.poll_after_s),
    )
    desk.events.append(OnItsWay(payout, desk.books.payments.get(payout.payment_id or "")))
    return payout


def _refused(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout:
    # A no to a later try says nothing about an earlier one whose outcome is unknown.
    if payout.status == "processing":
        return desk.touch(payout, send_state=_if_unanswered(payout, "unknown"))
    return fail(desk, payout, reply.reason or Reason.OTHER, cause="payout", detail=reply.code or None)


def _not_reached(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout | Again:
    was_unknown = payout.status == "processing"
    if payout.attempts < desk.rules.attempts:
        desk.touch(payout, send_state=_if_unanswered(payout, "unknown" if was_unknown else "none"))
        return Again(desk.books.later(max(reply.retry_after_s or 0, _wait_s(payout))))
    if was_unknown:
        return desk.touch(payout, send_state=_if_unanswered(payout, "unknown"))
    return fail(desk, payout, reply.reason or Reason.DOWN, cause="payout", detail=reply.code or None)


def _unknown(desk: PayoutDesk, payout: Payout, reply: PushReply) -> Payout | Again:
    if payout.status == "initiated":
        payout = _may_have_left(desk, payout, cause="payout", code=reply.code)
    else:
        payout = desk.touch(payout, send_state=_if_unanswered(payout, "unknown"))
    if (
        payout.send_state == "unknown"
        and _is_repeatable(desk, payout)
        and payout.attempts < desk.rules.attempts
    ):
        return Again(desk.books.later(_wait_s(payout)))
    return payout


def _if_unanswered(payout: Payout, state: str) -> str:
    """An answer that comes late does not unsay what the rail has accepted."""
    return payout.send_state if payout.send_state == "accepted" else state


def _may_have_left(desk: PayoutDesk, payout: Payout, *, cause: str, code: str) -> Payout:
    payout = desk.move(
        payout,
        "submit",
        cause=cause,
        detail=f"outcome unknown {code}".strip(),
        send_state="unknown",
        sent_at=desk.now,
        next_check_at=desk.books.later(desk.rules.poll_after_s),
    )
    desk.events.append(OnItsWay(payout, desk.books.payments.get(payout.payment_id or "")))
    return payout


def _wait_s(payout: Payout) -> float:
    return float(min(_NEXT_TRY_MOST_S, _NEXT_TRY_S * 2**payout.attempts))
