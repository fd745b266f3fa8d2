import asyncio

import pytest
import sqlalchemy as sa
from village import (
    AGENT,
    FAR,
    JOHN,
    KEEPER,
    KENYAN,
    MARY,
    NUMBER,
    OTHER_KEEPER,
    SHARED,
    SHORT_CODE,
    SPLIT,
    STRANGER,
)

from core.errors import BadInput
from core.outbox import outbox
from gateway import verify
from gateway.sms_inbox import KIND
from payments.tables import cash_receipts
from sms import optouts
from sms.tables import sms_messages
from taps import importing, raising, store
from taps.tables import debt_parts, debts
from taps.tap_id import make

HEADER_OF_TAPS = "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
EVERYTHING = [
    [
        "BAL",
        "BAL {tap}",
        "PAY {tap} 5",
        "LAST",
        "HELP",
        "LANG EN",
        "STOP",
        "START",
        "STATUS {tap}",
        "WHO {tap}",
    ],
    [
        *("REG {tap} 0977000111 Grace", "MOVE 0967123456 {tap}", "REMOVE 0967123456", "COUNT {tap} 3"),
        *("LIST {tap}", "FLAG {tap} pipe", "UNDO", "BEHIND", "CASH {tap} 5", "WHO"),
    ],
]


async def waiting(village):
    query = sa.select(outbox).where(outbox.c.kind == KIND, outbox.c.status == "waiting")
    return await village.rows(query)


# Once and only once


async def test_a_repeat_of_an_sms_is_stored_and_answered_once(village):
    for _ in range(3):
        await village.post(STRANGER, f"PAY {SHARED} 5", inbound_id="same")
        await village.work()
    assert len(await village.inbound()) == 1
    assert len(await village.replies("same")) == 1
    assert len(await village.payments_made()) == 1


async def test_repeats_within_one_batch_are_one(village):
    await asyncio.gather(*(village.post(STRANGER, "BAL", inbound_id="same") for _ in range(20)))
    assert await village.work() == 1
    assert len(await village.replies("same")) == 1


async def test_an_outbox_row_that_is_handled_twice_does_nothing_twice(village):
    inbound_id = await village.post(KEEPER, f"REG {SHARED} 0977000111 Grace; PAY {SHARED} 5")
    await village.work()
    async with village.db.write() as connection:  # as after a worker that died at the last moment
        await connection.execute(
            sa.update(outbox).where(outbox.c.kind == KIND).values(status="waiting", claimed_until=None)
        )
    assert await village.work() == 1
    assert len(await village.replies(inbound_id)) == 1
    assert len(await village.sms("+260977000111")) == 1
    assert not await waiting(village)


async def test_many_sms_of_many_people_are_answered_together(village):
    people = [f"+26096{n:07}" for n in range(150)]
    ids = [await village.post(msisdn, f"BAL {SHARED}") for msisdn in people]
    assert await village.work() == len(people)
    for inbound_id, msisdn in zip(ids, people, strict=True):
        (reply,) = await village.replies(inbound_id)
        assert reply.msisdn == msisdn
        assert "K60.00" in reply.text
    assert {row.state for row in await village.inbound()} == {"answered"}


async def test_the_sms_of_one_batch_are_answered_in_the_order_in_which_they_came(village):
    await village.post(KEEPER, f"REG {SHARED} 0977000111 Grace", inbound_id="zz")
    village.clock.advance(0.01)
    last = await village.post(KEEPER, "UNDO", inbound_id="aa")
    assert await village.work() == 2
    (reply,) = await village.replies(last)
    assert "Undone: Grace" in reply.text


async def test_the_same_answer_to_several_commands_is_said_once(village):
    (said,) = await village.say(STRANGER, "LAST\nBAL\nLAST\nLAST")
    assert said.count("No payment from this phone yet") == 1


async def test_an_sms_that_breaks_the_batch_leaves_the_others_answered(village, monkeypatch):
    from gateway import sms_answers

    decide = sms_answers.decide

    def broken(line, desk):
        if line.inbound_id == "bad":
            raise RuntimeError("broken")
        return decide(line, desk)

    monkeypatch.setattr(sms_answers, "decide", broken)
    await village.post(STRANGER, "BAL", inbound_id="bad")
    good = [await village.post(MARY, "BAL") for _ in range(3)]
    await village.work()
    assert all([await village.replies(inbound_id) for inbound_id in good])
    (left,) = await waiting(village)
    assert (left.attempts, left.body) == (1, '{"inbound_id":"bad"}')
    monkeypatch.undo()
    village.clock.advance(60)
    await village.work()
    assert len(await village.replies("bad")) == 1


