"""When a prompt may leave, and what its answer means."""

from datetime import datetime, timedelta
from typing import Any

from payments.commands import NextPush, PushAnswered, Reported, StartPush, TimeUp
from payments.decide.end import expire, fail
from payments.decide.report import reported
from payments.decide.reroute import another_rail, stray_answer
from payments.desk import Desk
from payments.events import Held, LinkReady, Starts
from payments.links import TOKEN_BYTES
from payments.providers.base import TOO_MANY_OPEN, PushReply, Reason, Taken
from payments.records import Payment
from payments.results import Again, Noted

_SKIP = NextPush("skip")
_WAIT_S = 1.0
_NEXT_TRY_S = 1.0
_NEXT_TRY_MOST_S = 30.0
_NEXT_CALL_MOST_S = 300.0  # of what was never taken
_SPENT_WAIT_S = 5.0
_TOLD_AFTER = 3  # tries that came to nothing: a shorter fault need not be told


def start_push(desk: Desk, command: StartPush) -> NextPush:
    """Say whether to send the prompt now, having noted that it is being sent.

    A push that was started before and never answered (the process died) goes out again only where the
    rail knows our reference; elsewhere its outcome is unknown and only the rail can tell. While the rail
    does not work nothing leaves, but the one try that finds out.
    """
    payment = desk.payments.get(command.payment_id)
    if payment is None or not _may_be_pushed(payment):
        return _SKIP
    if desk.now >= payment.expires_at:
        return _out_of_time(desk, payment)
    if payment.push_state != "none":
        return _resume(desk, payment, command)
    return _first_push(desk, payment, command)


def _may_be_pushed(payment: Payment) -> bool:
    return payment.is_open and payment.push_state != "accepted" and payment.validation == "proceed"


def _first_push(desk: Desk, payment: Payment, command: StartPush) -> NextPush:
    if not _still_owed(desk, payment):
        fail(desk, payment, "paid_already", cause="recheck")
        return _SKIP
    older = tuple(desk.unresolved.get(payment.payment_id, ()))
    if older:
        return NextPush("ask_first", wait_until=desk.later(_WAIT_S), ask=older)
    if _handset_is_busy(desk, payment):
        return NextPush("wait", wait_until=min(desk.later(_WAIT_S), payment.expires_at))
    if payment.account_id in desk.down and not command.is_probe:
        moved = another_rail(desk, payment, cause="rail_down")
        return _send(desk, moved) if moved else _hold(desk, payment)
    if _is_spent(payment, command):
        return NextPush("wait", wait_until=min(desk.later(_SPENT_WAIT_S), payment.expires_at))
    return _send(desk, payment)


def _is_spent(payment: Payment, command: StartPush) -> bool:
    return bool(payment.push_attempts) and not command.is_probe and payment.account_id in command.spent


def _hold(desk: Desk, payment: Payment) -> NextPush:
    """Keep a payment until its rail works; whoever did not ask for that is told."""
    _tell_held(desk, payment)
    return NextPush("down", wait_until=payment.expires_at, account_id=payment.account_id)


def _tell_held(desk: Desk, payment: Payment) -> None:
    if payment.held_at:
        return
    held = desk.touch(payment, held_at=desk.now)
    if not held.waits:
        desk.events.append(Held(held))


def _out_of_time(desk: Desk, payment: Payment) -> NextPush:
    if payment.status == "initiated":
        _end_unanswered(desk, payment)
    return _SKIP


def _end_unanswered(desk: Desk, payment: Payment) -> None:
    # A prompt that may have left is asked about once more before it expires; the next check does so.
    if payment.push_state == "started":
        _outcome_unknown(desk, payment, cause="timer")
    else:
        expire(desk, payment, cause="timer")


