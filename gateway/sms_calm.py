"""A bound for conversations with machines: a phone that answers our answers would go on for ever."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import UtcDateTime
from gateway.sms_asked import Line
from sms.tables import sms_messages

_UNKNOWN = "unknown"
MOST_UNKNOWN = 5
WITHIN = timedelta(hours=1)

_TOLD = sa.select(sms_messages.c.msisdn).where(
    sms_messages.c.template == _UNKNOWN,
    sms_messages.c.created_at > sa.bindparam("since", type_=UtcDateTime),
)


async def calm(connection: AsyncConnection, lines: Sequence[Line], now: datetime) -> None:
    """Leave a text without a keyword unanswered where its phone was told the keywords often enough."""
    unknown = [line for line in lines if line.text and line.text.key == _UNKNOWN]
    if not unknown:
        return
    phones = {line.person.msisdn for line in unknown}
    rows = await bulk.fetch(connection, _TOLD, sms_messages.c.msisdn, phones, {"since": now - WITHIN})
    told = Counter(row.msisdn for row in rows)
    for line in unknown:
        told[line.person.msisdn] += 1
        if told[line.person.msisdn] > MOST_UNKNOWN:
            line.text = None
