from dataclasses import dataclass

import pytest

from core.errors import Conflict
from sms.lifecycle import SMS, TABLE, SmsStatus, fire


@dataclass
class Thing:
    status: str


def test_every_arc_leads_where_the_table_says():
    for event, source, target in TABLE:
        thing = Thing(source.value)
        fire(thing, event)
        assert thing.status == target


def test_every_state_is_reached_from_queued():
    reached = {SmsStatus.QUEUED}
    for _ in SmsStatus:
        reached |= {target for _, source, target in TABLE if source in reached}
    assert reached == set(SmsStatus)


def test_what_arrived_is_final_a_failure_may_still_arrive_and_only_a_person_wakes_the_dead():
    leaving = {source: {event for event, start, _ in TABLE if start is source} for source in SmsStatus}
    assert {state for state, events in leaving.items() if not events} == {
        SmsStatus.DELIVERED,
        SmsStatus.DROPPED,
    }
    assert leaving[SmsStatus.FAILED] == {"deliver"}
    assert leaving[SmsStatus.DEAD] == {"replay"}


@pytest.mark.parametrize(
    ("status", "event"), [("queued", "accept"), ("sent", "send"), ("delivered", "fail"), ("dead", "send")]
)
def test_any_other_step_is_refused_and_moves_nothing(status, event):
    thing = Thing(status)
    with pytest.raises(Conflict) as refused:
        fire(thing, event)
    assert refused.value.reason == "bad_transition"
    assert thing.status == status
    assert not SMS.allows(event, status)