def _resume(desk: Desk, payment: Payment, command: StartPush) -> NextPush:
    # The earlier try may have been taken: whatever a further one is answered, only the rail can tell.
    if payment.status == "initiated":
        payment = _outcome_unknown(desk, payment, cause="recovery")
    if not desk.rules.traits(payment).push_is_repeatable:
        return _SKIP
    if payment.account_id in desk.down and not command.is_probe:
        return NextPush("down", wait_until=payment.expires_at, account_id=payment.account_id)
    if _is_spent(payment, command):
        return NextPush("wait", wait_until=min(desk.later(_SPENT_WAIT_S), payment.expires_at))
    return _send(desk, payment)


def _send(desk: Desk, payment: Payment) -> NextPush:
    sent = desk.touch(payment, push_state="started", push_attempts=payment.push_attempts + 1)
    return NextPush("send", account_id=sent.account_id, attempt=sent.push_attempts)


def _still_owed(desk: Desk, payment: Payment) -> bool:
    parts = desk.parts.get(payment.tap_id, {})
    claims = desk.claims.get(payment.payment_id, {}).values()
    return all(claim.amount_minor <= parts[claim.part_id].open_minor for claim in claims)


def _handset_is_busy(desk: Desk, payment: Payment) -> bool:
    if not desk.rules.asks_handset(payment):
        return False
    others = desk.handsets[payment.msisdn] - {payment.payment_id}
    return any(desk.payments[other].has_live_prompt for other in others)


def push_answered(desk: Desk, command: PushAnswered) -> Again | Noted:
    """Note what the provider said to a push; Again where it is to be tried once more.

    Where the answer is the outcome too, both become true in one commit: that rail cannot be asked again.
    """
    answer, word = _answered(desk, command), command.reply.word
    return answer if word is None else reported(desk, Reported(command.payment_id, word, "push"))


def _answered(desk: Desk, command: PushAnswered) -> Again | Noted:
    payment, reply = desk.payments[command.payment_id], command.reply
    if command.account_id not in ("", payment.account_id):
        return stray_answer(desk, payment, command)
    if not payment.is_open:
        return _learn(desk, payment, reply)
    match reply.taken:
        case Taken.ACCEPTED:
            _submitted(desk, payment, reply)
            return Noted(payment, "accepted")
        case Taken.REFUSED:
            return _refused(desk, payment, reply)
        case Taken.NOT_REACHED:
            return _not_reached(desk, payment, reply, command.jitter)
        case Taken.UNKNOWN:
            return _unknown(desk, payment, reply, command.jitter)


def _learn(desk: Desk, payment: Payment, reply: PushReply) -> Noted:
    # A callback that came before the reply has moved the payment already; only the name is news.
    if reply.provider_reference and not payment.provider_reference:
        payment = desk.touch(payment, provider_reference=reply.provider_reference, push_state="accepted")
    if reply.taken is Taken.ACCEPTED and payment.status in ("failed", "expired") and payment.asked_at is None:
        # We ended it by ourselves and a prompt is out after all: the rail's word is still to come.
        desk.touch(
            payment,
            push_state="accepted",
            is_final=False,
            pushed_at=payment.pushed_at or desk.now,
            next_check_at=desk.first_check(payment),
        )
    return Noted(payment, "repeated")


def _refused(desk: Desk, payment: Payment, reply: PushReply) -> Again | Noted:
    # A no to a later try says nothing about an earlier one whose outcome is unknown.
    if payment.status == "pending" and payment.push_attempts > 1:
        if payment.push_state != "accepted":
            desk.touch(payment, push_state="unknown")
        return Noted(payment, "unknown")
    if reply.is_config_fault and another_rail(desk, payment, cause="refused"):
        return Again(desk.now)  # it is about our account, not about the payer
    payment = desk.touch(payment, push_state="refused")
    fail(desk, payment, reply.reason or Reason.OTHER, detail=reply.code)
    return Noted(payment, "refused")


