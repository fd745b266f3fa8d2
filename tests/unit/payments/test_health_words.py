import pytest

from payments import health
from payments.providers.base import PushReply, Reason, Taken, Traits

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
    (PushReply(Taken.NOT_REACHED, code="too_many_open"), None),
    (PushReply(Taken.UNKNOWN, code="timeout"), False),
    (PushReply(Taken.UNKNOWN, code="http_500"), False),
]


@pytest.mark.parametrize(("reply", "works"), PUSHES)
def test_only_failures_of_the_provider_count(reply, works):
    assert health.of_push(reply, ASKED) is works


def test_silence_on_a_call_that_waits_for_the_payer_may_be_the_payers():
    assert health.of_push(PushReply(Taken.UNKNOWN, code="timeout"), HELD) is None
    assert health.of_push(PushReply(Taken.UNKNOWN, code="dropped"), HELD) is False
