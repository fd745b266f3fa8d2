import pytest

from benchmarks import crowd, outage
from benchmarks.outage import Ends, Part, Told
from benchmarks.town import AIRTEL, MTN, NETWORKS, calls

SCREEN = (
    b"CON MTN MoMo is not working now.\nPay K30.00 with:\n1 Airtel Money\n2 Ask me when it is back\n0 Back"
)


def test_whoever_is_told_of_an_outage_chooses_to_be_asked():
    assert outage.choice(SCREEN) == "2"
    assert outage.choice(b"CON Ask you until 12:00?\n1 Yes\n0 Back") == "1"


def test_a_part_counts_the_confirmations_within_it_and_how_long_they_took():
    ends = Ends(at={str(n): float(n) for n in range(10)})
    queued = {str(n): n + 0.5 for n in range(10)}
    part = outage._part(ends, queued, 2.0, 7.0)
    assert part.per_s == 1.0
    assert part.p95_s == pytest.approx(0.5)


@pytest.mark.parametrize(("meanwhile", "unpaid", "met"), [(9.5, 0, "yes"), (8.9, 0, "NO"), (9.5, 1, "NO")])
def test_others_may_lose_a_tenth_and_no_payment(meanwhile, unpaid, met):
    offered = outage.OFFERED
    told = Told(Part(offered, 0.2), Part(meanwhile * offered / 10, 0.3), 5, unpaid)
    assert [row[3] for row in outage.table(told, "SQLite")] == ["", "", met, ""]


def test_what_was_lost_before_already_is_no_excuse():
    told = Told(Part(outage.OFFERED / 2, 9.0), Part(outage.OFFERED / 2, 9.0), 5, 0)
    assert list(outage.table(told, "SQLite"))[2][1:] == ("0.50", "at least 0.9", "NO")


def test_a_crowd_is_as_slow_as_its_slowest_twentieth():
    quick, slow = crowd.Times([0.1] * 99, [0.2] * 99, 5.0), crowd.Times([0.1] * 99, [1.2] * 99, 6.0)
    assert list(crowd.table([quick, quick, slow], "SQLite"))[-1][1:] == ("200 ms", "below 1000 ms", "yes")
    assert list(crowd.table([slow, quick, slow], "SQLite"))[-1][3] == "NO"


def test_callers_take_the_networks_by_turns_and_no_number_comes_twice():
    made = calls(["T1", "T2", "T3", "T4"]) + calls(["T5"], first=4)
    assert [call.network for call in made] == [*NETWORKS, MTN, AIRTEL]
    assert len({call.msisdn for call in made}) == len(made)
    assert made[0].texts() == ["", "1", "1*1", "1*1*T1", "1*1*T1*1", "1*1*T1*1*1"]
