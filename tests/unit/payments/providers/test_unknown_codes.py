"""A code that no table knows is counted and named in the log."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from payments.providers import daraja_codes, daraja_result_codes
from payments.providers.base import Outcome


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