async def test_an_sms_without_id_or_sender_is_refused_before_it_is_stored(village):
    for form in (
        {"from": STRANGER, "text": "BAL"},
        {"id": "x", "text": "BAL"},
        {"id": "x" * 200, "from": "1"},
    ):
        with pytest.raises(BadInput):
            await village.inbox.store(form)
    assert not await village.inbound()


# Who can be answered, from where, in which language


async def test_a_sender_that_is_no_phone_is_stored_and_not_answered(village):
    for sender in ("MTN", "20880", "AirtelMoney", "0"):
        assert await village.say(sender, "BAL") == []
    assert {row.state for row in await village.inbound()} == {"ignored"}
    assert not await waiting(village)


async def test_a_number_that_texts_itself_is_not_answered(village):
    assert await village.say(STRANGER, "BAL", to=STRANGER) == []


async def test_a_reply_leaves_from_the_number_that_was_texted(village):
    inbound_id = await village.post(STRANGER, "BAL")
    other = await village.post(STRANGER, "BAL", to="")
    await village.work()
    assert [row.sender for row in await village.replies(inbound_id)] == [SHORT_CODE]
    assert [row.sender for row in await village.replies(other)] == [None]


async def test_the_language_is_the_phones_own_until_it_chooses_another(village):
    (first,) = await village.replies(await _said(village, JOHN))
    assert first.language == "bem"  # as its registration says
    (reply,) = await village.replies(await _said(village, JOHN, "LANG EN; BAL"))
    assert reply.language == "en"
    async with village.db.read() as connection:
        assert (await store.customers(connection, [JOHN]))[JOHN].language == "en"


async def _said(village, msisdn, text="BAL"):
    inbound_id = await village.post(msisdn, text)
    await village.work()
    return inbound_id


async def test_several_answers_are_one_sms_whose_segments_are_counted(village):
    inbound_id = await _said(village, MARY, "BAL\nHELP\nLAST")
    (reply,) = await village.replies(inbound_id)
    assert reply.text.count("Madzi: ") == 1
    assert len(reply.text.splitlines()) == 3
    assert reply.segments == 2
    assert reply.template == "replies"


# Residents


async def test_a_tenant_sees_and_pays_their_own_share(village):
    (said,) = await village.say(MARY, "BAL")
    assert "K30.00, your part of" in said
    await village.say(MARY, "PAY")
    (payment,) = await village.payments_made()
    assert (payment.amount_minor, payment.channel, payment.provider) == (3000, "sms", "mtn")
    assert payment.tenant_id is not None
    assert payment.push_after == payment.created_at  # no call is open that a prompt would break


async def test_who_knows_several_taps_is_asked_which_one_to_pay(village):
    await village.say(STRANGER, f"PAY {SHARED} 5")
    await village.say(STRANGER, f"PAY {FAR} 5")
    (said,) = await village.say(STRANGER, "PAY 5")
    assert f"PAY {SHARED} 5" in said
    assert f"PAY {FAR} 5" in said
    assert len(await village.payments_made()) == 2


async def test_the_known_tap_is_paid_where_there_is_only_one(village):
    await village.say(STRANGER, f"PAY {SHARED} 5")
    assert "Waiting: K5.00" in (await village.say(STRANGER, "PAY 5"))[0]
    assert len(await village.payments_made()) == 1  # the first one is under way


async def test_nothing_starts_where_the_amount_is_more_than_owed(village):
    for text in (f"PAY {SHARED} 60,01", f"PAY {NUMBER} 100"):
        (said,) = await village.say(STRANGER, text)
        assert f"more than K60.00. To pay all, send: PAY {SHARED}" in said
    assert not await village.payments_made()


async def test_an_amount_that_is_none_is_asked_again(village):
    for amount in ("KES5", "0", "5.999"):
        (said,) = await village.say(STRANGER, f"PAY {SHARED} {amount}")
        assert said.startswith("Madzi: Not done:")
    assert not await village.payments_made()


async def test_a_number_without_a_wallet_for_this_tap_is_told_another_way(village):
    for msisdn, tap in (("+260971234567", SHARED), (STRANGER, KENYAN), ("+27821234567", SHARED)):
        (said,) = await village.say(msisdn, f"PAY {tap}")
        assert "choose Another number or Another way" in said


async def test_a_near_miss_starts_nothing(village):
    (said,) = await village.say(STRANGER, f"PYA {SHARED} 5")
    assert said.endswith(f"Then send: PAY {SHARED} 5")
    assert not await village.payments_made()


