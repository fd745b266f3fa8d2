"""Limits by network: the reference's table, what operators set over it, names that two countries share."""

import pytest
from pydantic import ValidationError

from gateway.channels.networks import NetworkLimits, Networks
from gateway.cli.processes import Party, simulated
from gateway.settings import Settings
from simulators.aggregator.app import WORLD


@pytest.mark.parametrize(
    ("network", "septets"),
    [
        ("64501", 160),
        ("64502", 160),
        ("64503", 160),
        ("63902", 160),
        ("63903", 184),
        ("63907", 160),
        ("63999", 160),
        ("99999", 160),
        ("", 160),
        ("no such network", 160),
        ("mtn", 160),
        ("MTN", 160),
        (" Safaricom ", 160),
        ("Airtel", 160),
    ],
)
def test_the_room_of_a_screen_by_code_or_name(network, septets):
    assert Networks().septets(network) == septets


def test_where_nothing_is_known_the_usual_room_holds():
    networks = Networks(septets=140)
    rooms = {code: networks.septets(code) for code in ("64502", "mtn", "", "63902", "63903")}
    assert rooms == {"64502": 140, "mtn": 140, "": 140, "63902": 160, "63903": 184}
    assert networks.sizes() == {140, 160, 184}


def test_a_name_promises_no_more_than_the_smallest_screen_that_bears_it():
    assert Networks({"64501": NetworkLimits(septets=182)}).septets("AIRTEL") == 182
    assert Networks({"64501": NetworkLimits(septets=120)}).septets("AIRTEL") == 120


def test_a_setting_changes_only_what_it_names():
    limits = Networks({"63902": NetworkLimits(septets=150)}).limits("63902")
    assert limits == NetworkLimits(name="safaricom", septets=150, longest_input=80, idle_s=30, session_s=180)


def test_a_network_that_is_not_in_the_table_may_be_set():
    networks = Networks({"62120": NetworkLimits(name="Airtel", septets=110)})
    assert (networks.septets("62120"), networks.septets("airtel")) == (110, 110)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MADZI_NETWORKS", '{"64502": {"septets": 182, "idle_s": 45}}')
    settings = Settings(_env_file=None)
    networks = Networks(settings.networks, septets=settings.screen_septets)
    assert networks.septets("mtn") == 182
    assert networks.limits("64502").idle_s == 45


def test_the_simulated_networks_wait_as_long_as_is_set(monkeypatch):
    monkeypatch.setenv("MADZI_NETWORKS", '{"64502": {"idle_s": 45}, "62120": {"session_s": 90}}')
    waits = simulated(Party.AGGREGATOR, "http://127.0.0.1:9", 1)[WORLD].config.limits
    assert (waits["64502"].idle_s, waits["64502"].session_s) == (45, 180)
    assert (waits["62120"].idle_s, waits["62120"].session_s) == (60, 90)
    assert (waits["63902"].idle_s, waits["63902"].session_s) == (30, 180)


@pytest.mark.parametrize(
    "limits",
    [
        {"septets": 99},
        {"septets": 185},
        {"septets": "many"},
        {"longest_input": 0},
        {"idle_s": 0},
        {"idle_s": 200, "session_s": 180},
        {"screen": 160},
        {"name": "x" * 21},
    ],
)
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(ValidationError):
        Settings.model_validate({"networks": {"64502": limits}})
