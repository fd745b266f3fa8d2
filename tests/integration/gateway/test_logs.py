"""What a whole payment leaves in the logs: one correlation id from hop to SMS, no number in full."""

import io
import json
import re

import pytest
import structlog
from town import CALLER, KENYAN, KENYAN_TAP, PAY_ALL, until

from core import logs
from gateway import acts_money, callbacks, hops, problems, pushes, runtime, workers
from payments.providers import http

# A logger that was used before holds on to the settings of that time.
LOGGERS = [
    (module, "_log") for module in (acts_money, callbacks, hops, problems, pushes, runtime, workers)
] + [(http, "log")]


@pytest.fixture
def log(monkeypatch):
    """Everything that is logged, as configured for production, whatever was cached before."""
    kept = io.StringIO()
    before = structlog.get_config()
    logs.configure("DEBUG", to=kept)
    for module, name in LOGGERS:
        monkeypatch.setattr(module, name, structlog.get_logger())
    yield lambda: [json.loads(line) for line in kept.getvalue().splitlines()]
    structlog.configure(**before)


async def test_a_payment_has_one_correlation_id_from_hop_to_confirmation(town, log):
    await town.open()
    await town.dial(*PAY_ALL)
    await town.sms()

    async def judged():
        return any(line["event"] == "callback_judged" for line in log())

    await until(judged)
    lines = {line["event"]: line["correlation_id"] for line in log() if "correlation_id" in line}
    assert {"payment_accepted", "push_answered", "callback_judged"} <= set(lines)
    assert len({lines[name] for name in ("payment_accepted", "push_answered", "callback_judged")}) == 1
    (payment,) = await town.payments()
    assert set(lines.values()) == {payment.correlation_id}


async def test_no_log_holds_a_number_in_full(town, log):
    await town.open()
    town.fault("daraja", "callback", "forged", msisdn=KENYAN)
    await town.dial(*PAY_ALL)
    await town.dial("1", "1", KENYAN_TAP, "1", "1", msisdn=KENYAN)
    await town.hop("", phoneNumber="0961234567890123456")
    await town.sms()
    await town.sms(KENYAN)
    text = json.dumps(log())
    assert len(log()) > 5
    for msisdn in (CALLER, KENYAN):
        assert msisdn.lstrip("+") not in text
        assert "0" + msisdn[4:] not in text
    assert not re.search(r"\b(?:260|254)\d{9}\b", text)


async def test_an_error_with_a_number_in_it_is_masked(sqlite_town, log, monkeypatch):
    await sqlite_town.open()

    def broken(*_args, **_kwargs):
        raise RuntimeError(f"no row for {CALLER}")

    monkeypatch.setattr(hops, "begin", broken)
    await sqlite_town.hop("")
    text = json.dumps(log())
    assert "menu_broke" in text
    assert "no row for" in text
    assert CALLER.lstrip("+") not in text
