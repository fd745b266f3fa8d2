"""Airtel Money: USSD push, refund, disbursement, enquiry, callback (reference airtel-money)."""

import json
import os
from collections.abc import Callable
from urllib.parse import quote

import structlog
from yarl import URL

from core.clock import Clock
from core.errors import MadziError
from payments.providers import airtel_payouts
from payments.providers.airtel_callback import Hashed, check_hash, read_callback, transaction_id
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.airtel_signing import RandomBytes, Signer, public_key
from payments.providers.airtel_wire import (
    push_body,
    push_fault,
    read_push,
    read_query,
    refuses_signature,
    refuses_token,
)
from payments.providers.base import (
    Outcome,
    Payout,
    PayoutKind,
    PayoutTraits,
    Push,
    PushReply,
    Report,
    Traits,
)
from payments.providers.faults import push_without_token, report_without_token
from payments.providers.http import Answer, Call, Http, endpoint
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

log = structlog.get_logger(__name__)

_TOKEN = "/auth/oauth2/token"  # noqa: S105 - a path
_ENQUIRY = "/standard/v1/payments/"
_KEYS = "/v1/rsa/encryption-keys"


class Airtel:
    """Airtel Money with one set of credentials.

    A push is known by an id of ours, which Airtel takes once; its callbacks go to the one address entered
    in Airtel's portal, and name that id. It `PaysOut` only with a PIN and the key that encrypts it: without
    them `payout_traits` is not there.
    """

    name = "airtel"
    payout_traits: PayoutTraits

    def __init__(
        self,
        settings: AirtelSettings,
        *,
        account_id: str,
        http: Http,
        clock: Clock,
        store: TokenStore,
        random: RandomBytes = os.urandom,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._tokens = Tokens(account_id, self._fetch_token, store, clock)
        self._signer = Signer(self._fetch_key, clock, random) if settings.signs else None
        self._push_url = endpoint(settings.base_url, f"/merchant/{settings.version}/payments/")
        self._pin_key = public_key(settings.public_key) if settings.pays_out else None
        if settings.pays_out:
            self.payout_traits = airtel_payouts.traits_of(settings)
        self.traits = Traits(
            has_query=True,
            push_is_repeatable=True,
            unit_minor=settings.unit_minor,
            currencies=frozenset({settings.currency}),
            min_minor=settings.min_minor,
            max_minor=settings.max_minor,
            query_gives_amount=False,
            query_after_s=settings.query_after_s,
        )

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; the same reference again is safe and answers ACCEPTED."""
        fault = push_fault(push, self._settings)
        if fault is not None:
            return fault
        body = push_body(push, self._settings)
        name = transaction_id(push.reference)
        return await self._order("push", self._push_url, body, lambda answer: read_push(answer, name))

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Ask what became of a push; Airtel knows it by our own reference."""
        name = transaction_id(reference)
        url = endpoint(self._settings.base_url, _ENQUIRY + quote(name, safe=""))
        try:
            answer = await self._send("query", "GET", url)
        except MadziError as fault:
            return report_without_token(fault)
        return read_query(answer, name, self._settings.currency)

    def read_callback(self, body: bytes) -> Report:
        """Read a notice. Where notices are signed, one that is not genuine is worth an enquiry, no more."""
        report = read_callback(body, self._settings.currency)
        if self._settings.callback_key is None:
            return report
        found = self._hashed(body)
        if found.fault:
            log.warning("airtel_callback_not_genuine", code=found.fault)
            return Report(
                Outcome.UNKNOWN,
                code=found.fault,
                provider_reference=report.provider_reference,
                reference=report.reference,
            )
        # Which of the texts Airtel hashes is not documented: this tells.
        log.info("airtel_callback_genuine", text=found.text, key=found.key)
        return report

    async def pay_out(self, payout: Payout) -> PushReply:
        """Hand money out. A refund must never be repeated; a disbursement's id is taken once."""
        if self._pin_key is None:
            return airtel_payouts.NO_KEYS
        fault = airtel_payouts.fault_of(payout, self._settings)
        if fault is not None:
            return fault
        if payout.kind is PayoutKind.REFUND:
            receipt = payout.original_receipt or ""
            return await self._order(
                "refund",
                endpoint(self._settings.base_url, airtel_payouts.REFUND),
                airtel_payouts.refund_body(payout),
                lambda answer: airtel_payouts.read_refund(answer, receipt),
            )
        name = transaction_id(payout.reference)
        return await self._order(
            "payout",
            endpoint(self._settings.base_url, airtel_payouts.transfer_path(self._settings)),
            airtel_payouts.transfer_body(payout, self._settings, self._pin_key),
            lambda answer: airtel_payouts.read_transfer(answer, name),
        )

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:  # noqa: ARG002 - PaysOut's signature
        """Ask what became of a disbursement; of a refund nobody can be asked."""
        if payout.kind is PayoutKind.REFUND:
            return airtel_payouts.REFUND_UNKNOWN
        name = transaction_id(payout.reference)
        url = endpoint(self._settings.base_url, airtel_payouts.ENQUIRY + quote(name, safe=""))
        try:
            answer = await self._send("payout_query", "GET", url)
        except MadziError as fault:
            return report_without_token(fault)
        return airtel_payouts.read_query(answer, name, self._settings.currency)

    def read_payout_notice(self, kind: str, body: bytes) -> Report:  # noqa: ARG002 - all notices have one form
        """Read a notice of a disbursement, should one come: the portal has one address for all."""
        return airtel_payouts.of_ours(self.read_callback(body))

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused."""
        await self._tokens.fetch_new()

    def _hashed(self, body: bytes) -> Hashed:
        keys = {"client_secret": self._settings.client_secret.get_secret_value()}
        if self._settings.callback_key is not None:
            keys = {"callback_key": self._settings.callback_key.get_secret_value()} | keys
        return check_hash(body, keys)

    async def _order(
        self, operation: str, url: URL, body: bytes, read: Callable[[Answer], PushReply]
    ) -> PushReply:
        """Send what moves money, signed where that is wanted, and say what the reply means."""
        try:
            signature = await self._signer.sign(body) if self._signer else {}
            answer = await self._send(operation, "POST", url, body, signature)
        except MadziError as missing:
            return push_without_token(missing)
        reply = read(answer)
        if self._signer and refuses_signature(reply):
            self._signer.forget()
        return reply

    async def _send(
        self,
        operation: str,
        method: str,
        url: URL,
        body: bytes | None = None,
        extra: dict[str, str] | None = None,
    ) -> Answer:
        async def send(token: str) -> Answer:
            headers = self._headers(token) | (extra or {})
            return await self._http.call(Call(self.name, operation, method, url, headers, body))

        return await authorised(self._tokens, send, refuses_token)

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "X-Country": self._settings.country,
            "X-Currency": self._settings.currency,
            "Accept": "*/*",
            "Content-Type": "application/json",
        }

    async def _fetch_key(self) -> Answer:
        return await self._send("key", "GET", endpoint(self._settings.base_url, _KEYS))

    async def _fetch_token(self) -> Token:
        keys = {
            "client_id": self._settings.client_id.get_secret_value(),
            "client_secret": self._settings.client_secret.get_secret_value(),
            "grant_type": "client_credentials",
        }
        headers = {"Accept": "*/*", "Content-Type": "application/json"}
        url = endpoint(self._settings.base_url, _TOKEN)
        call = Call(self.name, "token", "POST", url, headers, json.dumps(keys).encode())
        return read_token(await self._http.call(call), self._clock.now())
