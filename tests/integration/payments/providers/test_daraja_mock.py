"""Our Daraja client against a double by somebody else: the package `daraja-mock`, unchanged.

It checks our paths, methods and bodies and our reading of what goes well, not meanings: it knows no tokens,
no state and no callbacks (reference daraja §14). Our own simulator by our own hand cannot do that.
"""

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from core.errors import MadziError
from payments.providers.base import Outcome, Payout, PayoutKind, Push, Taken
from payments.providers.daraja import Daraja
from payments.providers.daraja_wire import password
from payments.providers.http import Http, HttpSettings
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import MemoryTokens
from simulators.providers.daraja_keys import certificate_pem, password_in

try:
    from daraja_mock import DarajaMock
    from werkzeug.serving import make_server
except ImportError:
    DarajaMock = None
REQUIRED = bool(os.environ.get("CI")) or os.environ.get("MADZI_DOUBLE_TESTS") == "required"

if DarajaMock is None and not REQUIRED:
    pytest.skip("daraja-mock is not installed: pip install 'daraja-mock>=1.0.5,<2'", allow_module_level=True)

NOW = datetime(2025, 11, 21, 6, 30, tzinfo=UTC)
PUSH = Push(
    reference="3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
    external_id="0193d5a0-0000-7000-8000-000000000001",
    msisdn="+254708374149",
    amount_minor=3000,
    currency="KES",
    tap_id="KNY-0417-1",
    period="2025-11",
    callback_url="https://pay.example.org/cb/k3yPathToken/stk",
)
PAYOUT = Payout(
    kind=PayoutKind.TRANSFER,
    reference="5b1c6d1e-8a55-4b0e-9d35-5a0f6f7a1c33",
    payout_id="0193d5a0-0000-7000-8000-000000000002",
    msisdn="+254708374149",
    amount_minor=3000,
    currency="KES",
    remarks="refund",
    result_url="https://pay.example.org/cb/k3yPathToken/b2c_result",
    timeout_url="https://pay.example.org/cb/k3yPathToken/b2c_timeout",
)


@pytest.fixture
def double():
    """The double on a free port, stopped in the end."""
    assert DarajaMock is not None, "daraja-mock is required here"
    mock = DarajaMock()
    server = make_server("127.0.0.1", 0, mock.app, threaded=True)
    mock.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield mock
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
async def daraja(double):
    settings = DarajaSettings(
        base_url=double.url,
        consumer_key="ck",
        consumer_secret="cs",
        shortcode="174379",
        passkey="pk",
        initiator="testapi",
        initiator_password="Safe pass 1!",
        certificate=certificate_pem(),
        queries_per_minute=60_000,
        pull=True,
    )
    async with Http(HttpSettings(connect_s=2.0, total_s=5.0)) as http:
        yield Daraja(
            settings,
            account_id="daraja:default",
            http=http,
            clock=ManualClock(NOW),
            store=MemoryTokens(),
        )


def asked(double):
    return [(entry["method"], entry["path"]) for entry in double.request_log()]


async def test_it_gives_us_a_token_whose_life_is_a_text(double, daraja):
    await daraja.check()
    assert asked(double) == [("GET", "/oauth/v1/generate")]


async def test_a_push_is_taken_and_named(double, daraja):
    reply = await daraja.push(PUSH)
    assert (reply.taken, reply.code) == (Taken.ACCEPTED, "0")
    assert reply.provider_reference.startswith("ws_CO_")
    sent = double.request_log()[-1]["body"]
    assert sent["Password"] == password("174379", "pk", "20251121093000")
    assert (sent["Amount"], sent["PhoneNumber"], sent["PartyB"]) == ("30", "254708374149", "174379")
    assert asked(double)[-1] == ("POST", "/mpesa/stkpush/v1/processrequest")


QUERIED = [
    (0, Outcome.PAID),
    (1, Outcome.NOT_PAID),
    (1032, Outcome.NOT_PAID),
    (1037, Outcome.UNKNOWN),
    (2001, Outcome.NOT_PAID),
    (4999, Outcome.WAITING),
    ("500.001.1001", Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("code", "outcome"), QUERIED)
async def test_an_answer_about_another_request_is_never_believed(double, daraja, code, outcome):
    """It answers every query about a request of its own invention, so our rule against that comes first."""
    double.set_stk_result(code)
    report = await daraja.query(PUSH.reference, "ws_CO_21112025093002250708374149")
    assert (report.outcome, report.code) == (Outcome.UNKNOWN, "other_request")
    assert asked(double)[-1] == ("POST", "/mpesa/stkpushquery/v1/query")


@pytest.mark.parametrize(("code", "outcome"), QUERIED)
async def test_its_results_are_read_where_it_answers_about_ours(double, daraja, code, outcome):
    double.set_stk_result(code)
    ours = "ws_CO_21112025093002250708374149"

    @double.app.after_request
    def about_ours(response):
        body = response.get_json(silent=True) or {}
        if "ResultCode" in body:
            response.set_data(double.app.json.dumps(body | {"CheckoutRequestID": ours}))
        return response

    report = await daraja.query(PUSH.reference, ours)
    assert (report.outcome, report.code) == (outcome, str(code))


async def test_a_transfer_is_taken(double, daraja):
    reply = await daraja.pay_out(PAYOUT)
    assert (reply.taken, reply.code) == (Taken.ACCEPTED, "0")
    sent = double.request_log()[-1]["body"]
    assert sent["OriginatorConversationID"] == PAYOUT.reference
    assert password_in(sent["SecurityCredential"]) == "Safe pass 1!"
    assert asked(double)[-1] == ("POST", "/mpesa/b2c/v3/paymentrequest")


async def test_a_status_question_is_taken(double, daraja):
    reply = await daraja.ask_status("TKL51ZDR4F", PAYOUT.result_url, PAYOUT.timeout_url)
    assert reply.taken is Taken.ACCEPTED
    sent = double.request_log()[-1]["body"]
    assert (sent["TransactionID"], sent["CommandID"]) == ("TKL51ZDR4F", "TransactionStatusQuery")
    assert asked(double)[-1] == ("POST", "/mpesa/transactionstatus/v1/query")


async def test_a_page_of_html_is_no_answer(double, daraja):
    """What it does not know is a 404 in HTML: reversal, payments by hand, pull."""
    asks = replace(PAYOUT, kind=PayoutKind.REVERSAL, original_receipt="TKL31AA5TX")
    reply = await daraja.pay_out(asks)
    assert (reply.taken, reply.code) == (Taken.UNKNOWN, "http_404")
    with pytest.raises(MadziError, match="HTTP 404"):
        await daraja.register_urls("https://pay.example.org/a", "https://pay.example.org/b")
    assert await daraja.find_arrivals(NOW.replace(hour=0), NOW) is None
    assert [path for _, path in asked(double)[1:]] == [
        "/mpesa/reversal/v1/request",
        "/mpesa/c2b/v2/registerurl",
        *["/pulltransactions/v1/query"] * 3,  # a page is tried again
    ]


async def test_one_token_serves_all_that_follow(double, daraja):
    for _ in range(3):
        await daraja.push(PUSH)
    assert asked(double).count(("GET", "/oauth/v1/generate")) == 1
