"""What the SMS aggregator sends by itself: stored, many in one commit, before anybody understands it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core import bulk, outbox
from core.batching import Batcher
from core.clock import Clock
from core.db import Database
from core.errors import BadInput
from core.ids import derived
from core.msisdn import from_wire
from gateway.channels.africastalking import clean
from sms.tables import sms_inbound

KIND = "sms_in"
WAITING, ANSWERED, IGNORED = "waiting", "answered", "ignored"
_LONGEST_ID = 100
_LONGEST_PHONE = 20
_LONGEST_TEXT = 2000


class SmsInbox:
    """Stores people's SMS, each with the outbox row by which it is answered; a repeat changes nothing."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._batcher: Batcher[dict[str, Any], None] = Batcher(
            self._store, pause_s=0.001 if db.is_sqlite else 0.0
        )

    async def store(self, form: Mapping[str, str]) -> None:
        """Return once the SMS is safe; raises BadInput where it has no id or sender."""
        await self._batcher.submit(inbound_row(form, now=self._clock.now()))

    async def close(self) -> None:
        """Store what waits."""
        await self._batcher.close()

    async def _store(self, rows: Sequence[dict[str, Any]]) -> list[Exception | None]:
        ordered = sorted(rows, key=lambda row: str(row["inbound_id"]))
        async with self._db.write() as connection:
            await bulk.insert_new(connection, sms_inbound, ordered)
            # Its id comes from the SMS's own, so that the aggregator's repeats find it there.
            await bulk.insert_new(connection, outbox.outbox, [_to_answer(row) for row in ordered])
        return [None] * len(rows)


def reference(inbound_id: str) -> str:
    """Return by what an SMS is known in logs and in the outbox: always the same for the aggregator's id."""
    return derived("sms_in", inbound_id)


def _to_answer(row: Mapping[str, Any]) -> dict[str, Any]:
    known_as = reference(row["inbound_id"])
    body = {"inbound_id": row["inbound_id"]}
    return outbox.row(known_as, KIND, known_as, now=row["received_at"], correlation_id=known_as, body=body)


def inbound_row(form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return the row of a person's SMS; raises BadInput where it has no id or sender."""
    inbound_id, sender = clean(form.get("id", "")), clean(form.get("from", ""))
    if not 0 < len(inbound_id) <= _LONGEST_ID or not sender:
        raise BadInput("the form needs id and from", code="bad_sms")
    return {
        "inbound_id": inbound_id,
        "sender": sender[:_LONGEST_PHONE],
        "recipient": clean(form.get("to", ""))[:_LONGEST_PHONE],
        "text": clean(form.get("text", ""))[:_LONGEST_TEXT],
        "received_at": now,
        "raw": json.dumps(dict(form)).encode(),
        "state": WAITING,
    }


def opt_out_row(form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Return the row of an opt-out; raises BadInput or BadMsisdn where it names nobody."""
    if not form.get("phoneNumber"):
        raise BadInput("the form needs phoneNumber", code="bad_phone_number")
    return {
        "msisdn": from_wire(form["phoneNumber"]),
        "sender": clean(form.get("senderId", ""))[:_LONGEST_PHONE],
        "at": now,
    }
