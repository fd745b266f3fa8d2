"""Zamtel Kwacha: a call that stays open while the payer enters the PIN, and one that pays out (reference §A).

There is no callback and no query: what the call answers is the only word there will be. A call that is not
answered is unknown for good, and a person finds out. Credentials travel in the address, so nothing here logs
or shows one; and as the money moves by a GET, nothing on the way may repeat it (traps 1 to 3).
"""

from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlencode

from yarl import URL

from core import money
from core.errors import BadInput, Unavailable
from payments.providers import zamtel_codes
from payments.providers.base import (
    TOO_MANY_OPEN,
    Outcome,
    Payout,
    PayoutKind,
    PayoutTraits,
    Push,
    PushReply,
    Reason,
    Report,
    Taken,
    Traits,
)
from payments.providers.http import Answer, Call, Http, Reach, endpoint
from payments.providers.reading import code_of, word_of
from payments.providers.zamtel_settings import ZamtelSettings

_COLLECT, _PAY_OUT = "/Req", "/B2CReq"
_CURRENCY = "ZMW"
_COUNTRY = "+260"
_OK = 200
_BUSY_S = 1.0
_FIRST_CLIENT_FAULT, _FIRST_SERVER_FAULT = 400, 500

TRAITS = Traits(
    has_query=False,
    push_is_repeatable=False,  # no promise was found that a ConversationId is taken once
    unit_minor=1,
    currencies=frozenset({_CURRENCY}),
    query_gives_amount=False,
    waits_for_payer=True,
)
PAYOUT_TRAITS = PayoutTraits(
    kinds=frozenset({PayoutKind.TRANSFER}),
    has_query=False,
    is_repeatable=False,  # as above: a second one may be a second payment
    is_partial=False,
)


class Zamtel:
    """Zamtel Kwacha with one set of credentials. `http` should be its own, without keep-alive.

    It `PaysOut` only with the keys of an initiator: without them `payout_traits` is not there.
    """

    name = "zamtel"
    traits = TRAITS
    payout_traits: PayoutTraits

    def __init__(self, settings: ZamtelSettings, *, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._open = 0
        if settings.credential is not None:
            self.payout_traits = PAYOUT_TRAITS

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN and wait for what becomes of it; must never be repeated."""
        if push.currency != _CURRENCY:
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
        if push.amount_minor < 1 or not push.msisdn.startswith(_COUNTRY):
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount_or_number")
        query = {
            "Amount": amount(push.amount_minor),
            "Msisdn": push.msisdn.removeprefix("+"),
            "ConversationId": conversation_id(push.external_id),
        }
        return await self._once("push", _COLLECT, query, zamtel_codes.status)

    async def pay_out(self, payout: Payout) -> PushReply:
        """Hand money out and wait for what becomes of it; must never be repeated."""
        fault = payout_fault(payout, self._settings)
        if fault is not None:
            return fault
        query = {
            "Amount": amount(payout.amount_minor),
            "Msisdn": payout.msisdn.removeprefix("+"),
            "identifier": self._settings.identifier or "",
            "credential": self._settings.credential.get_secret_value() if self._settings.credential else "",
            "ConversationId": conversation_id(payout.payout_id),
        }
        return await self._once("payout", _PAY_OUT, query, zamtel_codes.payout_status)

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:  # noqa: ARG002 - PaysOut's signature
        """Say that nobody can be asked."""
        return Report(Outcome.UNKNOWN)

    def read_payout_notice(self, kind: str, body: bytes) -> NoReturn:  # noqa: ARG002 - PaysOut's signature
        """Refuse it: Zamtel sends none."""
        raise BadInput("Zamtel sends no callbacks", code="no_callbacks")

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Say that nobody can be asked."""
        return Report(Outcome.UNKNOWN)

    def read_callback(self, body: bytes) -> NoReturn:  # noqa: ARG002 - Provider's signature
        """Refuse it: Zamtel sends none."""
        raise BadInput("Zamtel sends no callbacks", code="no_callbacks")

    async def check(self) -> None:
        """See that the address answers; the keys cannot be tried without moving money. Raises Unavailable."""
        answer = await self._http.call(Call("zamtel", "check", "GET", URL(self._settings.base_url), {}))
        if answer.reach is Reach.NEVER:
            raise Unavailable(f"no answer: {answer.fault}", code="provider_unavailable")

    async def _once(
        self,
        operation: str,
        path: str,
        query: dict[str, str],
        status_of: Callable[[str], zamtel_codes.Status],
    ) -> PushReply:
        if self._open >= self._settings.most_open:
            return PushReply(Taken.NOT_REACHED, code=TOO_MANY_OPEN, retry_after_s=_BUSY_S)
        self._open += 1
        try:
            return read_reply(await self._http.call(self._call(operation, path, query)), status_of)
        finally:
            self._open -= 1

    def _call(self, operation: str, path: str, query: dict[str, str]) -> Call:
        settings = self._settings
        keys = {
            "ThirdPartyID": settings.third_party_id,
            "Password": settings.password.get_secret_value(),
            "Shortcode": settings.shortcode,
        }
        # Percent-encoded by the book: passwords are base64 and hold `+` and `/` (trap 5).
        url = URL(f"{endpoint(settings.base_url, path)}?{urlencode(keys | query)}", encoded=True)
        headers = {"Cache-Control": "no-store"}
        total_s = settings.answer_within_s
        return Call("zamtel", operation, "GET", url, headers, total_s=total_s, is_once=True)


def payout_fault(payout: Payout, settings: ZamtelSettings) -> PushReply | None:
    """Return a refusal of what must not be sent."""
    if settings.identifier is None or settings.credential is None:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="no_payout_keys", is_config_fault=True)
    if payout.kind not in PAYOUT_TRAITS.kinds:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="kind")
    if payout.currency != _CURRENCY:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if payout.amount_minor < 1 or not payout.msisdn.startswith(_COUNTRY):
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount_or_number")
    return None


