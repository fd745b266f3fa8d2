"""A code that no table knows is counted and named in the log."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from payments.providers import (
    airtel_codes,
    daraja_codes,
    daraja_result_codes,
    kcb_multi_wire,
    mtn_codes,
    stripe_events,
    stripe_wire,
    zamtel_codes,
)
from payments.providers.base import Outcome
from payments.providers.kcb_multi_settings import KcbMultiSettings

KCB_MULTI = KcbMultiSettings(base_url="https://zed.example", api_key="k", external_origin="9002742")


def counted():
    return REGISTRY.get_sample_value("madzi_provider_unknown_codes_total", {"provider": "daraja"}) or 0


@pytest.mark.parametrize("table", [daraja_codes, daraja_result_codes])
@pytest.mark.parametrize(("code", "times"), [("XYZ9999", 1), ("0", 0), ("1", 0), ("", 0)])
def test_an_unknown_result_is_counted(table, code, times):
    before = counted()
    with capture_logs() as logs:
        result = table.result(code)
    assert counted() - before == times
    assert [(row["event"], row["code"]) for row in logs] == [("unknown_code", code)] * times
    if times:
        assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("code", "times"), [("500.999.99", 1), ("500.003.02", 0), ("", 0)])
def test_an_unknown_error_is_counted(code, times):
    before = counted()
    daraja_codes.error(500, code, "?")
    assert counted() - before == times


def total(provider):
    return REGISTRY.get_sample_value("madzi_provider_unknown_codes_total", {"provider": provider}) or 0


STATUSES = {
    "mtn": lambda word: mtn_codes.meaning(word, ""),
    "mtn, out": lambda word: mtn_codes.payout_meaning(word, ""),
    "airtel": airtel_codes.status,
    "zamtel": zamtel_codes.status,
    "zamtel, out": zamtel_codes.payout_status,
    "kcb_multi": lambda word: kcb_multi_wire.read({"status": word}, KCB_MULTI),
    "stripe": lambda word: stripe_wire.session_report({"status": word, "payment_status": ""}),
    "stripe, out": lambda word: stripe_events.refund_report({"id": "re_1", "status": word}),
}


@pytest.mark.parametrize("rail", list(STATUSES))
def test_an_unknown_status_of_money_in_or_out_is_counted_and_settles_nothing(rail):
    before = total(rail.partition(",")[0])
    with capture_logs() as logs:
        meaning = STATUSES[rail]("BRAND_NEW")
    outcome = meaning if isinstance(meaning, Outcome) else meaning.outcome
    assert (outcome, total(rail.partition(",")[0]) - before) == (Outcome.UNKNOWN, 1)
    assert [row["code"] for row in logs if row["event"] == "unknown_code"] == ["BRAND_NEW"]


@pytest.mark.parametrize("rail", ["mtn", "mtn, out", "airtel", "zamtel", "zamtel, out"])
def test_no_status_at_all_is_not_counted(rail):
    before = total(rail.partition(",")[0])
    STATUSES[rail]("")
    assert total(rail.partition(",")[0]) == before
