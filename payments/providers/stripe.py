"""Stripe: a page on which a card is entered, opened by a link that goes out by SMS (row P9).

For offices and for relatives abroad. A push makes the page; nobody's handset is asked. No card number comes
here, and no phone number or name of a payer goes there.
"""

from datetime import datetime
from typing import Any

from stripe import StripeClient

from core.clock import Clock
from core.errors import Refused, Unavailable
from payments.providers import stripe_events, stripe_refunds, stripe_wire
from payments.providers.base import Outcome, Payout, Push, PushReply, Report, Taken, Vouch
from payments.providers.http import Answer, Http, Reach
from payments.providers.stripe_sdk import ask
from payments.providers.stripe_settings import StripeSettings
from payments.providers.tokens import TokenStore

_OK = 200
_REFUSED = frozenset({401, 403})
_MOST_REFUNDS = 100


class Stripe:
    """Stripe with one account's keys."""

    name = "stripe"
    signature_header = "Stripe-Signature"
    payout_traits = stripe_refunds.TRAITS

    def __init__(
        self,
        settings: StripeSettings,
        *,
        account_id: str,  # noqa: ARG002 - as all rails are built; a key needs no token of its own
        http: Http,
        clock: Clock | None = None,  # noqa: ARG002
        store: TokenStore | None = None,  # noqa: ARG002
    ) -> None:
        self._settings = settings
        self._http = http
        self.traits = stripe_wire.traits(settings)

    async def push(self, push: Push) -> PushReply:
        """Make a page for this payment; the same push again finds the same page."""
        fault = stripe_wire.amount_fault(push, self._settings)
        if fault is not None:
            return fault
        params: Any = stripe_wire.session_params(push, self._settings)

        async def make(client: StripeClient) -> object:
            options: Any = {"idempotency_key": push.reference}
            return await client.v1.checkout.sessions.create_async(params, options)

        return stripe_wire.read_push(await self._ask("push", make))

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Ask what became of a page. One whose name we were never told was never opened by anybody."""
        if provider_reference is None:
            return Report(Outcome.UNKNOWN)
        return stripe_wire.read_query(await self._session("query", provider_reference))

    def read_callback(self, body: bytes) -> Report:
        """Read an event; raises BadInput."""
        return stripe_events.read(body)

    def vouch(self, body: bytes, signature: str, received_at: datetime) -> Vouch:
        """Say whether Stripe has signed these bytes about now."""
        settings = self._settings
        secrets, tolerance_s = settings.signing_secrets, settings.tolerance_s
        return stripe_events.vouch(body, signature, secrets, received_at, tolerance_s)

    def acknowledgement(self, body: bytes, raw_id: str) -> tuple[str, str]:  # noqa: ARG002 - SignsNotices' signature
        """Return an empty object: Stripe looks at the status alone."""
        return self.traits.callback_reply

    async def check(self) -> None:
        """See that the key opens the account; raises Refused or Unavailable."""
        answer = await self._ask("check", lambda client: client.v1.balance.retrieve_async())
        if answer.reach is Reach.ANSWERED and answer.status in _REFUSED:
            raise Refused(stripe_wire.error_code(answer), code="key_refused")
        if answer.status != _OK:
            raise Unavailable(answer.fault or stripe_wire.error_code(answer), code="provider_unavailable")

    async def pay_out(self, payout: Payout) -> PushReply:
        """Refund a payment, or a part of it, to the card that it came from."""
        fault = stripe_refunds.fault(payout)
        if fault is not None:
            return fault
        intent = await self._intent(payout)
        if isinstance(intent, PushReply):
            return intent
        params: Any = stripe_refunds.params(payout, intent)

        async def make(client: StripeClient) -> object:
            options: Any = {"idempotency_key": payout.reference}
            return await client.v1.refunds.create_async(params, options)

        return stripe_refunds.read_reply(await self._ask("payout", make))

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:
        """Ask what became of a refund, by Stripe's name or by ours."""
        if provider_reference is not None:
            answer = await self._ask("query", lambda c: c.v1.refunds.retrieve_async(provider_reference))
            return stripe_refunds.read_query(answer)
        intent = await self._intent(payout)
        if isinstance(intent, PushReply):
            return Report(Outcome.UNKNOWN, code=intent.code, is_config_fault=intent.is_config_fault)
        params: Any = {"payment_intent": intent, "limit": _MOST_REFUNDS}
        answer = await self._ask("query", lambda c: c.v1.refunds.list_async(params))
        return stripe_refunds.read_list(answer, payout.reference)

    def read_payout_notice(self, kind: str, body: bytes) -> Report:  # noqa: ARG002 - PaysOut's signature
        """Read a notice of a refund; raises BadInput."""
        return stripe_events.read_refund(body)

    async def _intent(self, payout: Payout) -> str | PushReply:
        """Return the payment intent that is to be refunded: the receipt, else what the session names."""
        if payout.original_receipt and payout.original_receipt.startswith("pi_"):
            return payout.original_receipt
        if payout.original_provider_reference is None:
            return PushReply(Taken.REFUSED, code="no_original")
        answer = await self._session("query", payout.original_provider_reference)
        intent = stripe_refunds.intent_of(answer)
        if intent is not None:
            return intent
        # Nothing was sent that moves money, whatever this answer was.
        code = answer.fault or (stripe_wire.error_code(answer) if answer.status != _OK else "no_original")
        return PushReply(Taken.NOT_REACHED, code=code)

    async def _session(self, operation: str, name: str) -> Answer:
        params: Any = {"expand": ["payment_intent"]}
        return await self._ask(operation, lambda c: c.v1.checkout.sessions.retrieve_async(name, params))

    async def _ask(self, operation: str, work: Any) -> Answer:
        key = self._settings.secret_key.get_secret_value()
        return await ask(self._http, self._settings.base_url, key, operation, work)
