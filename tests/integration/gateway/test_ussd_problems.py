"""Report a problem over HTTP: one flag, one SMS with its reference, whatever is repeated or typed."""

import asyncio

import pytest
import sqlalchemy as sa
from town import CALLER, NEIGHBOUR, OTHER_TAP, TAP

from core.audit import audit_log
from taps.tables import flags, taps

AT_WORDS = ("1", "4", "2", TAP)  # English, report, burst pipe, the tap


async def kept(town):
    return await town.rows(sa.select(flags).order_by(flags.c.number))


async def test_a_report_gets_a_reference_on_the_screen_and_by_sms(town):
    await town.open()
    call = await town.hops(*AT_WORDS, "Water runs on the road")
    assert call[-1].startswith(f"END Reported: Burst pipe, {TAP}. Your report is F-0001.")
    (flag,) = await kept(town)
    assert (flag.kind, flag.tap_id, flag.words) == ("burst", TAP, "Water runs on the road")
    assert (flag.reported_by, flag.source, flag.state) == (CALLER, "resident", "open")
    (text,) = await town.sms()
    assert text == f"Madzi: Done: we will look at {TAP}. Your report is F-0001. Keep this SMS. Nothing to do."
    assert await town.payments() == []


async def test_a_place_without_a_tap_is_told_by_words(town):
    await town.open()
    await town.hops("1", "4", "5", "1", "Pipe behind the bar")
    (flag,) = await kept(town)
    assert (flag.kind, flag.tap_id, flag.words) == ("unregistered", None, "Pipe behind the bar")
    assert (await town.sms())[0].startswith("Madzi: Done: we will look at it. Your report is F-0001.")


async def test_every_hop_twice_and_at_the_same_moment_is_one_report(town):
    await town.open()
    first = await town.hops(*AT_WORDS, "Water")
    assert await town.hops(*AT_WORDS, "Water") == first
    await town.hops(*AT_WORDS, session="s2")
    replies = await asyncio.gather(
        *(town.hop("*".join((*AT_WORDS[1:], "1")), session="s3") for _ in range(6))
    )
    assert len({body for _, body, _ in replies}) == 1
    assert replies[0][1].startswith("END We have your report already: Burst pipe")
    assert len(await kept(town)) == 1
    assert len(await town.sms()) == 1


async def test_many_reports_at_once_have_a_number_each(town):
    await town.open()
    people = [f"+26096123{n:04d}" for n in range(12)]
    await asyncio.gather(
        *(town.hops(*AT_WORDS, "Water", session=f"p{n}", msisdn=who) for n, who in enumerate(people))
    )
    assert [flag.number for flag in await kept(town)] == list(range(1, 13))


async def test_two_phones_that_see_the_same_connection_open_a_flag_by_rule(town):
    await town.open()
    for who in (CALLER, NEIGHBOUR):
        await town.hops("1", "4", "5", TAP, "1", session=who, msisdn=who)
    assert [(flag.source, flag.rule) for flag in await kept(town)] == [
        ("resident", None),
        ("resident", None),
        ("detected", "two_reports"),
    ]


async def test_a_caretaker_who_reports_his_own_tap_is_noted(town):
    async with town.db.write() as connection:
        await connection.execute(sa.update(taps).where(taps.c.tap_id == TAP).values(caretaker_msisdn=CALLER))
    await town.open()
    await town.hops(*AT_WORDS, "1")
    await town.hops("4", "2", OTHER_TAP, "1", session="s2")
    assert [flag.source for flag in await kept(town)] == ["caretaker", "resident"]
    (row,) = await town.rows(sa.select(audit_log))
    assert (row.actor, row.channel, row.action, row.subject) == (CALLER, "ussd", "flag.report", "F-0001")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("7391", ""),
        ("'; DROP TABLE flags; --", "'; DROP TABLE flags; --"),
        ("{tap} ${x} %s", "{tap} ${x} %s"),
        ("\u202eevil", "evil"),
        ("\U0001f4a7" * 160, "\U0001f4a7" * 160),
        ("w" * 200, "w" * 160),
    ],
)
async def test_any_words_are_kept_as_words_or_not_at_all(town, typed, words):
    await town.open()
    reply = (await town.hops(*AT_WORDS, typed))[-1]
    assert reply.startswith("END Reported: Burst pipe")
    assert [flag.words for flag in await kept(town)] == [words]


@pytest.mark.parametrize("typed", ["", "   ", "\0", "\u200f", "7"])
async def test_nothing_is_no_report(sqlite_town, typed):
    await sqlite_town.open()
    assert (await sqlite_town.hops(*AT_WORDS, typed))[-1].startswith("CON ")
    assert await kept(sqlite_town) == []


async def test_a_report_in_nyanja_is_answered_in_nyanja(sqlite_town):
    await sqlite_town.open()
    await sqlite_town.hops("2", *AT_WORDS[1:], "1")
    assert "F-0001" in (await sqlite_town.sms())[0]
    (row,) = await sqlite_town.rows(sa.text("SELECT language FROM sms_messages"))
    assert row.language == "ny"
