"""Deciding about one SMS: whether to hand it over, and what follows from the answer. Pure.

An aggregator knows no key for sending, so a hand-over whose outcome is unknown may have reached the phone.
At most two such hand-overs are made of one SMS; what provably was not taken is tried for about half a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core import outbox
from sms.lifecycle import SMS, SmsStatus
from sms.reasons import Reason
from sms.senders.base import Handed, Outcome

MOST_UNKNOWN = 2
MOST_ATTEMPTS = 40  # with the pauses below: 7 to 15 hours, which outlasts a night without credit
_OPEN = frozenset({SmsStatus.QUEUED, SmsStatus.SENDING})
_BASE_S = 2.0
_MOST_WAIT_S = 1800.0
_MEND_S = 300.0  # an operator needs some minutes to mend keys or credit


@dataclass(frozen=True, slots=True)
class Change:
    """What to store: the SMS's columns and the outbox row's, each by key; `sms` may be nothing."""

    sms: dict[str, Any] | None
    outbox: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Manners:
    """What a reminder respects: nothing after STOP or payment, nothing before `not_before`."""

    is_wanted: bool = True
    not_before: datetime | None = None


ALWAYS = Manners()


def begin(
    sms: sa.Row[Any] | None, message: outbox.Message, *, now: datetime, most: int, manners: Manners = ALWAYS
) -> Change:
    """Return the change before a hand-over; with an outbox change, nothing is to be sent.

    An SMS found in `sending` was left there by a worker that died: that hand-over's outcome is unknown.
    """
    if sms is None:
        return Change(None, outbox.dead(message.outbox_id, now=now, error="there is no such SMS"))
    if sms.status not in _OPEN:
        return Change(None, outbox.done(message.outbox_id, now=now))
    if not manners.is_wanted:
        return Change(_moved(sms, "drop", now=now), outbox.done(message.outbox_id, now=now))
    if manners.not_before:
        return Change(None, outbox.again(message, at=manners.not_before, error="quiet hours", counts=False))
    unknowns = sms.unknowns + int(sms.status == SmsStatus.SENDING)
    if unknowns >= MOST_UNKNOWN or sms.attempts >= most:
        reason = Reason.NO_ANSWER if unknowns >= MOST_UNKNOWN else Reason(sms.reason or Reason.OTHER)
        return _given_up(
            sms, message, now=now, unknowns=unknowns, error=sms.provider_status or "unknown", reason=reason
        )
    change = _moved(sms, "send", now=now, unknowns=unknowns, attempts=sms.attempts + 1)
    return Change(change)


def finish(
    sms: sa.Row[Any], message: outbox.Message, handed: Handed, *, now: datetime, most: int, jitter: float
) -> Change:
    """Return the change after a hand-over: `sms` is the row as `begin` left it."""
    said = {
        "provider_status": handed.code[:60] or None,
        "reason": handed.reason.value if handed.reason else None,
    }
    if handed.outcome is Outcome.SENT:
        answer = {
            "provider_message_id": handed.provider_message_id,
            "cost_minor": handed.cost_minor,
            "cost_currency": handed.cost_currency,
            "cost_said": handed.cost_said,
        }
        return Change(
            _moved(sms, "accept", now=now, **said, **answer), outbox.done(message.outbox_id, now=now)
        )
    unknowns = sms.unknowns + int(handed.outcome is Outcome.UNKNOWN)
    over = handed.outcome is Outcome.REFUSED or unknowns >= MOST_UNKNOWN or sms.attempts >= most
    if over:
        reason = handed.reason or Reason.OTHER
        return _given_up(sms, message, now=now, unknowns=unknowns, error=handed.code, reason=reason)
    at = now + timedelta(seconds=wait_s(sms.attempts, handed, jitter))
    return Change(
        _moved(sms, "requeue", now=now, unknowns=unknowns, **said),
        outbox.again(message, at=at, error=handed.code),
    )


def wait_s(attempts: int, handed: Handed, jitter: float) -> float:
    """Return the seconds until the next try: longer where an operator has to mend something first."""
    wait = outbox.backoff_s(attempts, jitter=jitter, base_s=_BASE_S, most_s=_MOST_WAIT_S)
    return max(wait, _MEND_S) if handed.is_config_fault else wait


def _moved(sms: sa.Row[Any], event: str, *, now: datetime, **columns: Any) -> dict[str, Any]:
    return {
        "sms_id": sms.sms_id,
        "status": SMS.after(event, sms.status),
        "updated_at": now,
        "version": sms.version + 1,
        **columns,
    }


def _given_up(
    sms: sa.Row[Any], message: outbox.Message, *, now: datetime, unknowns: int, error: str, reason: Reason
) -> Change:
    return Change(
        _moved(sms, "give_up", now=now, unknowns=unknowns, provider_status=error[:60], reason=reason.value),
        outbox.dead(message.outbox_id, now=now, error=error),
    )