def _submitted(desk: Desk, payment: Payment, reply: PushReply) -> None:
    times: dict[str, Any] = {
        "push_state": "accepted",
        "provider_reference": reply.provider_reference or payment.provider_reference,
        "pushed_at": payment.pushed_at or desk.now,
        "expires_at": desk.later(desk.rules.expiry_of(payment)),
        "next_check_at": min(desk.first_check(payment), desk.later(desk.rules.expiry_of(payment))),
    }
    if payment.status == "initiated":
        desk.move_orders(payment, "start")
        payment = desk.move(payment, "submit", cause="push", detail=reply.code, **times)
        if payment.waits:
            desk.events.append(Starts(payment))
    else:
        desk.touch(payment, **times)
    if reply.pay_url:
        _hand_link(desk, desk.payments[payment.payment_id], reply.pay_url, reply.pay_until)


def _hand_link(desk: Desk, payment: Payment, url: str, until: datetime | None) -> None:
    """Give the payer a short link of ours to the page on which to pay."""
    ready = LinkReady(payment, desk.ids.token(TOKEN_BYTES), until or payment.expires_at)
    desk.rows["pay_links"].append(
        {
            "payment_id": payment.payment_id,
            "token": ready.token,
            "url": url,
            "until": ready.until,
            "created_at": desk.now,
        }
    )
    desk.events.append(ready)


def _not_reached(desk: Desk, payment: Payment, reply: PushReply, jitter: float) -> Again | Noted:
    if another_rail(desk, payment, cause="not_reached"):
        return Again(desk.now)
    wait_s = max(
        (reply.retry_after_s or 0) * (1 + jitter / 4), _backoff_s(payment, _NEXT_CALL_MOST_S, jitter)
    )
    if reply.code == TOO_MANY_OPEN and payment.status == "initiated":
        wait_s = (reply.retry_after_s or _WAIT_S) * (1 + jitter / 4)
        payment = desk.touch(payment, push_attempts=payment.push_attempts - 1)  # nothing left us: no try
    at = desk.later(wait_s)
    # Once a try was of unknown outcome, a later one that provably failed says nothing about it.
    was_unknown = payment.status == "pending"
    if at < payment.expires_at:
        payment = desk.touch(payment, push_state="unknown" if was_unknown else "none")
        if not was_unknown and payment.push_attempts >= _TOLD_AFTER:
            _tell_held(desk, payment)
        return Again(at)
    if was_unknown:
        desk.touch(payment, push_state="unknown")
        return Noted(payment, "unknown")
    fail(desk, payment, reply.reason or Reason.DOWN, cause="push", detail=reply.code)
    return Noted(payment, "refused")


def _backoff_s(payment: Payment, most_s: float, jitter: float) -> float:
    doubled_s: float = _NEXT_TRY_S * 2 ** min(payment.push_attempts, 16)
    return min(most_s, doubled_s) * (1 - jitter / 2)


def _unknown(desk: Desk, payment: Payment, reply: PushReply, jitter: float) -> Again | Noted:
    if payment.status == "initiated":
        payment = _outcome_unknown(desk, payment, cause="push", detail=reply.code)
    repeatable = desk.rules.traits(payment).push_is_repeatable
    at = desk.later(_backoff_s(payment, _NEXT_TRY_MOST_S, jitter))
    if repeatable and payment.push_attempts < desk.rules.push_attempts and at < payment.expires_at:
        return Again(at)
    return Noted(payment, "unknown")


def _outcome_unknown(desk: Desk, payment: Payment, *, cause: str, detail: str | None = None) -> Payment:
    desk.move_orders(payment, "start")
    return desk.move(
        payment,
        "submit",
        cause=cause,
        detail=f"outcome unknown {detail or ''}".strip(),
        push_state="unknown",
        pushed_at=payment.pushed_at or desk.now,
        next_check_at=min(desk.first_check(payment), payment.expires_at),
    )


def time_up(desk: Desk, command: TimeUp) -> Noted:
    """End a payment whose prompt never left."""
    payment = desk.payments[command.payment_id]
    if payment.status != "initiated":
        return Noted(payment, "repeated")
    if desk.now < payment.expires_at - timedelta(milliseconds=1):
        desk.touch(payment, next_check_at=payment.expires_at)
        return Noted(payment, "waiting")
    _end_unanswered(desk, payment)
    return Noted(payment, "expired")
