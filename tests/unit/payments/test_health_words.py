import pytest

from payments import health
from payments.providers.base import Outcome, PushReply, Reason, Report, Taken, Traits

ASKED = Traits(has_query=True, push_is_repeatable=True, unit_minor=1, currencies=frozenset({"ZMW"}))
HELD = Traits(
    has_query=False,
    push_is_repeatable=False,
    unit_minor=1,
    currencies=frozenset({"ZMW"}),
    waits_for_payer=True,
)

PUSHES = [
    (PushReply(Taken.ACCEPTED), True),
    (PushReply(Taken.REFUSED, reason=Reason.BALANCE), True),
    (PushReply(Taken.REFUSED, reason=Reason.CANCELLED), True),
    (PushReply(Taken.REFUSED, reason=Reason.LIMIT), True),
    (PushReply(Taken.REFUSED, reason=Reason.OTHER), True),
    (PushReply(Taken.REFUSED, reason=Reason.DOWN), False),
    (PushReply(Taken.REFUSED, is_config_fault=True), False),
    (PushReply(Taken.NOT_REACHED, code="no_connection"), False),
    (PushReply(Taken.NOT_REACHED, code="token_refused", is_config_fault=True), False),
    (PushReply(Taken.NOT_REACHED, code="http_503"), False),
    (PushReply(Taken.NOT_REACHED, code="http_429"), None),
    (PushReply(Taken.NOT_REACHED, code="closed"), None),
    (PushReply(Taken.UNKNOWN, code="timeout"), False),
    (PushReply(Taken.UNKNOWN, code="http_500"), False),
]


@pytest.mark.parametrize(("reply", "works"), PUSHES)
def test_only_failures_of_the_provider_count(reply, works):
    assert health.of_push(reply, ASKED) is works


def test_silence_on_a_call_that_waits_for_the_payer_may_be_the_payers():
    assert health.of_push(PushReply(Taken.UNKNOWN, code="timeout"), HELD) is None
    assert health.of_push(PushReply(Taken.UNKNOWN, code="dropped"), HELD) is False


@pytest.mark.parametrize(
    ("report", "works"),
    [
        (Report(Outcome.PAID), True),
        (Report(Outcome.NOT_PAID, reason=Reason.PIN), True),
        (Report(Outcome.WAITING), True),
        (Report(Outcome.NOT_FOUND, code="404"), True),
        (Report(Outcome.UNKNOWN, code="a new word"), True),
        (Report(Outcome.UNKNOWN, code="timeout"), False),
        (Report(Outcome.UNKNOWN, code="http_502"), False),
        (Report(Outcome.UNKNOWN, code="token_refused", is_config_fault=True), False),
        (Report(Outcome.UNKNOWN, code="paced"), None),
        (Report(Outcome.UNKNOWN), None),
    ],
)
def test_an_answer_to_a_question_shows_whether_it_works(report, works):
    assert health.of_report(report) is works
