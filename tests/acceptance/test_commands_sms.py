"""Dead letters as an operator sees them, and `madzi sms NUMBER TEXT` beside them."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from processes import environment, run

from core import ids as core_ids
from core.audit import audit_log
from core.clock import ManualClock
from core.db import Database
from core.outbox import outbox
from sms import outbound, templates
from sms.outbound import Notice
from sms.tables import sms_messages
from sms.templates import About

NOON = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NUMBER = "+260971234567"


def database(folder):
    return Database(f"sqlite+aiosqlite:///{folder}/madzi.db")


@pytest.fixture
def place(tmp_path):
    code, _, err = run(tmp_path, "db", "upgrade")
    assert code == 0, err
    return tmp_path


def stored(folder, *changes):
    """Store an SMS for each of these changes of its row, given up like its outbox row; return their ids."""

    async def store():
        clock = ManualClock(NOON)
        ids = core_ids.Ids.seeded(5, clock)
        db = database(folder)
        text = templates.paid(About(3000, "ZMW", "KNY-0417-1", "Airtel Money", ("2026-11",)), at=NOON)
        made = []
        async with db.write() as connection:
            for n, change in enumerate(changes):
                notice = Notice(f"payment:{n}:success", NUMBER, "en", text, "c")
                row = outbound.compose(notice, sms_id=ids.new(), now=NOON, catalogues=templates.catalogues())
                await outbound.enqueue(connection, [row])
                mine = sms_messages.c.sms_id == row["sms_id"]
                await connection.execute(sa.update(sms_messages).where(mine).values(**change))
                made.append(row["sms_id"])
                clock.advance(1)
            await connection.execute(sa.update(outbox).values(status="dead", last_error="405"))
        await db.close()
        return made

    return asyncio.run(store())


def looked(folder, query):
    async def look():
        db = database(folder)
        async with db.read() as connection:
            found = (await connection.execute(query)).all()
        await db.close()
        return found

    return asyncio.run(look())


NO_CREDIT = {
    "status": "dead",
    "reason": "no_credit",
    "provider_status": "405 InsufficientBalance",
    "attempts": 9,
}
NO_ANSWER = {"status": "dead", "reason": "no_answer", "provider_status": "TimeoutError", "unknowns": 2}


def test_dead_letters_are_listed_with_their_reason_and_a_masked_number(place):
    first, second = stored(place, NO_CREDIT, NO_ANSWER)
    code, out, err = run(place, "sms", "dead")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == [first, second]
    assert "26097****567" in lines[0]
    assert "no_credit" in lines[0]
    assert lines[1].endswith("may have arrived")
    assert NUMBER not in out
    found = json.loads(run(place, "sms", "dead", "--json")[1])
    assert [(one["sms_id"], one["reason"], one["may_have_arrived"]) for one in found] == [
        (first, "no_credit", False),
        (second, "no_answer", True),
    ]
    assert run(place, "sms", "dead", "--since", "2026-11-22")[1] == ""


def test_replay_puts_out_what_never_left_and_asks_twice_about_the_rest(place):
    first, second = stored(place, NO_CREDIT, NO_ANSWER)
    code, out, err = run(place, "sms", "replay", "--all")
    assert (code, out) == (0, f"{first}\n")
    assert "1 may have arrived" in err
    assert run(place, "sms", "replay", first)[:2] == (1, "")
    assert run(place, "sms", "replay", second)[:2] == (1, "")
    assert run(place, "sms", "replay", second, "--unknown-too")[:2] == (0, f"{second}\n")
    assert run(place, "sms", "dead")[1] == ""
    rows = looked(place, sa.select(outbox.c.key, outbox.c.status, outbox.c.last_error))
    assert {tuple(row) for row in rows} == {(first, "waiting", None), (second, "waiting", None)}
    acts = looked(place, sa.select(audit_log.c.action, audit_log.c.subject).order_by(audit_log.c.audit_id))
    assert [tuple(act) for act in acts] == [
        ("sms.replay", subject) for subject in ("all", first, second, second)
    ]


@pytest.mark.parametrize("words", [(), ("x", "--all"), ("x", "--since", "2026-11-21")])
def test_replay_wants_ids_or_all(place, words):
    assert run(place, "sms", "replay", *words)[:2] == (2, "")


@pytest.mark.parametrize("sms_id", ["nonsense", "0190f0f0-0000-7000-8000-000000000000", "'; DROP TABLE sms"])
def test_an_id_of_nothing_is_named_as_such(place, sms_id):
    code, out, err = run(place, "sms", "replay", sms_id)
    assert (code, out) == (1, "")
    assert "1 are not dead" in err


def test_the_cost_of_a_month_is_exact_to_the_last_digit(place):
    told = {"status": "delivered", "cost_said": "ZMW 0.2525"}
    stored(place, told, told, told | {"segments": 2}, {"status": "sent"}, NO_CREDIT)
    assert run(place, "sms", "cost", "--month", "2026-11")[:2] == (
        0,
        "no price told: 1 SMS, 1 segments\nZMW 0.7575: 3 SMS, 4 segments\n",
    )
    assert json.loads(run(place, "sms", "cost", "--month", "2026-12", "--json")[1]) == []
    assert run(place, "sms", "cost", "--month", "13")[0] == 1


@pytest.mark.parametrize(
    "words", [("0961234567", "HELP"), ("+260961234567", "dead"), ("send", "0961234567", "HELP")]
)
def test_any_other_first_word_is_who_sends_an_sms(tmp_path, words):
    env = environment(tmp_path, MADZI_CHANNEL_TOKEN="t" * 16)
    code, out, err = run(tmp_path, "sms", *words, "--gateway", "http://127.0.0.1:9", env=env)
    assert (code, out) == (1, "")
    assert err.startswith("madzi: no_gateway: ")
    assert err.count("\n") == 1


def test_a_number_that_is_none_is_refused(tmp_path):
    code, out, err = run(tmp_path, "sms", "daed", "--json")
    assert (code, out) == (2, "")
    code, out, err = run(tmp_path, "sms", "daed", "HELP", "--gateway", "http://127.0.0.1:9")
    assert (code, out, err.count("\n")) == (1, "", 1)
