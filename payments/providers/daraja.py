"""M-PESA Daraja: STK push with query and callback, payments by hand, money out (reference daraja)."""

from dataclasses import replace
from datetime import datetime

from core.clock import Clock
from core.errors import MadziError
from payments.providers import daraja_c2b, daraja_payout, daraja_result
from payments.providers.base import Arrival, Outcome, Payout, PayoutKind, Push, PushReply, Report
from payments.providers.daraja_arrivals import Arrivals
from payments.providers.daraja_callback import read_callback
from payments.providers.daraja_line import Line
from payments.providers.daraja_wire import (
    TRAITS,
    amount_fault,
    error_of,
    paced,
    push_body,
    query_body,
    read_push,
    read_query,
)
from payments.providers.faults import push_without_token, report_without_token
from payments.providers.http import Answer, Http, Reach
from payments.providers.pace import Pace
from payments.providers.settings import DarajaSettings
from payments.providers.tokens import TokenStore

_PUSH = "/mpesa/stkpush/v1/processrequest"
_QUERY = "/mpesa/stkpushquery/v1/query"
_TRANSFER = "/mpesa/b2c/v3/paymentrequest"
_REVERSAL = "/mpesa/reversal/v1/request"
_TIMEOUT = "b2c_timeout"


class Daraja:
    """M-PESA Daraja with one set of credentials."""

    name = "daraja"
    traits = TRAITS

    def __init__(
        self,
        settings: DarajaSettings,
        *,
        account_id: str,
        http: Http,
        clock: Clock,
        store: TokenStore,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._line = Line(settings, account_id, http, clock, store)
        self._arrivals = Arrivals(settings, self._line, clock)
        self._pace = pace or Pace(settings.queries_per_minute, most_wait_s=settings.query_wait_s)
        self.payout_traits = daraja_payout.traits(settings)

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; must not be repeated once it may have been taken."""
        fault = amount_fault(push)
        if fault is not None:
            return fault
        body = push_body(push, self._settings, self._clock.now())
        try:
            answer = await self._line.post("push", _PUSH, body)
        except MadziError as no_token:
            return push_without_token(no_token)
        return read_push(answer)

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Ask what became of a push; without the CheckoutRequestID nobody can say."""
        if not provider_reference:
            return Report(Outcome.UNKNOWN, code="no_reference")
        wait_s = await self._pace.enter()
        if wait_s:
            return paced(provider_reference, wait_s)
        body = query_body(provider_reference, self._settings, self._clock.now())
        try:
            answer = await self._line.post("query", _QUERY, body)
        except MadziError as no_token:
            return report_without_token(no_token)
        return self._heeded(answer, read_query(answer, provider_reference))

    def read_callback(self, body: bytes) -> Report:
        """Read a result notice of a push (reference §3)."""
        return read_callback(body)

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused. It ends the life of the token before."""
        await self._line.check()

    async def register_urls(self, validation_url: str, confirmation_url: str) -> bool:
        """Register where payments by hand are told; False where addresses were registered before.

        Those may be others: production takes them once, and support changes them (reference §7). Raises
        Refused or Unavailable.
        """
        return await self._arrivals.register_urls(validation_url, confirmation_url)

    async def register_pull(self, callback_url: str, nominated_number: str) -> bool:
        """Switch the list of transactions on; False where it was on. Raises Refused or Unavailable."""
        return await self._arrivals.register_pull(callback_url, nominated_number)

    def read_arrival(self, kind: str, body: bytes) -> Arrival:  # noqa: ARG002 - both kinds share one body
        """Read a validation or a confirmation (reference §7). Raises BadInput."""
        return daraja_c2b.read_arrival(body, self._settings)

    def validation_reply(self, reason: str | None, third_party_id: str = "") -> tuple[str, str]:
        """Return what accepts (None) or rejects; `third_party_id` comes back in the confirmation.

        Reasons: account, amount, other; also msisdn, kyc, shortcode.
        """
        return daraja_c2b.validation_reply(reason, third_party_id)

    async def find_arrivals(self, since: datetime, until: datetime) -> list[Arrival] | None:
        """Return what came between, of the last 48 hours (pull); None where that is not known in full."""
        return await self._arrivals.find(since, until)

    async def ask_status(self, receipt: str, result_url: str, timeout_url: str) -> PushReply:
        """Ask about a receipt; the answer comes to `result_url` (`read_status`). Never raises.

        `provider_reference` is how the answer names the question. The address must not be a payout's own.
        """
        return await self._arrivals.ask_status(receipt, result_url, timeout_url)

    def read_status(self, body: bytes) -> daraja_result.Status:
        """Read the answer to `ask_status`. Raises BadInput where it is no result."""
        return daraja_result.read_status(body, self._settings)

    async def pay_out(self, payout: Payout) -> PushReply:
        """Hand money out; what became of it comes to `result_url`. Never raises."""
        fault = daraja_payout.fault(payout, self.payout_traits)
        if fault is not None:
            return fault
        credential = self._settings.security_credential()
        is_transfer = payout.kind is PayoutKind.TRANSFER
        make = daraja_payout.transfer_body if is_transfer else daraja_payout.reversal_body
        path = _TRANSFER if is_transfer else _REVERSAL
        try:
            answer = await self._line.post("payout", path, make(payout, self._settings, credential))
        except MadziError as no_token:
            return push_without_token(no_token)
        return daraja_payout.read_ack(answer, payout.reference if is_transfer else None)

    async def query_payout(self, payout: Payout, provider_reference: str | None) -> Report:  # noqa: ARG002 - PaysOut's signature
        """Say that nobody can tell: `has_query` is False.

        A status question is answered later, at an address; and a question that fails (2001: our operator may
        not ask) reads to the letter like a payout that failed. Taken for one, money would go out twice.
        """
        return Report(Outcome.UNKNOWN, code="no_query")

    def read_payout_notice(self, kind: str, body: bytes) -> Report:
        """Read a result, or that M-PESA gave up waiting, which proves nothing. Raises BadInput."""
        return daraja_result.read_timeout(body) if kind == _TIMEOUT else daraja_result.read_payout(body)

    def _heeded(self, answer: Answer, report: Report) -> Report:
        """Pause all queries of the account where the provider says that they are too many."""
        if answer.reach is not Reach.ANSWERED or not error_of(answer).is_rate:
            return report
        pause_s = max(self._settings.spike_pause_s, answer.retry_after_s or 0)
        self._pace.pause(pause_s)
        return replace(report, retry_after_s=pause_s)
