"""MTN MoMo's bodies (reference mtn-momo §2 to §5). The words are ours where it gives only codes."""

from decimal import Decimal
from typing import Any

from simulators.edge import Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.people import Answer

MESSAGES = {
    "RESOURCE_ALREADY_EXIST": "Duplicated reference id. Creation of resource failed.",
    "RESOURCE_NOT_FOUND": "Requested resource was not found.",
    "NOT_ALLOWED_TARGET_ENVIRONMENT": "Access to target environment is forbidden.",
    "INVALID_CALLBACK_URL_HOST": "Callback URL with different host name then configured for API User.",
    "INVALID_CURRENCY": "Currency not supported.",
    "INTERNAL_PROCESSING_ERROR": "An internal error occurred while processing.",
    "SERVICE_UNAVAILABLE": "Service temporarily unavailable, try again later.",
    "LOGIN_FAILED": "Authentication failed. Access token is not valid.",
    "BAD_REQUEST": "Bad request.",
}
REASONS = {
    Answer.WRONG_PIN: "PAYMENT_NOT_APPROVED",
    Answer.CANCEL: "APPROVAL_REJECTED",
    Answer.IGNORE: "EXPIRED",
    Answer.NO_BALANCE: "NOT_ENOUGH_FUNDS",
    Answer.NO_WALLET: "PAYER_NOT_FOUND",
    Answer.UNREACHABLE: "EXPIRED",
}
_FIREWALL = (
    b"<html><head><title>Request Rejected</title></head>"
    b"<body>Request Rejected - Support ID 8112946372</body></html>"
)
_FORBIDDEN = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
BAD_KEY = (
    "Access denied due to invalid subscription key."
    " Make sure to provide a valid key for an active subscription."
)


def error(status: int, code: str) -> Reply:
    """Return an error body: an object with code and message."""
    return reply_json(status, {"code": code, "message": MESSAGES[code]})


def bad_subscription_key() -> Reply:
    """Return what the front door says to a wrong subscription key."""
    return reply_json(401, {"statusCode": 401, "message": BAD_KEY})


def html_forbidden() -> Reply:
    """Return the page that some user agents get on the new platform."""
    return Reply(403, _FORBIDDEN, "text/html")


SPOILT = {
    "error": error(500, "INTERNAL_PROCESSING_ERROR"),
    "too_many": reply_json(
        429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 5 seconds."}
    ),
    "html": Reply(200, _FIREWALL, "text/html"),
    "token_refused": error(401, "LOGIN_FAILED"),
}


def reformatted(amount: str) -> str:
    """Return the amount as MTN gives it back: `30` for `30.00`."""
    value = Decimal(amount)
    return str(value.quantize(Decimal(1)) if value == value.to_integral() else value.normalize())


def status_body(push: Push, *, reason_as_object: bool) -> dict[str, Any]:
    """Return the resource as the status query and the callback show it; it never holds X-Reference-Id."""
    body: dict[str, Any] = {"financialTransactionId": push.receipt} if push.receipt else {}
    body |= {
        "externalId": push.external_id,
        "amount": reformatted(push.amount),
        "currency": push.currency,
    }
    if push.outgoing != "refund":
        party = {"partyIdType": "MSISDN", "partyId": push.msisdn.lstrip("+")}
        body["payee" if push.outgoing else "payer"] = party
    if push.open or push.paid:
        notes = {name: push.extra[name] for name in ("payerMessage", "payeeNote") if name in push.extra}
        return body | notes | {"status": "SUCCESSFUL" if push.paid else "PENDING"}
    reason = {"code": push.code, "message": push.code} if reason_as_object else push.code
    return body | {"status": "FAILED", "reason": reason}