def amount(amount_minor: int) -> str:
    """Return kwacha as the reference shows them, `30`; ngwee, which it does not show, as `30.05`."""
    return money.plain(amount_minor, _CURRENCY).removesuffix(".00")


def conversation_id(external_id: str) -> str:
    """Return our name of a payment as Zamtel's statement will show it: letters and digits only."""
    return "".join(c for c in external_id if c.isascii() and c.isalnum())


def read_push(answer: Answer) -> PushReply:
    """Say what the answer to a collection means, as `read_reply` does."""
    return read_reply(answer, zamtel_codes.status)


def read_reply(answer: Answer, status_of: Callable[[str], zamtel_codes.Status]) -> PushReply:
    """Say what the answer means. Whatever is not a known status in a 200 is UNKNOWN, for good."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    if answer.status != _OK or answer.body is None:
        is_ours = _FIRST_CLIENT_FAULT <= answer.status < _FIRST_SERVER_FAULT
        return PushReply(Taken.UNKNOWN, code=f"http_{answer.status}", is_config_fault=is_ours)
    return _read_status(answer, status_of)


def _read_status(answer: Answer, status_of: Callable[[str], zamtel_codes.Status]) -> PushReply:
    try:
        code = word_of((answer.body or {}).get("status")) or ""
    except BadInput:
        code = ""
    found = status_of(code)
    shown = code_of(code) or "no_status"
    match found.outcome:
        case Outcome.PAID:
            return _paid(answer, shown)
        case Outcome.NOT_PAID:
            return PushReply(
                Taken.REFUSED, reason=found.reason, code=shown, is_config_fault=found.is_config_fault
            )
        case _:
            return PushReply(Taken.UNKNOWN, code=shown)


def _paid(answer: Answer, code: str) -> PushReply:
    """Take the word; the reply holds no amount, so it is what we asked for, and may hold no receipt."""
    try:
        receipt = word_of((answer.body or {}).get("TransactionId"))
    except BadInput:
        receipt = None  # money does not wait for its number
    word = Report(Outcome.PAID, code=code, receipt=receipt, provider_reference=receipt)
    return PushReply(Taken.ACCEPTED, receipt, code=code, word=word)
