"""What Daraja tells later: results of money out and of questions, and that it gave up (reference §8 to §10).

The words are ours where the reference gives only codes.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from simulators.providers.book import Push
from simulators.providers.daraja_wire import nairobi

DONE = "The service request is processed successfully."
_NUMBER = re.compile(r'"\\u0000([-0-9.]+)"')
_QUEUE = "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"
Parameters = list[dict[str, Any]]


def money(amount: Decimal | str) -> Decimal:
    """Return an amount that is written with two decimals."""
    return Decimal(amount).quantize(Decimal("0.01"))


def dump(value: Any) -> bytes:
    """Return JSON without spaces; a Decimal keeps its digits: 30.00."""
    text = json.dumps(value, separators=(",", ":"), default=lambda number: f"\0{number}")
    return _NUMBER.sub(r"\1", text).encode()


@dataclass(frozen=True, slots=True)
class Names:
    """What a request is called: by whoever asked, by Daraja, and as a movement of money."""

    originator: str
    conversation: str
    transaction: str = ""


def result(
    code: str, names: Names, parameters: Parameters | None, shape: str = "", *, as_text: bool = False
) -> bytes:
    """Return a result; `shape` spoils it: `missing_values` or `single_object`.

    `as_text`: type and code are strings, as of a balance.
    """
    told: dict[str, Any] = {
        "ResultType": "0" if as_text else 0,
        "ResultCode": int(code) if code.isdigit() and not as_text else code,
        "ResultDesc": DONE if code == "0" else f"Result {code}",
        "OriginatorConversationID": names.originator,
        "ConversationID": names.conversation,
        "TransactionID": names.transaction,
    }
    if parameters is not None:
        told["ResultParameters"] = {"ResultParameter": _shaped(parameters, shape)}
    told["ReferenceData"] = {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": _QUEUE}}
    return dump({"Result": told})


def _shaped(parameters: Parameters, shape: str) -> Any:
    if shape == "missing_values":
        return [{"Key": item["Key"]} for item in parameters]
    return parameters[0] if shape == "single_object" else parameters


def timed_out(names: Names) -> bytes:
    """Return that nobody knows yet. The reference gives no body: this one is assumed."""
    return result("1", Names(names.originator, names.conversation), None)


def payout(push: Push, funds: Decimal, payee: str) -> bytes:
    """Return the result of a transfer or a reversal."""
    code = "0" if push.paid else push.code
    parameters = None
    if push.paid:
        parameters = _transfer(push, funds) if push.outgoing == "transfer" else _reversal(push, funds, payee)
    names = Names(push.reference, push.extra["conversation"], push.receipt or push.extra["transaction"])
    return result(code, names, parameters, push.extra.get("shape", ""))


def _transfer(push: Push, funds: Decimal) -> Parameters:
    return [
        {"Key": "TransactionAmount", "Value": int(push.amount)},
        {"Key": "TransactionReceipt", "Value": push.receipt},
        {"Key": "ReceiverPartyPublicName", "Value": party(push.msisdn)},
        {"Key": "TransactionCompletedDateTime", "Value": f"{_nairobi(push):%d.%m.%Y %H:%M:%S}"},
        {"Key": "B2CUtilityAccountAvailableFunds", "Value": money(funds)},
        {"Key": "B2CWorkingAccountAvailableFunds", "Value": money("0")},
        {"Key": "B2CRecipientIsRegisteredCustomer", "Value": "Y"},
        {"Key": "B2CChargesPaidAccountAvailableFunds", "Value": money("0")},
    ]


def _reversal(push: Push, funds: Decimal, payee: str) -> Parameters:
    balance = f"Utility Account|KES|{money(funds)}|{money(funds)}|0.00|0.00"
    return [
        {"Key": "DebitAccountBalance", "Value": balance},
        {"Key": "Amount", "Value": money(push.amount)},
        {"Key": "TransCompletedTime", "Value": int(nairobi(settled_at(push)))},
        {"Key": "OriginalTransactionID", "Value": push.extra["original_receipt"]},
        {"Key": "Charge", "Value": money("0")},
        {"Key": "CreditPartyPublicName", "Value": party(push.msisdn)},
        {"Key": "DebitPartyPublicName", "Value": payee},
    ]


_STATES = {"": "Authorized", "paid": "Completed", "1019": "Expired", "1032": "Cancelled"}


def status(push: Push, payee: str) -> Parameters:
    """Return what a status question finds; some names have no value."""
    person = party(push.msisdn)
    debit, credit = (payee, person) if push.outgoing else (person, payee)
    return [
        {"Key": "ReceiptNo", "Value": push.receipt},
        {"Key": "FinalisedTime", "Value": int(nairobi(settled_at(push)))},
        {"Key": "Amount", "Value": str(money(push.amount))},
        {"Key": "TransactionStatus", "Value": _STATES.get(push.code, "Declined")},
        {"Key": "TransactionReason"},
        {"Key": "DebitPartyCharges", "Value": "Fee For B2C Payment|KES|22.40" if push.outgoing else ""},
        {"Key": "InitiatedTime", "Value": int(nairobi(datetime.fromisoformat(push.accepted_at)))},
        {"Key": "OriginatorConversationID"},
        {"Key": "CreditPartyName", "Value": credit},
        {"Key": "DebitPartyName", "Value": debit},
    ]


def balance(funds: Decimal) -> Parameters:
    """Return the accounts of the organisation: records split by `&`, fields by `|`."""
    accounts = {"Working Account": money("0"), "Utility Account": money(funds)}
    told = "&".join(f"{name}|KES|{held}|{held}|0.00|0.00" for name, held in accounts.items())
    return [{"Key": "AccountBalance", "Value": told}]


_NAMES = ("JANE", "JOHN", "NICHOLAS", "AMINA", "PETER", "GRACE", "OTIENO", "WANJIRU", "BRIAN", "FATUMA")


def first_name(msisdn: str) -> str:
    """Return the first name of whoever has this number."""
    return _NAMES[int(msisdn[-1])]


def party(msisdn: str) -> str:
    """Return a person as results name them."""
    return f"{msisdn.lstrip('+')} - {first_name(msisdn)} DOE"


def settled_at(push: Push) -> datetime:
    """Return when the money moved, or when it was asked for."""
    return datetime.fromisoformat(push.settled_at or push.accepted_at)


def _nairobi(push: Push) -> datetime:
    return datetime.strptime(nairobi(settled_at(push)), "%Y%m%d%H%M%S")  # noqa: DTZ007 - local, as it is written
