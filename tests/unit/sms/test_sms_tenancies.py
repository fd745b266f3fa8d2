"""What caretakers and tenants hear, against the reference's table, and with any name and number."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import gsm
from sms import templates, tenancy_samples
from sms.outbound import words
from sms.samples import LONGEST
from sms.templates import Printed
from sms.tenancy_texts import reply, shown, tell
from taps.tenancies import commands as c
from taps.tenancies import results as r
from taps.tenancies.events import TenantAdded, TenantRemoved

AT = datetime(2026, 11, 21, 6, 15, tzinfo=UTC)
DAY = AT + timedelta(days=1)
RUTH, MARY, KNY, KNY2 = "+260966000001", "+260977123456", "KNY-0417-1", "KNY-0533-5"
BANDA = r.Person(MARY, "Mary Banda", 4)
PRINTED = Printed("*384*7#", "0211000000")
ID = {"command_id": "sms:1:0"}
REG = c.Register(RUTH, KNY, MARY, "Mary Banda", 4, **ID)
CATALOGUES = templates.catalogues()


def say(text):
    return words(text, "en", CATALOGUES)


def answer(result, command=REG):
    return say(reply(command, result, PRINTED))


MODEL = [
    (
        r.Registered(KNY, BANDA, 6, DAY),
        124,
        (
            "Madzi: Done: Mary Banda, 0977123456, 4 people, is on KNY-0417-1 now. Tenants there: 6. "
            "Wrong? Send UNDO before 22 Nov 08:15."
        ),
    ),
    (
        r.NoSuchTap("KNY-0471-1", KNY),
        110,
        (
            "Madzi: Not done: no tap KNY-0471-1. Did you mean KNY-0417-1? "
            "Then send: REG KNY-0417-1 0977123456 Mary Banda 4"
        ),
    ),
    (
        r.NotYours(KNY),
        97,
        "Madzi: Not done: KNY-0417-1 is not one of your taps. Your taps: send LIST. Wrong? Call 0211000000",
    ),
    (
        r.Undone(r.Registered(KNY, BANDA, 6, DAY), 5, AT, AT + timedelta(hours=3)),
        126,
        (
            "Madzi: Undone: Mary Banda, 0977123456, is not on KNY-0417-1 any more. Tenants there: 5. "
            "All is as before 08:15. Nothing to do."
        ),
    ),
]


@pytest.mark.parametrize(("result", "septets", "said"), MODEL, ids=lambda v: type(v).__name__)
def test_the_answers_read_as_the_model_does(result, septets, said):
    assert answer(result) == said
    assert gsm.measure(said).units == septets


def test_the_tenant_hears_what_the_model_says():
    added = tell(TenantAdded("c", KNY, "241703", MARY), PRINTED, at=AT)
    removed = tell(TenantRemoved("c", KNY, MARY, 1000, "ZMW"), PRINTED, at=AT)
    clear = tell(TenantRemoved("c", KNY, MARY, 0, "ZMW"), PRINTED, at=AT)
    assert say(added) == (
        "Madzi: Done: you are on tap KNY-0417-1 now, tap number 241703. To see and pay, dial *384*7#. "
        "Not your tap? Call 0211000000"
    )
    assert say(removed) == (
        "Madzi: Done: you are not on tap KNY-0417-1 any more, 21 Nov. Left to pay there: K10.00. "
        "Wrong? Call 0211000000"
    )
    assert say(clear) == (
        "Madzi: Done: you are not on tap KNY-0417-1 any more, 21 Nov. Nothing is left to pay there. "
        "Wrong? Call 0211000000"
    )


OTHERS = [
    (
        r.Updated(KNY, r.Person(MARY, "Mary Phiri", 1), BANDA, 6, DAY),
        (
            "Done: 0977123456 on KNY-0417-1 is now Mary Phiri, 1 person. Before: Mary Banda, 4 people. "
            "Wrong? Send UNDO before 22 Nov 08:15."
        ),
    ),
    (
        r.Moved(KNY, KNY2, BANDA, 6, DAY),
        (
            "Done: Mary Banda, 0977123456, is on KNY-0417-1 now, not on KNY-0533-5. Tenants there: 6. "
            "Wrong? Send UNDO before 22 Nov 08:15."
        ),
    ),
    (
        r.Removed(KNY, BANDA, 5, DAY),
        (
            "Done: Mary Banda, 0977123456, is not on KNY-0417-1 any more. Tenants there: 5. "
            "Wrong? Send UNDO before 22 Nov 08:15."
        ),
    ),
    (
        r.Counted(KNY, 12, 9, 10, DAY),
        "Done: 12 people counted at KNY-0417-1. Registered there: 10. Wrong? Send UNDO before 22 Nov 08:15.",
    ),
    (
        r.AlreadyThere(KNY, BANDA),
        "Not done: Mary Banda, 0977123456, is on KNY-0417-1 already, 4 people. Nothing to do.",
    ),
    (
        r.UndoUnsafe(KNY, r.UndoFault.CHANGED_SINCE),
        (
            "Not done: another person changed KNY-0417-1 after you. Who is on it? Send LIST KNY-0417-1. "
            "Wrong? Call 0211000000"
        ),
    ),
    (
        r.NoSuchTenant(MARY, KNY),
        "Not done: 0977123456 is not on KNY-0417-1. Who is on it? Send LIST KNY-0417-1",
    ),
    (
        r.NoSuchTap("", None),
        "Not done: REG needs a tap. Send it like this: REG KNY-0417-1 0977123456 Mary Banda 4",
    ),
    (r.BadName(), "Not done: REG needs a name. Send it like this: REG KNY-0417-1 0977123456 Mary Banda 4"),
    (
        r.BadOccupants(999),
        (
            "Not done: people are a number from 1 to 999. "
            "Send it like this: REG KNY-0417-1 0977123456 Mary Banda 4"
        ),
    ),
]


@pytest.mark.parametrize(("result", "said"), OTHERS, ids=lambda v: type(v).__name__)
def test_every_answer_says_what_was_understood_and_what_to_do(result, said):
    assert answer(result) == f"Madzi: {said}"


def test_what_was_changed_yesterday_is_undone_with_its_date():
    said = answer(r.Undone(r.Removed(KNY, BANDA, 5, DAY), 6, AT, AT + timedelta(hours=23)))
    assert "All is as before 21 Nov 08:15." in said


def test_lists_name_whom_they_can_and_count_the_rest():
    people = tuple(r.Person(f"+26097712345{n}", f"Tenant Number {n}", n + 1) for n in range(9))
    assert answer(r.Listed(KNY, "241703", people, None)) == (
        "Madzi: KNY-0417-1 has 9 tenants, 45 people: Tenant Number 0 3450. Tenant Number 1 3451. "
        "+7. More: dial *384*7#, press 8."
    )
    assert answer(r.MyTaps(((KNY, 6), (KNY2, 0)))) == (
        "Madzi: Your taps and tenants: KNY-0417-1: 6, KNY-0533-5: 0. Who is on one: send LIST KNY-0417-1. "
        "More: dial *384*7#, press 8."
    )


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (c.Move(RUTH, MARY, "KNX", **ID), "MOVE 0977123456 KNY-0417-1"),
        (c.Remove(RUTH, MARY, "KNX", **ID), "REMOVE 0977123456 KNY-0417-1"),
        (c.Count(RUTH, "KNX", 12, **ID), "COUNT KNY-0417-1 12"),
        (c.ListTenants(RUTH, "KNX", **ID), "LIST KNY-0417-1"),
    ],
)
def test_a_near_miss_gives_the_line_to_send(command, line):
    assert answer(r.NoSuchTap("KNX", KNY), command).endswith(f"Then send: {line}")


def test_a_kenyan_caretaker_gets_kenyan_examples():
    command = c.Register("+254712000003", "NRB-0001-7", "12", "Otieno", 3, **ID)
    said = answer(r.BadPhone(r.PhoneFault.FOREIGN), command)
    assert said.endswith("REG NRB-0001-7 0712345678 Otieno 3")


def test_the_checked_samples_hold_every_kind_of_result(monkeypatch):
    kinds = set()

    def noted(command, result, printed):
        kinds.add(type(result))
        return reply(command, result, printed)

    monkeypatch.setattr(tenancy_samples, "reply", noted)
    assert tenancy_samples.samples(LONGEST)
    assert kinds == set(get_args(r.Result))


# Names


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mary Banda", "Mary Banda"),
        ("Ŋambi Ŵiza", "Ng'ambi Wiza"),
        ("Chanda\u2019s mum", "Chanda's mum"),
        ("Zoë Björk Ćwik", "Zoe Björk Cwik"),
        ("Mary 🙂 Banda", "Mary Banda"),
        ("[Mary] {name} ~", "Mary name"),
        ("مريم", "?"),
        ("Mary Hamoonga Mutinta Lungu", "Mary Hamoonga Mutint"),
    ],
)
def test_a_name_is_shown_in_letters_that_cost_one_each(name, said):
    assert shown(name) == said


@given(st.text(max_size=60), st.integers(1, 999), st.integers(0, 200))
def test_any_name_leaves_the_answer_in_one_segment(name, occupants, there):
    person = r.Person(MARY, name, occupants)
    for result in (
        r.Registered(KNY, person, there, DAY),
        r.Updated(KNY, person, person, there, DAY),
        r.Moved(KNY, KNY2, person, there, DAY),
        r.AlreadyThere(KNY, person),
        r.Undone(r.Removed(KNY, person, there, DAY), there, AT, DAY),
        r.Listed(KNY, "241703", (person,) * 50, 12),
        r.NoSuchTap(name[:12], KNY),
    ):
        length = gsm.measure(answer(result, c.Register(RUTH, name, name, name, occupants, **ID)))
        assert (length.encoding, length.segments) == ("gsm7", 1)