async def test_stop_and_start_change_only_reminders(village):
    await village.say(MARY, "STOP")
    async with village.db.read() as connection:
        assert await optouts.stopped(connection, [MARY, JOHN]) == {MARY}
    assert await village.say(MARY, "BAL")
    await village.say(MARY, "STOP\nSTART")
    async with village.db.read() as connection:
        assert not await optouts.stopped(connection, [MARY])


# Roles


async def test_words_of_caretakers_are_theirs_alone(village):
    for who in (STRANGER, MARY, AGENT):
        for word in ("REG", "MOVE", "REMOVE", "COUNT", "LIST", "FLAG", "UNDO"):
            (said,) = await village.say(who, f"{word} {SHARED} 0977000111 Grace 4")
            assert f"only caretakers can use {word}. You can send BAL, PAY, LAST or HELP" in said
    assert {row.result for row in await village.audit()} == {"notallowed"}


async def test_words_of_agents_are_not_for_residents(village):
    for who in (STRANGER, MARY):
        for word in ("STATUS", "WHO", "BEHIND", "CASH"):
            (said,) = await village.say(who, f"{word} {SPLIT} 5")
            assert f"only agents can use {word}" in said


async def test_nobody_learns_who_lives_on_a_tap_that_is_not_theirs(village):
    for who in (STRANGER, MARY, OTHER_KEEPER):
        for texts in EVERYTHING:
            (said,) = await village.say(who, "\n".join(texts).format(tap=SPLIT))
            assert "John" not in said
            assert "0966123456" not in said
            assert "ending" not in said


async def test_a_stranger_who_asks_about_a_tap_gets_what_is_owed_on_it(village):
    (said,) = await village.say(STRANGER, f"BAL {SPLIT}")
    assert said.startswith(f"Madzi: To pay: K60.00 for {SPLIT}, Oct-Nov.")


async def test_who_left_a_tap_pays_what_they_owe_there_and_nobody_elses_part(village):
    await village.say(KEEPER, f"MOVE {MARY} {SHARED}")
    (said,) = await village.say(MARY, f"BAL {SPLIT}")
    assert said.startswith(f"Madzi: To pay: K30.00, your part of {SPLIT}, Oct-Nov.")
    await village.say(MARY, f"PAY {SPLIT} 20")
    (payment,) = await village.payments_made()
    async with village.db.read() as connection:
        (there,) = [
            tenant
            for tenant in (await store.tenancies_by_msisdn(connection, [MARY]))[MARY]
            if tenant.tap_id == SPLIT
        ]
    assert (payment.tenant_id, payment.amount_minor) == (there.tenant_id, 2000)


async def test_who_left_a_tap_and_owes_nothing_is_a_stranger_there(village):
    await village.say(AGENT, f"CASH {SPLIT} 30 {MARY}")
    await village.say(KEEPER, f"REMOVE {MARY} {SPLIT}")
    (said,) = await village.say(MARY, f"BAL {SPLIT}")
    assert said.startswith(f"Madzi: To pay: K30.00 for {SPLIT}, Oct-Nov.")


async def test_an_agent_outside_the_zone_is_told_so_and_learns_nothing(village):
    for text in (f"STATUS {FAR}", f"WHO {FAR}", f"CASH {FAR} 5"):
        (said,) = await village.say(AGENT, text)
        assert said.startswith(f"Madzi: Not done: {FAR} is not in your zone.")
        assert "K2" not in said
    assert not await village.payments_made()


async def test_an_agent_sees_the_taps_behind_in_their_zones_only(village):
    (said,) = await village.say(AGENT, "BEHIND")
    assert SHARED in said
    assert FAR not in said
    (other,) = await village.say(AGENT, "BEHIND Chazanga")
    assert other.endswith("BEHIND KNY")


async def test_all_taps_behind_are_counted_however_many_there_are(village):
    taps = [make("KNY", number) for number in range(1000, 1030)]
    rows = "".join(f"{tap},KNY,,,shared,,,\n" for tap in taps)
    async with village.db.write() as connection:
        how = {"ids": village.ids, "clock": village.clock}
        data = (HEADER_OF_TAPS + rows).encode()
        report = await importing.import_file(connection, "taps", data, **how)
        assert not report.bad
        await raising.raise_debts(connection, "2026-09", **how)
    (said,) = await village.say(AGENT, "BEHIND")
    assert f" +{len(taps) + 2 - 4}. To see one" in said


async def test_a_caretaker_sees_status_and_names_of_their_own_tap(village):
    (said,) = await village.say(KEEPER, f"WHO {SPLIT}")
    assert "not paid: John Phiri, Mary Banda. Paid by 0." in said
    (said,) = await village.say(KEEPER, f"WHO {FAR}")
    assert "is not one of your taps" in said


