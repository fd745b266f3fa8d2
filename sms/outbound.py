"""An SMS from a Text: rendered once, measured, and stored in the transaction that made its fact true."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk, gsm, outbox
from core.i18n import Catalogues, Text
from sms.lifecycle import SmsStatus
from sms.tables import sms_messages
from sms.templates import CUTS, NOTHING


class Purpose(StrEnum):
    """Why an SMS is sent; only a reminder respects STOP and quiet hours."""

    SERVICE = "service"  # about a payment, a registration, or in answer to the person
    REMINDER = "reminder"


_IDS = sa.select(sms_messages.c.sms_id)
# Kinds of outbox rows: reminders go by thousands, and no word on a payment waits behind them.
KINDS = {Purpose.SERVICE: "sms", Purpose.REMINDER: "reminder"}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that one person is to be told once.

    `fact_key` names the fact and, where several are told, the person: `payment:<id>:success`. `sender` is the
    number that the person texted, for a reply; None is the name of the settings. `country` (ISO 3166) says
    whose clock the quiet hours of a reminder follow.
    """

    fact_key: str
    msisdn: str  # E.164
    language: str
    text: Text
    correlation_id: str
    payment_id: str | None = None
    sender: str | None = None
    purpose: Purpose = Purpose.SERVICE
    country: str | None = None


def words(text: Text, language: str, catalogues: Catalogues) -> str:
    """Return the words in GSM-7, cut in the order of CUTS until they fit one segment.

    What is still too long then goes as it is: two segments that say all are better than a cut amount.
    """
    said = _render(text, language, catalogues, ())
    for count in range(1, len(CUTS) + 1):
        if gsm.measure(said).segments == 1:
            break
        said = _render(text, language, catalogues, CUTS[:count])
    return said


def _render(text: Text, language: str, catalogues: Catalogues, cut: Sequence[str]) -> str:
    params = {
        name: NOTHING if name in cut and isinstance(value, Text) else _piece(value, language, catalogues)
        for name, value in text.params.items()
    }
    return gsm.fold(catalogues.render(Text(text.key, params), language)).strip()


def _piece(value: Any, language: str, catalogues: Catalogues) -> Any:
    return catalogues.render(value, language) if isinstance(value, Text) else value


def compose(notice: Notice, *, sms_id: str, now: datetime, catalogues: Catalogues) -> dict[str, Any]:
    """Return the row of `sms_messages` for a notice; raises KeyError for a text without a template."""
    text = words(notice.text, notice.language, catalogues)
    length = gsm.measure(text)
    return {
        "sms_id": sms_id,
        "fact_key": notice.fact_key,
        "msisdn": notice.msisdn,
        "template": notice.text.key,
        "params": json.dumps(notice.text.params, default=_as_json),
        "language": notice.language,
        "text": text,
        "encoding": length.encoding,
        "units": length.units,
        "segments": length.segments,
        "purpose": notice.purpose.value,
        "sender": notice.sender,
        "country": notice.country,
        "status": SmsStatus.QUEUED.value,
        "attempts": 0,
        "unknowns": 0,
        "correlation_id": notice.correlation_id,
        "payment_id": notice.payment_id,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


def _as_json(piece: Text) -> dict[str, Any]:
    return {"key": piece.key, "params": piece.params}


async def enqueue(connection: AsyncConnection, rows: Sequence[bulk.Row]) -> set[str]:
    """Store composed SMS whose fact was not told before, each with its outbox row; return their ids.

    Belongs into the transaction that makes the facts true. Rows go in by fact, so that two transactions
    that tell the same facts wait for each other in one order.
    """
    if not rows:
        return set()
    await bulk.insert_new(connection, sms_messages, sorted(rows, key=lambda row: str(row["fact_key"])))
    stored = await bulk.fetch(connection, _IDS, sms_messages.c.sms_id, (row["sms_id"] for row in rows))
    new = {row.sms_id for row in stored}
    await bulk.insert(connection, outbox.outbox, [_to_send(row) for row in rows if row["sms_id"] in new])
    return new


def _to_send(row: bulk.Row) -> dict[str, Any]:
    sms_id, kind = row["sms_id"], KINDS[Purpose(row["purpose"])]
    return outbox.row(sms_id, kind, sms_id, now=row["created_at"], correlation_id=row["correlation_id"])
