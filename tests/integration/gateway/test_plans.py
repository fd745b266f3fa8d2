"""No statement of a resident's day looks through a whole table: in a country there are millions of rows."""

import re

from town import CALLER, PAY_ALL

from core import plain

# What a `json_each` of keys is called, and what was found before.
FEW = re.compile(r"anon_\d+|json_each|\(subquery-\d+\)")


async def test_every_query_of_a_payment_goes_by_an_index(sqlite_town, monkeypatch):
    town, plans = sqlite_town, {}
    real = plain._found

    async def explained(connection, known, params):
        driver = plain._on_loop(connection)
        if driver is not None:
            steps = driver.execute(f"EXPLAIN QUERY PLAN {known.sql}", known.values(params)).fetchall()
            plans[known.sql] = [step[3] for step in steps]
        return await real(connection, known, params)

    monkeypatch.setattr(plain, "_found", explained)
    await town.open()
    await town.dial(*PAY_ALL)
    await town.all_end(1)
    await town.sms()
    await town.dial("2", "0", "3")  # balance, last payment
    await town.dial("1", "1", "1", msisdn="+260966000001")
    scans = [
        (step, sql)
        for sql, steps in plans.items()
        for step in steps
        if (step.startswith("SCAN ") and not FEW.fullmatch(step.split()[1]))
        or "payments USING INDEX ix_payments_status" in step  # nearly all of them have ended well
    ]
    assert len(plans) > 15
    assert CALLER not in str(plans)  # keys are parameters, never text
    assert scans == []