async def test_status_counts_who_has_paid_and_who_is_paying(village):
    await village.say(MARY, "PAY")
    (said,) = await village.say(AGENT, f"STATUS {SPLIT}")
    assert "paid K0.00 of K30.00. Paid by 0, not by 1, waiting 1 since 08:15. Due 30 Nov." in said


async def test_status_and_names_speak_of_older_bills_as_screens_do(village):
    await village.say(AGENT, f"CASH {SPLIT} 15 {MARY}")
    async with village.db.write() as connection:  # November is paid, John's October is not
        await connection.execute(
            sa.update(debt_parts)
            .where(debt_parts.c.debt_id.in_(sa.select(debts.c.debt_id).where(debts.c.period == "2026-11")))
            .values(paid_minor=debt_parts.c.amount_minor)
        )
    (said,) = await village.say(AGENT, f"STATUS {SPLIT}")
    assert "paid K30.00 of K30.00." in said
    assert "Older bills: K15.00." in said
    (said,) = await village.say(AGENT, f"WHO {SPLIT}")
    assert "not paid: John Phiri. Paid by 1." in said


async def test_who_of_a_shared_tap_tells_the_end_of_the_payers_phone(village):
    await village.say(AGENT, f"CASH {SHARED} 60 {MARY}")
    for word in ("STATUS", "WHO"):
        (said,) = await village.say(KEEPER, f"{word} {SHARED}")
        assert "paid K30.00 of K30.00. One payer for all. Last payer ending 3456, 21 Nov. Due 30 Nov." in said


async def test_a_caretaker_may_not_flag_the_tap_of_another(village):
    (said,) = await village.say(KEEPER, f"FLAG {FAR} pipe")
    assert "is not one of your taps" in said


# Cash


async def test_cash_is_recorded_once_and_both_are_told(village):
    for _ in range(2):
        await village.post(AGENT, f"CASH {SHARED} 60 0967123456", inbound_id="cash")
        await village.work()
    (reply,) = await village.replies("cash")
    assert reply.text.startswith(f"Madzi: Done: K60.00 cash for {SHARED}, 21 Nov 08:15. Payer ending 3456")
    assert reply.text.endswith("Receipt C-000001")
    (told,) = await village.sms(MARY)
    assert told.text.startswith(
        f"Madzi: Paid K60.00 cash for {SHARED}, Oct-Nov, to agent Joseph Phiri. All paid."
    )
    assert told.payment_id
    (made,) = await village.payments_made()
    assert (made.provider, made.status, made.amount_minor, made.msisdn) == ("cash", "success", 6000, MARY)
    assert await village.held() == {"ZMW": 6000}


async def test_two_lines_of_cash_in_one_sms_are_two_receipts(village):
    (said,) = await village.say(AGENT, f"CASH {SHARED} 10; CASH {SHARED} 20 0966123456")
    assert "C-000001" in said
    assert "C-000002" in said
    assert await village.held() == {"ZMW": 3000}


async def test_without_a_phone_only_the_agent_is_told(village):
    (said,) = await village.say(AGENT, f"CASH {SHARED} 30")
    assert "was told" not in said
    assert [row.msisdn for row in await village.rows(sa.select(sms_messages))] == [AGENT]
    assert (await village.rows(sa.select(cash_receipts)))[0].payer_msisdn is None


async def test_cash_above_what_is_owed_is_not_recorded(village):
    (said,) = await village.say(AGENT, f"CASH {SHARED} 70 0967123456")
    assert said.endswith(f"more than K60.00. To pay all, send: CASH {SHARED} 60.00 0967123456")
    assert not await village.payments_made()


async def test_the_second_agent_hears_that_it_is_paid(village):
    await village.say(AGENT, f"CASH {SHARED} 60")
    (said,) = await village.say(AGENT, f"CASH {SHARED} 60")
    assert said == f"Madzi: Nothing to pay for {SHARED}. Last paid K60.00 on 21 Nov. Nothing to do."
    assert len(await village.payments_made()) == 1


async def test_no_cash_while_somebody_is_paying_and_since_when(village):
    await village.say(STRANGER, f"PAY {SHARED} 5")
    (said,) = await village.say(AGENT, f"CASH {SHARED} 30")
    assert said.startswith(f"Madzi: Waiting: K5.00 for {SHARED}, since 08:15. Do not pay again.")
    assert await village.held() == {}


