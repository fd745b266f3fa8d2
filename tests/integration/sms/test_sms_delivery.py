"""Handing over, with an aggregator that remembers what it was given."""

import asyncio
from dataclasses import replace
from itertools import permutations

import pytest
import sqlalchemy as sa

from core import bulk
from core import outbox as box
from core.metrics import SMS_ACCOUNT_FAULTS, SMS_ENDED
from sms import optouts, reports
from sms.attempts import MOST_ATTEMPTS
from sms.delivery import Delivery
from sms.outbound import enqueue
from sms.reasons import Reason
from sms.senders.base import Handed, Outcome
from sms.tables import sms_delivery_reports, sms_messages

SENT = Handed(Outcome.SENT, "101 Success", "AT1", 25, "ZMW")
REFUSED = Handed(Outcome.REFUSED, "403 InvalidPhoneNumber", reason=Reason.BAD_NUMBER)
BUSY = Handed(Outcome.TRY_AGAIN, "407 CouldNotRoute")
NO_CREDIT = Handed(
    Outcome.TRY_AGAIN, "405 InsufficientBalance", reason=Reason.NO_CREDIT, is_config_fault=True
)
UNKNOWN = Handed(Outcome.UNKNOWN, "TimeoutError")


class Aggregator:
    """Answers by number, in the given order, the last answer for ever; keeps what it was given."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.given = []
        self.at_once = self.most_at_once = 0

    async def send(self, message):
        self.given.append((message.msisdn, message.text))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        answers = self.answers.get(message.msisdn, [SENT])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def work(db, clock):
    """Claim what is due and hand it over, as the worker does; returns how many messages were claimed."""

    async def once(aggregator, **options):
        async with db.write() as connection:
            messages = await box.claim(
                connection, options.pop("kind", "sms"), worker="w", now=clock.now(), lease_s=60, limit=100
            )
        await Delivery(db, aggregator, clock, lambda: 0.0, **options).handle(messages)
        return len(messages)

    return once


@pytest.fixture
def state(db):
    """Look an SMS and its outbox row up."""

    async def look(sms_id):
        query = sa.select(
            sms_messages,
            box.outbox.c.status.label("message"),
            box.outbox.c.last_error,
            box.outbox.c.available_at,
        ).join(box.outbox, box.outbox.c.outbox_id == sms_messages.c.sms_id)
        async with db.read() as connection:
            return (await connection.execute(query.where(sms_messages.c.sms_id == sms_id))).one()

    return look


NUMBER, OTHER = "+260971234567", "+260961234567"


async def test_what_was_taken_is_sent_with_id_and_cost(queued, work, state):
    sms_id = await queued("one")
    aggregator = Aggregator()
    assert await work(aggregator) == 1
    sms = await state(sms_id)
    assert (sms.status, sms.message, sms.attempts) == ("sent", "done", 1)
    assert (sms.provider_message_id, sms.cost_minor, sms.cost_currency) == ("AT1", 25, "ZMW")
    assert aggregator.given == [(NUMBER, sms.text)]
    assert await work(aggregator) == 0


async def test_a_final_refusal_is_dead_for_an_operator(queued, work, state):
    sms_id = await queued("one")
    await work(Aggregator({NUMBER: [REFUSED]}))
    sms = await state(sms_id)
    assert (sms.status, sms.message) == ("dead", "dead")
    assert sms.last_error == sms.provider_status == "403 InvalidPhoneNumber"


async def test_what_was_not_taken_is_tried_again_later_and_later_until_it_goes(queued, work, state, clock):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [BUSY, BUSY, BUSY, SENT]})
    waits = []
    while (sms := await state(sms_id)).message == "waiting":
        clock.advance(max(0, (sms.available_at - clock.now()).total_seconds()))
        assert await work(aggregator) == 1
        waits.append(((await state(sms_id)).available_at - clock.now()).total_seconds())
    assert waits[:3] == [4, 8, 16]
    assert (sms.status, sms.attempts, sms.unknowns) == ("sent", 4, 0)


async def test_trying_again_has_an_end(queued, work, state, clock):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [BUSY]})
    for _ in range(5):
        await work(aggregator, max_attempts=3)
        clock.advance(3600)
    sms = await state(sms_id)
    assert (sms.status, sms.message, len(aggregator.given)) == ("dead", "dead", 3)


async def test_an_account_without_credit_is_given_time_to_be_mended(queued, work, state, clock):
    sms_id = await queued("one")
    await work(Aggregator({NUMBER: [NO_CREDIT]}))
    sms = await state(sms_id)
    assert (sms.status, sms.message) == ("queued", "waiting")
    assert (sms.available_at - clock.now()).total_seconds() == 300


@pytest.mark.parametrize("lost", [UNKNOWN, RuntimeError("broken sender")], ids=["time-out", "exception"])
async def test_after_an_unknown_outcome_the_same_words_go_once_more_and_never_a_third_time(
    queued, work, state, clock, lost
):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [lost]})
    for _ in range(5):
        await work(aggregator)
        clock.advance(3600)
    sms = await state(sms_id)
    assert aggregator.given == [(NUMBER, sms.text)] * 2
    assert (sms.status, sms.message, sms.unknowns) == ("dead", "dead", 2)


async def test_a_try_that_was_not_taken_does_not_use_up_the_second_chance(queued, work, state, clock):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [UNKNOWN, BUSY, SENT]})
    for _ in range(4):
        await work(aggregator)
        clock.advance(3600)
    assert (await state(sms_id)).status == "sent"
    assert len(aggregator.given) == 3


async def test_a_worker_that_dies_while_sending_counts_as_an_unknown_outcome(queued, work, state, clock):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [asyncio.CancelledError(), asyncio.CancelledError(), SENT]})
    for deaths in (1, 2):
        with pytest.raises(asyncio.CancelledError):
            await work(aggregator)
        sms = await state(sms_id)
        assert (sms.status, sms.message, sms.attempts) == ("sending", "waiting", deaths)
        assert await work(aggregator) == 0  # its lease still runs
        clock.advance(61)
    await work(aggregator)
    assert ((await state(sms_id)).status, len(aggregator.given)) == ("dead", 2)


async def test_the_attempt_is_committed_before_anything_leaves(queued, work, state):
    sms_id = await queued("one")
    seen = []

    class Watcher(Aggregator):
        async def send(self, message):
            seen.append((await state(message.sms_id)).status)
            return SENT

    await work(Watcher())
    assert seen == ["sending"]
    assert (await state(sms_id)).status == "sent"


async def test_many_go_together_but_never_more_than_allowed_and_each_by_its_own_answer(queued, work, state):
    numbers = [f"+26097000000{n}" for n in range(8)]
    answers = [SENT, REFUSED, BUSY, UNKNOWN] * 2
    sms_ids = [await queued(f"f{number}", number) for number in numbers]
    aggregator = Aggregator({n: [answer] for n, answer in zip(numbers, answers, strict=True)})
    assert await work(aggregator, concurrency=3) == 8
    assert [(await state(i)).status for i in sms_ids] == ["sent", "dead", "queued", "queued"] * 2
    assert [(await state(i)).unknowns for i in sms_ids] == [0, 0, 0, 1] * 2
    assert 1 < aggregator.most_at_once <= 3


async def test_a_message_without_its_sms_or_for_one_already_sent_sends_nothing(db, queued, work, clock, ids):
    sms_id = await queued("one")
    await work(Aggregator())
    async with db.write() as connection:
        lost, again = (
            box.row(ids.new(), "sms", key, now=clock.now(), correlation_id="c") for key in (ids.new(), sms_id)
        )
        await bulk.insert(connection, box.outbox, [lost, again])
    aggregator = Aggregator()
    assert await work(aggregator) == 2
    assert aggregator.given == []
    async with db.read() as connection:
        rows = (await connection.execute(sa.select(box.outbox.c.outbox_id, box.outbox.c.status))).all()
    assert {row.outbox_id: row.status for row in rows} == {
        sms_id: "done",
        lost["outbox_id"]: "dead",
        again["outbox_id"]: "done",
    }


@pytest.mark.parametrize(
    ("answer", "status", "message"), [(UNKNOWN, "sending", "waiting"), (SENT, "sent", "done")]
)
async def test_a_slow_result_that_a_newer_attempt_overtook_counts_only_if_it_went(
    queued, work, state, clock, answer, status, message
):
    sms_id = await queued("one")
    newer = Aggregator({NUMBER: [asyncio.CancelledError()]})

    class Slow(Aggregator):
        async def send(self, _message):
            clock.advance(61)  # the lease runs out while we wait for the answer
            with pytest.raises(asyncio.CancelledError):
                await work(newer)
            return answer

    await work(Slow())
    sms = await state(sms_id)
    assert (sms.status, sms.message, sms.attempts) == (status, message, 2)
    clock.advance(61)
    last = Aggregator()
    await work(last)
    assert last.given == []  # two hand-overs are the most


def report(status, message_id="AT1", **more):
    form = {"id": message_id, "status": status, "phoneNumber": NUMBER, "networkCode": "64501"}
    return form | more


@pytest.fixture
def told(db, clock, ids):
    """Receive delivery reports, one after the other."""

    async def receive(*forms):
        for form in forms:
            await reports.receive(db, form, report_id=ids.new(), now=clock.now())
            clock.advance(1)

    return receive


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["Sent"], "sent", "Sent"),
        (["Submitted", "Buffered"], "sent", "Buffered"),
        (["Buffered", "Success"], "delivered", "Success"),
        (["Rejected"], "failed", "Rejected"),
        (["Expired"], "failed", "Expired"),
        (["Failed"], "failed", "Failed"),
        (["Success", "Failed"], "delivered", "Success"),
        (["Failed", "Success"], "delivered", "Success"),
        (["Failed", "Buffered", "Expired"], "failed", "Failed"),
        (["Success", "Sent", "Success"], "delivered", "Success"),
        (["SomethingNew"], "sent", "SomethingNew"),
        ([""], "sent", "101 Success"),
    ],
)
async def test_delivery_reports_move_the_sms_until_the_final_word(
    queued, work, state, told, words, status, said
):
    sms_id = await queued("one")
    await work(Aggregator())
    await told(*(report(word) for word in words))
    sms = await state(sms_id)
    assert (sms.status, sms.provider_status) == (status, said)


async def test_a_failure_says_why(queued, work, state, told):
    sms_id = await queued("one")
    await work(Aggregator())
    await told(report("Failed", failureReason="UserInBlackList"))
    assert (await state(sms_id)).provider_status == "Failed: UserInBlackList"


async def test_a_report_that_overtakes_the_result_of_its_sending_is_not_lost(queued, work, state, told):
    sms_id = await queued("one")

    class Fast(Aggregator):
        async def send(self, _message):
            await told(report("Buffered"), report("Success"))
            return SENT

    await work(Fast())
    assert (await state(sms_id)).status == "delivered"


@pytest.mark.parametrize(
    "form",
    [{}, {"status": "Success"}, report("Success", "nobody's"), report("Su\0ccess" * 50, "A\0" * 500)],
    ids=["empty", "no id", "unknown id", "garbage"],
)
async def test_a_report_on_nothing_is_kept_and_changes_nothing(db, queued, work, state, told, form):
    sms_id = await queued("one")
    await work(Aggregator())
    await told(form)
    assert (await state(sms_id)).status == "sent"
    async with db.read() as connection:
        row = (await connection.execute(sa.select(sms_delivery_reports))).one()
    assert row.sms_id is None
    assert row.raw.startswith(b"{")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([report("Failed", failureReason="UserInBlackList")], "blacklist"),
        ([report("Rejected", failureReason="InsufficientCredit")], "no_credit"),
        ([report("Failed", failureReason="UserDoesNotExist")], "bad_number"),
        ([report("Failed", failureReason="SomethingNew")], "other"),
        ([report("Failed")], "undelivered"),
        ([report("Rejected")], "rejected"),
        ([report("Expired")], "expired"),
        ([report("Failed"), report("Success")], None),
        ([report("Success"), report("Failed")], None),
        ([report("Teleported", failureReason="UserInBlackList")], None),
    ],
)
async def test_why_it_failed_is_one_of_a_few_words(queued, work, state, told, words, reason):
    sms_id = await queued("one")
    await work(Aggregator())
    await told(*words)
    assert (await state(sms_id)).reason == reason


async def test_reports_in_any_order_and_twice_end_the_same(queued, work, state, told):
    for n, words in enumerate(permutations(["Buffered", "Failed", "Success"])):
        sms_id = await queued(f"f{n}")
        await work(Aggregator({NUMBER: [Handed(Outcome.SENT, "101 Success", f"AT{n}")]}))
        await told(*(report(word, f"AT{n}") for word in words for _ in range(2)))
        sms = await state(sms_id)
        assert (sms.status, sms.reason, sms.provider_status) == ("delivered", None, "Success")


async def test_a_report_on_what_is_dead_or_dropped_is_kept_and_wakes_nothing(db, queued, work, state, told):
    sms_id = await queued("one")
    await work(Aggregator({NUMBER: [replace(REFUSED, provider_message_id="AT1")]}))
    async with db.write() as connection:
        await connection.execute(sa.update(sms_messages).values(provider_message_id="AT1"))
    await told(report("Success"))
    assert (await state(sms_id)).status == "dead"


async def test_an_account_in_trouble_is_given_half_a_day_and_then_a_person_is_asked(
    queued, work, state, clock
):
    sms_id = await queued("one")
    aggregator = Aggregator({NUMBER: [NO_CREDIT]})
    started = clock.now()
    while (sms := await state(sms_id)).message == "waiting":
        clock.advance(max(0, (sms.available_at - clock.now()).total_seconds()))
        await work(aggregator)
    assert (sms.status, sms.reason, len(aggregator.given)) == ("dead", "no_credit", MOST_ATTEMPTS)
    assert 6 * 3600 < (clock.now() - started).total_seconds() < 24 * 3600


async def test_a_reply_leaves_from_the_number_that_was_texted(db, composed, work):
    rows = [composed("reply") | {"sender": "38407"}, composed("notice")]
    async with db.write() as connection:
        await enqueue(connection, rows)
    senders = []

    class Watcher(Aggregator):
        async def send(self, message):
            senders.append(message.sender)
            return SENT

    await work(Watcher())
    assert sorted(senders, key=str) == ["38407", None]


async def test_what_ends_is_counted_by_reason(queued, work, told):
    def counted(status, reason):
        return SMS_ENDED.labels(status, reason)._value.get()

    before = {key: counted(*key) for key in (("sent", ""), ("dead", "bad_number"), ("delivered", ""))}
    faults = SMS_ACCOUNT_FAULTS.labels("no_credit")._value.get()
    await queued("one")
    await queued("two", "+260970000001")
    await queued("three", "+260970000002")
    await work(Aggregator({"+260970000001": [REFUSED], "+260970000002": [NO_CREDIT]}))
    await told(report("Success"), report("Success"))
    assert {key: counted(*key) - count for key, count in before.items()} == dict.fromkeys(before, 1)
    assert SMS_ACCOUNT_FAULTS.labels("no_credit")._value.get() == faults + 1


async def test_reminders_to_who_said_stop_are_dropped_and_all_else_goes(db, composed, work, clock):
    rows = [
        composed("a") | {"purpose": "reminder"},
        composed("b"),
        composed("c", OTHER) | {"purpose": "reminder"},
    ]
    async with db.write() as connection:
        await enqueue(connection, rows)
        await optouts.stop(connection, [NUMBER], clock.now())
    aggregator = Aggregator()
    assert await work(aggregator) == 1
    assert await work(aggregator, kind="reminder") == 2
    assert sorted(number for number, _ in aggregator.given) == [OTHER, NUMBER]
    async with db.read() as connection:
        query = sa.select(sms_messages.c.fact_key, sms_messages.c.status)
        found = {row.fact_key: row.status for row in await connection.execute(query)}
    assert found == {"payment:a:success": "dropped", "payment:b:success": "sent", "payment:c:success": "sent"}
