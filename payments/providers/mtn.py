"""MTN MoMo collection: request to pay, its status, its callback (reference mtn-momo)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from core import money
from core.clock import Clock
from core.errors import BadInput, MadziError
from payments.providers import mtn_codes
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken, Traits
from payments.providers.faults import push_without_token, report_without_token
from payments.providers.http import Answer, Call, Http, Reach, endpoint
from payments.providers.reading import code_of, json_of, minor_of, msisdn_of, object_of, period_words, word_of
from payments.providers.settings import MtnSettings
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

_COLLECTION = "/collection/v1_0/requesttopay"
_TOKEN = "/collection/token/"  # noqa: S105 - a path
_TOKEN_CALL_S = 30.0  # reference §2: 10 to 20 s were seen
_LONGEST_MESSAGE = 160
_RETRY_S = 5.0
_OK, _UNAUTHORIZED, _TOO_MANY = 200, 401, 429


class Mtn:
    """MTN MoMo with one set of credentials."""

    name = "mtn"

    def __init__(
        self, settings: MtnSettings, *, account_id: str, http: Http, clock: Clock, store: TokenStore
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._tokens = Tokens(account_id, self._fetch_token, store, clock)
        self._push_url = endpoint(settings.base_url, _COLLECTION)
        self.traits = Traits(
            has_query=True,
            push_is_repeatable=True,
            unit_minor=1,
            currencies=frozenset({settings.currency}),
        )

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; the same reference again is safe and answers ACCEPTED."""
        if push.currency != self._settings.currency:
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
        if push.amount_minor < 1:
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
        body = json.dumps(push_body(push)).encode()
        extra = {"X-Reference-Id": push.reference, "Content-Type": "application/json"}
        if push.callback_url:
            extra["X-Callback-Url"] = push.callback_url

        async def send(token: str) -> Answer:
            headers = self._headers(token) | extra
            return await self._http.call(Call("mtn", "push", "POST", self._push_url, headers, body))

        try:
            answer = await authorised(self._tokens, send, _refuses_token)
        except MadziError as fault:
            return push_without_token(fault)
        return read_push(answer, push.reference)

    async def query(self, reference: str, provider_reference: str | None) -> Report:
        """Ask what became of a push; MTN knows it by our own reference."""
        url = endpoint(self._settings.base_url, f"{_COLLECTION}/{quote(reference, safe='')}")

        async def send(token: str) -> Answer:
            return await self._http.call(Call("mtn", "query", "GET", url, self._headers(token)))

        try:
            answer = await authorised(self._tokens, send, _refuses_token)
        except MadziError as fault:
            return report_without_token(fault)
        return replace(read_query(answer), provider_reference=provider_reference or reference)

    def read_callback(self, body: bytes) -> Report:
        """Read a status notice (reference §5); it names our external id, never the reference."""
        return read_status(object_of(json_of(body)))

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused."""
        await self._tokens.fetch_new()

    def _headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"} | self._account_headers()

    def _account_headers(self) -> dict[str, str]:
        return {
            "X-Target-Environment": self._settings.target_environment,
            "Ocp-Apim-Subscription-Key": self._settings.subscription_key.get_secret_value(),
        }

    async def _fetch_token(self) -> Token:
        keys = f"{self._settings.api_user}:{self._settings.api_key.get_secret_value()}"
        headers = {"Authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"}
        url = endpoint(self._settings.base_url, _TOKEN)
        # No body: a JSON one is a documented cause of 400 (reference §2).
        call = Call("mtn", "token", "POST", url, headers | self._account_headers(), total_s=_TOKEN_CALL_S)
        return read_token(await self._http.call(call), self._clock.now())


def push_body(push: Push) -> dict[str, Any]:
    """Return the body of a request to pay (reference §3): the amount is text, messages are plain."""
    return {
        "amount": money.plain(push.amount_minor, push.currency),
        "currency": push.currency,
        "externalId": push.external_id,
        "payer": {"partyIdType": "MSISDN", "partyId": push.msisdn.removeprefix("+")},
        "payerMessage": plain_message(f"Water {push.tap_id}"),
        "payeeNote": plain_message(" ".join(period_words(push.period))),
    }


def plain_message(text: str) -> str:
    """Drop what MTN refuses with 400: an apostrophe is enough (reference §3)."""
    kept = "".join(c for c in text if c.isascii() and (c.isalnum() or c in " -"))
    return kept[:_LONGEST_MESSAGE].strip()


def read_push(answer: Answer, reference: str) -> PushReply:
    """Say what the reply to a request to pay means."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    if answer.text and answer.status != _TOO_MANY:
        return PushReply(Taken.UNKNOWN, code=f"http_{answer.status}_not_json")
    meaning = mtn_codes.push_meaning(answer.status, answer.says("code"))
    is_taken = meaning.taken is Taken.ACCEPTED
    return PushReply(
        meaning.taken,
        provider_reference=reference if is_taken else None,
        reason=Reason.OTHER if meaning.taken is Taken.REFUSED else None,
        code=_code(answer),
        retry_after_s=(answer.retry_after_s or _RETRY_S) if meaning.taken is Taken.NOT_REACHED else None,
        is_config_fault=meaning.is_config_fault,
    )


def read_query(answer: Answer) -> Report:
    """Say what the reply to a status read means; whatever is unclear is UNKNOWN."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK or answer.body is None:
        return _read_query_error(answer)
    try:
        report = read_status(answer.body)
    except BadInput as fault:
        return Report(Outcome.UNKNOWN, code=fault.reason)
    if report.outcome is Outcome.PAID and report.amount_minor is None:
        return replace(report, outcome=Outcome.UNKNOWN, code="no_amount")
    return report


def _read_query_error(answer: Answer) -> Report:
    code = answer.says("code")
    # Only with its own word: a bare 404 is a wrong path.
    outcome = Outcome.NOT_FOUND if code in mtn_codes.NOT_FOUND else Outcome.UNKNOWN
    is_config = answer.body is not None and mtn_codes.push_meaning(answer.status, code).is_config_fault
    return Report(
        outcome,
        code=_code(answer),
        retry_after_s=answer.retry_after_s,
        is_config_fault=is_config and outcome is Outcome.UNKNOWN,
    )


def read_status(body: Mapping[str, Any]) -> Report:
    """Read a status, as queries and callbacks carry it (reference §3, §5).

    Raises BadInput where a field has another form than MTN's.
    """
    status = body.get("status")
    if not isinstance(status, str):
        raise BadInput("a status is missing")
    reason = _reason(body.get("reason"))
    outcome, why = mtn_codes.meaning(status, reason)
    payer = body.get("payer")
    currency = word_of(body.get("currency"))
    return Report(
        outcome,
        reason=why,
        code=code_of(reason or status),
        receipt=word_of(body.get("financialTransactionId")),
        amount_minor=minor_of(body.get("amount"), currency) if currency else None,
        currency=currency,
        msisdn=msisdn_of(payer.get("partyId")) if isinstance(payer, dict) else None,
        external_id=word_of(body.get("externalId")),
    )


def _reason(value: Any) -> str:
    """Read a reason: bare text in live replies, an object in the published schema (reference §3)."""
    if isinstance(value, dict):
        value = value.get("code")
    return value if isinstance(value, str) else ""


def _code(answer: Answer) -> str:
    return code_of(answer.says("code")) or f"http_{answer.status}"


def _refuses_token(answer: Answer) -> bool:
    # Another token does not help against a wrong subscription key, which is a 401 too.
    return answer.status == _UNAUTHORIZED and "subscription key" not in answer.says("message").lower()
