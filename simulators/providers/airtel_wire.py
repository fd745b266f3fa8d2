"""Airtel Money's bodies (reference airtel-money §2 to §6). The words are ours where it gives only codes."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from json import dumps
from typing import Any

from core.clock import local
from simulators.edge import Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.config import Airtel
from simulators.providers.people import Answer

_OK = "ESB000010"
_IN_PROCESS = "DP00800001006"  # of "prompt sent" and of a settled enquiry alike (reference §3)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an enquiry tells an end; its code in the portal's copies and in a Zambian note."""

    status: str
    message: str
    portal: str = "DP00800001000"
    zambian: str = "DP00800001000"


ENDINGS = {
    "paid": Ending("TS", "Success", _IN_PROCESS, _IN_PROCESS),
    "wrong_pin": Ending("TF", "Incorrect PIN", "DP00800001002", "DP00800001002"),
    "declined": Ending("TF", "Declined by user", "DP00800001008", "DP00800001007"),
    "low_balance": Ending("TF", "Not enough balance", "DP00800001007", "DP00800001005"),
    "no_wallet": Ending("TF", "Msisdn Not Found", "DP00800001005", "DP00800001005"),
    "expired": Ending("TE", "Expired", "DP00800001029", "DP00800001009"),
    "failed": Ending("TF", "Failed"),
    "": Ending("TIP", "Transaction in progress", _IN_PROCESS, "DP00800001003"),
}
REASONS = {
    Answer.WRONG_PIN: "wrong_pin",
    Answer.CANCEL: "declined",
    Answer.IGNORE: "expired",
    Answer.NO_BALANCE: "low_balance",
    Answer.NO_WALLET: "no_wallet",
    Answer.UNREACHABLE: "expired",
}
_PAYOUT_CODES = {"TIP": "DP00900001006", "TS": "DP00900001001", "TF": "DP00900001005"}
# Statuses that are told by a notice; of the others the enquiry alone speaks (reference §6).
TOLD = frozenset({"TS", "TF"})


def ending(code: str) -> Ending:
    """Return how a push stands; `code` is ours, or Airtel's own status or response code told by a test."""
    if code in ENDINGS:
        return ENDINGS[code]
    return Ending("TF", "Failed", code, code) if code.startswith(("DP", "ESB")) else Ending(code, "")


def refused(
    status: int, message: str, *, response_code: str | None = None, result_code: str | None = None
) -> Reply:
    """Return a refusal: the `status` object alone."""
    body: dict[str, Any] = {"response_code": response_code} if response_code else {}
    body |= {"result_code": result_code} if result_code else {}
    return reply_json(status, {"status": body | {"code": "400", "success": False, "message": message}})


def no_token() -> Reply:
    """Return what a token that is unknown or over gets."""
    return reply_json(401, {"error": "invalid_token", "error_description": "The access token is invalid"})


def bad_client() -> Reply:
    """Return what wrong keys get."""
    return reply_json(401, {"error": "invalid_client", "error_description": "Invalid client authentication"})


SPOILT = {
    "error": reply_json(
        500,
        {"status": {"code": "500", "message": "Ambiguous", "result_code": "ESB000001", "success": False}},
    ),
    "too_many": reply_json(429, {"message": "API rate limit exceeded"}),
    "html": Reply(200, b"<html><body>Request Rejected</body></html>", "text/html"),
    "token_refused": no_token(),
}


def prompted(push: Push) -> dict[str, Any]:
    """Return the reply to a push: it says SUCCESS and means that the prompt was sent."""
    return _whole({"id": push.reference, "status": "SUCCESS"}, "SUCCESS", _IN_PROCESS)


def enquiry(push: Push, config: Airtel) -> dict[str, Any]:
    """Return the reply to an enquiry."""
    found = ending(push.code)
    transaction = {"airtel_money_id": push.receipt} if push.receipt else {}
    transaction |= {"id": push.reference, "message": found.message, "status": found.status}
    return _whole(transaction, "Success", found.zambian if config.zambian_codes else found.portal)


def refunded(refund: Push) -> dict[str, Any]:
    """Return the reply to a refund that was done."""
    return _whole({"airtel_money_id": refund.receipt, "status": "SUCCESS"}, "SUCCESS", _IN_PROCESS)


def disbursed(payout: Push) -> dict[str, Any]:
    """Return the reply to a disbursement that was taken: the reference shows none, the codes are its own."""
    return _whole({"id": payout.reference, "status": "TIP"}, "Transaction in progress", _PAYOUT_CODES["TIP"])


def disbursement_enquiry(payout: Push) -> dict[str, Any]:
    """Return the reply to an enquiry about a disbursement."""
    found = ending(payout.code)
    transaction = {"airtel_money_id": payout.receipt} if payout.receipt else {}
    transaction |= {"id": payout.reference, "message": found.message, "status": found.status}
    return _whole(transaction, "Success", _PAYOUT_CODES.get(found.status, "DP00900001000"))


def _whole(transaction: dict[str, Any], message: str, response_code: str) -> dict[str, Any]:
    return {
        "data": {"transaction": transaction},
        "status": {
            "code": "200",
            "message": message,
            "result_code": _OK,
            "response_code": response_code,
            "success": True,
        },
    }


def notice(push: Push, config: Airtel) -> bytes:
    """Return a notice: no amount but in its words, and its hash where that is switched on."""
    found = ending(push.code)
    transaction = {"id": push.reference, "message": found.message, "status_code": found.status}
    if push.receipt:
        transaction["message"] = (
            f"Paid {push.currency} {Decimal(push.amount):.2f} to {config.payee}, Trans ID {push.receipt}."
        )
        transaction["airtel_money_id"] = push.receipt
    body: dict[str, Any] = {"transaction": transaction}
    if config.callback_key is not None:
        body["hash"] = hash_of(transaction, config.hashed, config.callback_key)
    return dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def hash_of(transaction: dict[str, Any], which: str, key: str) -> str:
    """Return the hash by one of the texts that clients know."""
    separators = (", ", ": ") if which == "spaced" else (",", ":")
    value = {"transaction": transaction} if which == "whole_compact" else transaction
    text = dumps(value, separators=separators, ensure_ascii=False)
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


def receipt(at: datetime, serial: int) -> str:
    """Return an airtel_money_id like MP251121.0930.A00001."""
    letter = chr(ord("A") + serial // 100_000 % 26)
    return f"MP{local(at):%y%m%d.%H%M}.{letter}{serial % 100_000:05}"