async def test_in_one_batch_cash_comes_before_a_push_of_the_same_debt(village):
    await village.post(STRANGER, f"PAY {SHARED}", inbound_id="a")
    await village.post(AGENT, f"CASH {SHARED} 60", inbound_id="b")
    await village.work()
    assert [payment.provider for payment in await village.payments_made()] == ["cash"]
    (said,) = await village.replies("a")
    assert said.text.startswith(f"Madzi: Nothing to pay for {SHARED}.")


async def test_the_agent_says_whose_part_it_is(village):
    (said,) = await village.say(AGENT, f"CASH {SPLIT} 15")
    assert said.endswith(f"Send the phone too: CASH {SPLIT} 15.00 0977123456")
    (said,) = await village.say(AGENT, f"CASH {SPLIT} 15 0967123456")
    assert said.startswith("Madzi: Done: K15.00 cash")
    (told,) = await village.sms(MARY)
    assert "Left to pay: K15.00" in told.text


async def test_the_payer_reads_of_cash_in_their_own_language(village):
    await village.say(AGENT, f"CASH {SPLIT} 5 0966123456")
    (told,) = await village.sms(JOHN)
    assert (told.language, told.template) == ("bem", "cash.payer.part")


async def test_every_try_of_cash_is_noted_once_with_the_agent(village):
    await village.say(AGENT, f"CASH {SHARED} 60")
    await village.say(AGENT, f"CASH {SHARED} 60")
    await village.say(AGENT, f"CASH {FAR} 60")
    assert {(row.actor, row.action, row.subject, row.result) for row in await village.audit()} == {
        ("Joseph Phiri", "cash.record", SHARED, "done"),
        ("Joseph Phiri", "cash.record", SHARED, "nothing_owed"),
        ("Joseph Phiri", "sms.cash", FAR, "notyourzone"),
    }
    assert len(await village.audit()) == 3


async def test_the_payer_finds_cash_as_the_last_payment(village):
    await village.say(AGENT, f"CASH {SHARED} 30 0967123456")
    (said,) = await village.say(MARY, "LAST")
    assert "K30.00" in said
    assert "Cash" in said


async def test_verify_is_clean_after_cash_of_every_kind(village):
    for text in (f"CASH {SHARED} 10", f"CASH {SHARED} 10 0967123456", f"CASH {SPLIT} 5 0966123456"):
        await village.say(AGENT, text)
    assert not [verdict for verdict in await verify.run(village.db) if not verdict.holds]


# Texts that mean nothing


NOTHING = [
    *("", "   ", "yes", "thanks", "\U0001f600" * 160, "\u200f", "\x00\x00", "'; DROP TABLE taps; --"),
    *("{{7*7}}", "{said}", "%s %(x)s", "a" * 5000, "4821", "REG " + "a" * 200),
]


async def test_a_text_that_means_nothing_gets_help_in_one_sms(village):
    for who in (STRANGER, KEEPER):
        for text in NOTHING:
            village.clock.advance(900)
            (reply,) = await village.replies(await _said(village, who, text))
            assert (reply.segments, reply.encoding) == (1, "gsm7")
            assert reply.text.startswith("Madzi: Not done:")
            assert "4821" not in reply.text  # it may be a PIN
    assert not await village.payments_made()


async def test_a_phone_that_answers_every_answer_is_left_alone_for_a_while(village):
    said = [await village.say(STRANGER, "thanks for your message") for _ in range(7)]
    assert [len(replies) for replies in said] == [1, 1, 1, 1, 1, 0, 0]
    assert await village.say(STRANGER, "BAL")
    assert await village.say(MARY, "yes")
    village.clock.advance(3601)
    assert await village.say(STRANGER, "yes")


async def test_a_name_of_any_letters_leaves_the_reply_in_the_alphabet_of_phones(village):
    inbound_id = await _said(village, KEEPER, f"REG {SHARED} 0977000111 \u015awi\u0119tos\u0142aw \u4e2d")
    (reply,) = await village.replies(inbound_id)
    assert reply.encoding == "gsm7"


# What is noted


async def test_acts_and_refusals_are_in_the_audit_log_and_looks_at_ones_own_are_not(village):
    for who, text in (
        (MARY, "BAL"),
        (MARY, "PAY"),
        (AGENT, f"WHO {SPLIT}"),
        (KEEPER, f"COUNT {SHARED} 4"),
        (STRANGER, f"WHO {SPLIT}"),
    ):
        await village.say(who, text)
    noted = {(row.actor, row.action, row.result) for row in await village.audit()}
    assert noted == {
        (MARY, "sms.pay", "done"),
        ("Joseph Phiri", "sms.who", "done"),
        (KEEPER, "tap.count", "done"),
        (STRANGER, "sms.who", "notallowed.agent"),
    }
