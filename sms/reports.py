"""Delivery reports: stored as they come, then matched to their SMS (reference africastalking §2)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import Database
from core.metrics import SMS_ENDED
from sms.lifecycle import SMS, SmsStatus
from sms.reasons import Reason
from sms.tables import sms_delivery_reports, sms_messages

_log = structlog.get_logger()
_LARGEST_RAW = 10_000
_r = sms_delivery_reports.c
_LOCKED = sa.select(sms_messages).order_by(sms_messages.c.sms_id).with_for_update()
_WAITING = (
    sa.select(_r.report_id, _r.provider_message_id, _r.status, _r.failure_reason)
    .where(_r.sms_id.is_(None))
    .order_by(_r.received_at, _r.report_id)
)

# The aggregator's word → our event; None while the SMS is on its way. A word that is not here changes
# nothing but is logged and kept.
EVENTS: dict[str, str | None] = {
    "Sent": None,
    "Submitted": None,
    "Buffered": None,
    "Success": "deliver",
    "Rejected": "fail",
    "Failed": "fail",
    "Expired": "fail",
}

# Why it did not arrive: the aggregator's reason, else what its status alone says.
REASONS: dict[str, Reason] = {
    "InsufficientCredit": Reason.NO_CREDIT,
    "InvalidLinkId": Reason.FORM,
    "UserIsInactive": Reason.INACTIVE,
    "UserInBlackList": Reason.BLACKLIST,
    "UserAccountSuspended": Reason.SUSPENDED,
    "NotNetworkSubscriber": Reason.NOT_SUBSCRIBER,
    "UserNotSubscribedToProduct": Reason.NOT_SUBSCRIBER,
    "UserDoesNotExist": Reason.BAD_NUMBER,
    "DeliveryFailure": Reason.UNDELIVERED,
}
_BY_STATUS = {"Rejected": Reason.REJECTED, "Expired": Reason.EXPIRED, "Failed": Reason.UNDELIVERED}


async def receive(db: Database, form: Mapping[str, str], *, report_id: str, now: datetime) -> None:
    """Store a report raw and commit, then apply it; raises nothing for a report that makes no sense."""
    row = _raw(form, report_id, now)
    async with db.write() as connection:
        await bulk.insert(connection, sms_delivery_reports, [row])
    if row["provider_message_id"]:
        async with db.write() as connection:
            settled = await settle(connection, [row["provider_message_id"]], now=now)
        count(settled)


def count(settled: Sequence[Mapping[str, Any]]) -> None:
    """Count what `settle` has moved, once it is committed."""
    for sms in settled:
        SMS_ENDED.labels(sms["status"], sms["reason"] or "").inc()


def _raw(form: Mapping[str, str], report_id: str, now: datetime) -> dict[str, Any]:
    return {
        "report_id": report_id,
        "provider_message_id": _clean(form.get("id", ""), 100),
        "status": _clean(form.get("status", ""), 40),
        "failure_reason": _clean(form.get("failureReason", ""), 60) or None,
        "raw": json.dumps(dict(form)).encode()[:_LARGEST_RAW],
        "received_at": now,
        "sms_id": None,
    }


def _clean(value: str, length: int) -> str:
    """Return what a text column takes: PostgreSQL refuses NUL."""
    return value.replace("\0", "").encode(errors="replace").decode().strip()[:length]


async def settle(
    connection: AsyncConnection, provider_message_ids: Sequence[str], *, now: datetime
) -> list[dict[str, Any]]:
    """Apply the stored reports on these ids that have not met their SMS yet; return the SMS that moved.

    A report may come before the result of its sending is stored, so that is called then, too.
    """
    of = sms_messages.c.provider_message_id
    found = await bulk.fetch(connection, _LOCKED, of, provider_message_ids)
    messages = {row.provider_message_id: row for row in found}
    reports = await _waiting(connection, messages)
    changes: dict[str, dict[str, Any]] = {}
    for report in reports:
        sms = messages[report.provider_message_id]
        changes[sms.sms_id] = _applied(changes.get(sms.sms_id) or sms._asdict(), report, sms.version, now)
    await bulk.update(connection, sms_messages, list(changes.values()))
    matched = [{"report_id": r.report_id, "sms_id": messages[r.provider_message_id].sms_id} for r in reports]
    await bulk.update(connection, sms_delivery_reports, matched)
    before = {sms.sms_id: sms.status for sms in messages.values()}
    return [change for sms_id, change in changes.items() if change["status"] != before[sms_id]]


async def _waiting(connection: AsyncConnection, provider_message_ids: Mapping[str, Any]) -> list[sa.Row[Any]]:
    return await bulk.fetch(connection, _WAITING, _r.provider_message_id, provider_message_ids)


def _applied(sms: Mapping[str, Any], report: sa.Row[Any], version: int, now: datetime) -> dict[str, Any]:
    """Return the SMS after a report; what its state does not allow any more changes nothing."""
    status, word, reason = sms["status"], sms["provider_status"], sms["reason"]
    event = _event(report)
    if status == SmsStatus.SENT or (event and SMS.allows(event, status)):
        status = SMS.after(event, status) if event else status
        word = ": ".join(filter(None, (report.status, report.failure_reason)))[:60] or word
        reason = _reason(report) if status == SmsStatus.FAILED else None
    return {
        "sms_id": sms["sms_id"],
        "status": status,
        "reason": reason,
        "provider_status": word,
        "updated_at": now,
        "version": version + 1,
    }


def _reason(report: sa.Row[Any]) -> str:
    if report.failure_reason:
        return REASONS.get(report.failure_reason, Reason.OTHER).value
    return _BY_STATUS.get(report.status, Reason.OTHER).value


def _event(report: sa.Row[Any]) -> str | None:
    if report.status not in EVENTS:
        _log.warning("unknown delivery status", status=report.status, report_id=report.report_id)
    return EVENTS.get(report.status)
