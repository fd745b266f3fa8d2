"""MTN MoMo: request to pay, transfer and refund, their status, their callbacks (reference mtn-momo)."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from core.clock import Clock
from core.errors import MadziError
from payments.providers import mtn_payouts
from payments.providers.base import Payout, PayoutTraits, Push, PushReply, Reason, Report, Taken, Traits
from payments.providers.faults import push_without_token, report_without_token
from payments.providers.http import Http
from payments.providers.mtn_product import Product, collection_keys, disbursement_keys
from payments.providers.mtn_wire import push_body, read_push, read_query, read_status
from payments.providers.reading import json_of, object_of
from payments.providers.settings import MtnSettings
from payments.providers.tokens import TokenStore

_REQUEST_TO_PAY = "/v1_0/requesttopay"


class Mtn:
    """MTN MoMo with one set of credentials.

    It `PaysOut` only with the keys of the disbursement product: without them `payout_traits` is not there.
    """

    name = "mtn"
    payout_traits: PayoutTraits

    def __init__(
        self, settings: MtnSettings, *, account_id: str, http: Http, clock: Clock, store: TokenStore
    ) -> None:
        outside: dict[str, Any] = {"http": http, "clock": clock, "store": store}
        self._settings = settings
        self._collection = Product(settings, collection_keys(settings), token_id=account_id, **outside)
        self._disbursement: Product | None = None
        if keys := disbursement_keys(settings):
            token_id = f"{account_id}:disbursement"
            self._disbursement = Product(settings, keys, token_id=token_id, **outside)
            self.payout_traits = mtn_payouts.TRAITS
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
        headers = _request_headers(push.reference, push.callback_url)
        try:
            answer = await self._collection.send("push", "POST", _REQUEST_TO_PAY, body, headers)
        except MadziError as fault:
            return push_without_token(fault)
        return read_push(answer, push.reference)

    async def query(self, reference: str, provider_reference: str | None) -> Report:
        """Ask what became of a push; MTN knows it by our own reference."""
        try:
            answer = await self._collection.send("query", "GET", _behind(_REQUEST_TO_PAY, reference))
        except MadziError as fault:
            return report_without_token(fault)
        return replace(read_query(answer), provider_reference=provider_reference or reference)

    def read_callback(self, body: bytes) -> Report:
        """Read a status notice (reference §5); it names our external id, never the reference."""
        return read_status(object_of(json_of(body)))

    async def pay_out(self, payout: Payout) -> PushReply:
        """Hand money out; the same reference again is safe and answers ACCEPTED."""
        if self._disbursement is None:
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="no_payout_keys", is_config_fault=True)
        fault = mtn_payouts.fault_of(payout, self._settings.currency)
        if fault is not None:
            return fault
        path, body = mtn_payouts.path_of(payout), json.dumps(mtn_payouts.body_of(payout)).encode()
        headers = _request_headers(payout.reference, payout.result_url)
        try:
            answer = await self._disbursement.send("payout", "POST", path, body, headers)
        except MadziError as missing:
            return push_without_token(missing)
        return read_push(answer, payout.reference)

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:
        """Ask what became of a payout; MTN knows it by our own reference."""
        if self._disbursement is None:
            return mtn_payouts.NO_KEYS
        path = _behind(mtn_payouts.path_of(payout), payout.reference)
        try:
            answer = await self._disbursement.send("payout_query", "GET", path)
        except MadziError as fault:
            return report_without_token(fault)
        report = mtn_payouts.read_query(answer, payout)
        return replace(report, provider_reference=provider_reference or payout.reference)

    def read_payout_notice(self, kind: str, body: bytes) -> Report:  # noqa: ARG002 - there is one kind only
        """Read a payout's status notice; its external id is our reference."""
        return mtn_payouts.read_notice(body)

    async def check(self) -> None:
        """Obtain a token of each product; raises Unavailable or Refused."""
        await self._collection.check()
        if self._disbursement is not None:
            await self._disbursement.check()


def _request_headers(reference: str, callback_url: str) -> dict[str, str]:
    headers = {"X-Reference-Id": reference, "Content-Type": "application/json"}
    return headers | {"X-Callback-Url": callback_url} if callback_url else headers


def _behind(path: str, reference: str) -> str:
    return f"{path}/{quote(reference, safe='')}"
