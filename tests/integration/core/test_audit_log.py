from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core import audit
from core.clock import ManualClock
from core.ids import Ids

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


async def test_rows_are_kept_as_they_were_made(db):
    ids = Ids.seeded(7, ManualClock(NOW))
    rows = [
        audit.row(
            ids=ids, at=NOW, actor=actor, channel=audit.Channel.SMS, source="sms-1", action="tenant.register",
            subject="KNY-0417-1", detail={"name": "Ng'ombe \u00e9 \x00"}, result=result,
        )
        for actor, result in (("+260960000009", audit.DONE), ("+260960000001", "not_allowed"))
    ]  # fmt: skip
    async with db.write() as connection:
        await audit.write(connection, rows)
        await audit.write(connection, [])
    async with db.read() as connection:
        stored = await connection.execute(sa.select(audit.audit_log).order_by(audit.audit_log.c.audit_id))
        assert [dict(row) for row in stored.mappings()] == sorted(rows, key=lambda r: r["audit_id"])


async def test_an_act_that_fails_takes_its_row_with_it(db):
    ids = Ids.seeded(7, ManualClock(NOW))
    made = audit.row(ids=ids, at=NOW, actor="ann", channel="cli", action="user.add")
    with pytest.raises(RuntimeError):
        async with db.write() as connection:
            await audit.write(connection, [made])
            raise RuntimeError
    async with db.read() as connection:
        assert (await connection.execute(sa.select(audit.audit_log))).all() == []
