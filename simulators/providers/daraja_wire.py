"""Daraja's bodies (reference daraja §1 to §6). The words are ours where it gives only codes."""

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from simulators.edge import Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.people import Answer

NAIROBI = timezone(timedelta(hours=3))  # EAT has no daylight saving
ACCEPTED = "Success. Request accepted for processing"
STILL = "The transaction is being processed"
STILL_4999 = "The transaction is still under processing"
RESULTS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "17": "Rule limited.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    "1019": "Transaction has expired",
    "1025": "An error occurred while sending a push request",
    "1032": "Request cancelled by user",
    "1037": "DS timeout user cannot be reached",
    "2001": "The initiator information is invalid.",
    "2028": "The request is not permitted according to product assignment.",
    "4999": STILL_4999,
}
REASONS = {
    Answer.WRONG_PIN: "2001",
    Answer.CANCEL: "1032",
    Answer.NO_BALANCE: "1",
    # Neither has a code of its own in the reference; to the network the person cannot be reached.
    Answer.NO_WALLET: "1037",
    Answer.UNREACHABLE: "1037",
}
_SPIKE = (
    "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5,"
    " periodInMicroseconds=60000000, maxBurstMessageCount=1.0}"
)
_FIREWALL = b"<html><body>Request unsuccessful. Incapsula incident ID: 443000270021318114-93312</body></html>"
_REQUEST_ID = "1c5b-4ba8-815c-ac45c57a3db01495926"
_AMOUNT_HERE = '"\\u0000amount"'


def error(status: int, code: str, message: str, request_id: str = _REQUEST_ID) -> Reply:
    """Return the error envelope of §6."""
    return reply_json(status, {"requestId": request_id, "errorCode": code, "errorMessage": message})


def invalid(field: str) -> Reply:
    """Return the refusal that names a field."""
    return error(400, "400.002.02", f"Bad Request - Invalid {field}")


def spike_arrest() -> Reply:
    """Return the rate limit's body: another envelope."""
    code = {"errorcode": "policies.ratelimit.SpikeArrestViolation"}
    return reply_json(429, {"fault": {"faultstring": _SPIKE, "detail": code}})


SPOILT = {
    "error": error(500, "500.003.1001", "Internal Server Error"),
    "too_many": spike_arrest(),
    "html": Reply(403, _FIREWALL, "text/html"),
    "token_refused": error(404, "404.001.03", "Invalid Access Token"),
}


def push_accepted(push: Push) -> dict[str, str]:
    """Return the synchronous reply of a push."""
    return {
        "MerchantRequestID": push.extra["merchant_request_id"],
        "CheckoutRequestID": push.reference,
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED,
        "CustomerMessage": ACCEPTED,
    }


def result_code(push: Push) -> str:
    """Return the result code of a settled push."""
    return "0" if push.paid else push.code


def query_reply(push: Push, code: str) -> dict[str, str]:
    """Return the query's reply: the result code is a string, and no amount, receipt or number is there."""
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successfully",
        "MerchantRequestID": push.extra["merchant_request_id"],
        "CheckoutRequestID": push.reference,
        "ResultCode": code,
        "ResultDesc": RESULTS.get(code, f"Result {code}"),
    }


def callback(push: Push) -> bytes:
    """Return the callback's text; the amount is a JSON number written with two decimals, like 30.00."""
    code = result_code(push)
    stk: dict[str, Any] = {
        "MerchantRequestID": push.extra["merchant_request_id"],
        "CheckoutRequestID": push.reference,
        "ResultCode": int(code) if code.isdigit() else code,
        "ResultDesc": RESULTS.get(code, f"Result {code}"),
    }
    if push.paid:
        stk["CallbackMetadata"] = {"Item": _items(push)}
    text = json.dumps({"Body": {"stkCallback": stk}}, separators=(",", ":"))
    return text.replace(_AMOUNT_HERE, f"{Decimal(push.amount):.2f}").encode()


def _items(push: Push) -> list[dict[str, Any]]:
    at = datetime.fromisoformat(push.settled_at or push.accepted_at)
    return [
        {"Name": "Amount", "Value": "\0amount"},
        {"Name": "MpesaReceiptNumber", "Value": push.receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(nairobi(at))},
        {"Name": "PhoneNumber", "Value": int(push.msisdn)},
    ]


def nairobi(moment: datetime) -> str:
    """Return the time in Nairobi as yyyyMMddHHmmss."""
    return moment.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
