"""Pages of payments, newest first.

A page is found by the last row of the one before (keyset), so that payments which arrive meanwhile neither
repeat nor hide a row.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from multidict import MultiMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from core import msisdn as numbers
from core.clock import rfc3339
from core.errors import BadInput
from core.ids import is_uuid
from gateway.api import finding
from payments import stories, tables
from payments.lifecycles import PaymentStatus
from payments.records import Payment
from taps import tap_id as tap_ids

USUAL, MOST = 50, 200
NAMES = ("tap_id", "msisdn", "status", "since", "cursor", "limit")
_LONGEST_CURSOR = 200


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    created_at: datetime
    payment_id: str

    def dumps(self) -> str:
        """Return the opaque text that stands for it."""
        text = f"{rfc3339(self.created_at)}|{self.payment_id}"
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def loads(cls, cursor: str) -> "Position":
        """Read it back; raises BadInput (bad_cursor)."""
        wrong = BadInput("this cursor is not one that a page gave", code="bad_cursor")
        if len(cursor) > _LONGEST_CURSOR:
            raise wrong
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
            moment, _, payment_id = text.partition("|")
            created_at = _time(moment)
        except (ValueError, binascii.Error, BadInput):
            raise wrong from None
        if not is_uuid(payment_id):
            raise wrong
        return cls(created_at, payment_id)


@dataclass(frozen=True, slots=True)
class Question:
    """Which payments; an empty field does not narrow."""

    tap: finding.Name | None = None
    msisdn: str | None = None
    status: str | None = None
    since: datetime | None = None
    after: Position | None = None
    limit: int = USUAL


def read(query: MultiMapping[str], country: str) -> Question:
    """Return the question; empty parameters do not count. Raises BadInput with a code for each of them.

    Numbers without a country code are read as people of `country` write them.
    """
    given = _given(query)
    return Question(
        tap=tap_ids.read(given["tap_id"]) if "tap_id" in given else None,
        msisdn=numbers.parse(given["msisdn"], country) if "msisdn" in given else None,
        status=_status(given["status"]) if "status" in given else None,
        since=_time(given["since"]) if "since" in given else None,
        after=Position.loads(given["cursor"]) if "cursor" in given else None,
        limit=_limit(given["limit"]) if "limit" in given else USUAL,
    )


async def page(connection: AsyncConnection, question: Question, zones: Sequence[str]) -> dict[str, Any]:
    """Return a page of the payments of zones (none named: of every zone)."""
    tap_id = None
    if question.tap:
        tap = (await finding.taps(connection, [question.tap])).get(question.tap)
        if tap is None:
            return {"items": [], "next_cursor": None}
        tap_id = tap.tap_id
    rows = (await connection.execute(_query(question, zones, tap_id))).all()
    found = [Payment.of(row) for row in rows[: question.limit]]
    orders = await stories.orders_of(connection, [payment.payment_id for payment in found])
    before = await stories.before(connection, found)
    last = Position(found[-1].created_at, found[-1].payment_id) if len(rows) > question.limit else None
    return {
        "items": [stories.payment_json(p, orders[p.payment_id], before.get(p.payment_id)) for p in found],
        "next_cursor": last.dumps() if last else None,
    }


def _query(question: Question, zones: Sequence[str], tap_id: str | None) -> sa.Select[Any]:
    p = tables.payments.c
    wanted = {p.tap_id: tap_id, p.msisdn: question.msisdn, p.status: question.status}
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if zones:
        conditions.append(p.zone.in_(zones))
    if question.since:
        conditions.append(p.created_at >= question.since)
    if question.after:
        here = sa.tuple_(
            sa.literal(question.after.created_at, p.created_at.type),
            sa.literal(question.after.payment_id, p.payment_id.type),
        )
        conditions.append(sa.tuple_(p.created_at, p.payment_id) < here)
    return (
        sa.select(tables.payments)
        .where(*conditions)
        .order_by(p.created_at.desc(), p.payment_id.desc())
        .limit(question.limit + 1)
    )


def _given(query: MultiMapping[str]) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for name, value in query.items():
        if name not in NAMES:
            raise BadInput(f"there is no parameter {name[:40]!r}", code="unknown_parameter")
        if name in given:
            raise BadInput(f"{name} stands there twice", code="bad_parameter")
        given[name] = value.strip()
    return {name: value for name, value in given.items() if value}


def _status(text: str) -> str:
    if text not in list(PaymentStatus):
        raise BadInput(f"status is one of {', '.join(PaymentStatus)}", code="bad_status")
    return text


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        # A day alone starts at midnight in UTC, as every time here is UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("since is a time like 2026-11-21T06:00:00Z, or a day", code="bad_since") from None


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise BadInput(f"limit is a number from 1 to {MOST}", code="bad_limit")
    return int(text)
