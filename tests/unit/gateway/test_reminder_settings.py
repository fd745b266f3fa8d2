import pydantic
import pytest

from gateway.settings import Settings


def settings(monkeypatch, **env):
    for name, value in env.items():
        monkeypatch.setenv(f"MADZI_{name}", value)
    return Settings(_env_file=None)


def test_nobody_is_reminded_unless_it_is_asked_for(monkeypatch):
    assert settings(monkeypatch).reminders is False
    some = settings(monkeypatch, REMINDERS="true", REMINDERS_A_MONTH="1", REMIND_AFTER_DAYS="0")
    assert (some.reminders, some.reminders_a_month, some.remind_after_days) == (True, 1, 0)
    assert some.remind_before_days == 5


@pytest.mark.parametrize(
    "hours", ["", "8-20", "20:00", "24:00-08:00", "20:00-08:60", "20:00 - 08:00", "night"]
)
def test_quiet_hours_that_make_no_sense_stop_the_start_with_what_to_write(monkeypatch, hours):
    with pytest.raises(pydantic.ValidationError, match="write quiet hours like 20:00-08:00"):
        settings(monkeypatch, QUIET_HOURS=hours)


@pytest.mark.parametrize(
    ("name", "value"),
    [("REMIND_BEFORE_DAYS", "28"), ("REMIND_AFTER_DAYS", "21"), ("REMINDERS_A_MONTH", "0")],
)
def test_numbers_out_of_reason_are_refused(monkeypatch, name, value):
    with pytest.raises(pydantic.ValidationError):
        settings(monkeypatch, **{name: value})
