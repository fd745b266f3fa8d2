"""Reads what M-PESA tells later: results of B2C, reversal and status, and that it gave up waiting.

Reference daraja §8 to §10. A list of one parameter may come as the parameter alone, a parameter without its
value, a code as number or text. None of it is signed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.ids import is_uuid
from payments.providers import daraja_result_codes as codes
from payments.providers.base import Arrival, Outcome, Report
from payments.providers.daraja_c2b import CURRENCY, masked_of
from payments.providers.daraja_times import read_time
from payments.providers.reading import json_of, minor_of, msisdn_of, object_of, word_of
from payments.providers.settings import DarajaSettings

# Of a result that answers a status question, and of no other.
_STATUS = "TransactionStatus"
_AMOUNTS = ("TransactionAmount", "Amount")
_PARTY = re.compile(r"\s*(\+?[\d*]+(?: \*+ \d+)?)(?:\s+-\s+(.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Told:
    """A result, taken apart."""

    code: str
    originator: str | None  # our own name of the request where it has one, else M-PESA's
    conversation: str | None
    transaction: str | None
    values: Mapping[str, Any]  # parameters by name; None where one came without value

    def word(self, *names: str) -> str | None:
        """Return the first of these parameters that has a value; raises BadInput."""
        return next((word for name in names if (word := word_of(self.values.get(name)))), None)


def take_apart(body: bytes) -> Told:
    """Return the parts of a result; raises BadInput where it is none."""
    found = object_of(object_of(json_of(body)).get("Result"))
    code = word_of(found.get("ResultCode"))
    if code is None:
        raise BadInput("the result code is missing")
    return Told(
        code,
        word_of(found.get("OriginatorConversationID")),
        word_of(found.get("ConversationID")),
        word_of(found.get("TransactionID")),
        _parameters(found.get("ResultParameters")),
    )


def _parameters(parameters: Any) -> dict[str, Any]:
    if parameters in (None, ""):  # mostly so on a failure
        return {}
    found = object_of(parameters).get("ResultParameter")
    if found is None:
        return {}
    items = found if isinstance(found, list) else [found]
    return {str(object_of(item).get("Key")): item.get("Value") for item in items}


def read_payout(body: bytes) -> Report:
    """Return what a result says of money out; raises BadInput where it is none, or answers a question."""
    told = take_apart(body)
    if _STATUS in told.values:
        raise BadInput("this answers a status question", code="status_answer")
    meaning = codes.result(told.code)
    is_paid = meaning.outcome is Outcome.PAID
    amount_minor = minor_of(told.word(*_AMOUNTS), CURRENCY) if is_paid else None
    return Report(
        meaning.outcome,
        meaning.reason,
        told.code,
        # A failure may name a TransactionID too: it is no receipt.
        receipt=(told.word("TransactionReceipt") or told.transaction) if is_paid else None,
        amount_minor=amount_minor,
        currency=None if amount_minor is None else CURRENCY,
        msisdn=_party(told.values.get("ReceiverPartyPublicName"))[0] if is_paid else None,
        reference=told.originator if told.originator and is_uuid(told.originator) else None,
        provider_reference=told.originator,
        is_config_fault=meaning.is_config_fault,
    )


def read_timeout(body: bytes) -> Report:
    """Return what a time-out notice says: nothing; the result can still come (reference §13, trap 9).

    Its body is documented nowhere, so whatever names a request is taken. Raises BadInput where it is no JSON.
    """
    found = object_of(json_of(body))
    inner = found.get("Result")
    told = inner if isinstance(inner, dict) else found
    originator = word_of(told.get("OriginatorConversationID"))
    return Report(
        Outcome.UNKNOWN,
        code="queue_timeout",
        reference=originator if originator and is_uuid(originator) else None,
        provider_reference=originator,
    )


@dataclass(frozen=True, slots=True)
class Status:
    """What M-PESA says of a receipt; `arrival` only where the money is ours."""

    outcome: Outcome
    question: str | None  # the OriginatorConversationID that the question was acknowledged with
    receipt: str | None = None
    arrival: Arrival | None = None
    code: str = ""


def read_status(body: bytes, settings: DarajaSettings) -> Status:
    """Read the answer to `ask_status`; raises BadInput where it is no result at all.

    A payment to another short code is NOT_FOUND: a real receipt proves nothing of money of ours. The account
    that was typed is not told. Without receipt or amount nobody can say: UNKNOWN.
    """
    told = take_apart(body)
    if told.code != "0" or _STATUS not in told.values:
        return Status(Outcome.UNKNOWN, told.originator, told.word("ReceiptNo"), code=told.code)
    outcome, receipt = codes.state(told.word(_STATUS)), told.word("ReceiptNo")
    if outcome is not Outcome.PAID:
        return Status(outcome, told.originator, receipt, code=told.code)
    payee = _party(told.values.get("CreditPartyName"), is_person=False)[1]
    if payee is not None and payee not in (settings.shortcode, settings.till):
        return Status(Outcome.NOT_FOUND, told.originator, receipt, code="other_shortcode")
    amount_minor = minor_of(told.word("Amount"), CURRENCY)
    if receipt is None or amount_minor is None or amount_minor <= 0:
        return Status(Outcome.UNKNOWN, told.originator, receipt, code="values_missing")
    return Status(outcome, told.originator, receipt, _arrival(told, receipt, amount_minor), told.code)


def _arrival(told: Told, receipt: str, amount_minor: int) -> Arrival:
    payer = told.values.get("DebitPartyName")
    msisdn, number, name = _party(payer)
    return Arrival(
        receipt,
        amount_minor,
        CURRENCY,
        "",
        msisdn=msisdn,
        masked_msisdn=masked_of(number),
        payer_name=name,
        at=read_time(told.values.get("FinalisedTime")),
    )


def _party(value: Any, *, is_person: bool = True) -> tuple[str | None, str | None, str]:
    """Read `254708374149 - JOHN DOE`: E.164 where it is a person's whole number, the number, the name."""
    found = _PARTY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None, None, ""
    name = "".join(c if c.isprintable() else " " for c in found[2] or "").strip()[:80]
    return (msisdn_of(found[1]) if is_person else None), found[1], name
