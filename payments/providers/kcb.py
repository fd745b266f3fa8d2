"""KCB Buni: M-PESA STK push through a bank, proved by the bank's signed notice (reference kcb-buni)."""

import base64
import json
from datetime import datetime

from core.clock import Clock
from core.errors import BadInput, MadziError
from payments.providers import kcb_notice
from payments.providers.base import Outcome, Push, PushReply, Report, Vouch
from payments.providers.faults import push_without_token
from payments.providers.http import Answer, Call, Http, endpoint
from payments.providers.kcb_settings import KcbSettings, public_key
from payments.providers.kcb_wire import (
    TRAITS,
    amount_fault,
    push_body,
    push_headers,
    read_push,
    refuses_token,
)
from payments.providers.tokens import Token, Tokens, TokenStore, authorised, read_token

_PUSH = "/mm/api/request/1.0.0/stkpush"
_TOKEN = "/token"  # noqa: S105 - a path


class Kcb:
    """KCB Buni with one set of credentials."""

    name = "kcb"
    traits = TRAITS
    signature_header = "Signature"
    tells_unasked = True

    def __init__(
        self, settings: KcbSettings, *, account_id: str, http: Http, clock: Clock, store: TokenStore
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._tokens = Tokens(account_id, self._fetch_token, store, clock)
        self._key = public_key(settings.ipn_public_key) if settings.ipn_public_key else None

    async def push(self, push: Push) -> PushReply:
        """Ask the payer for the PIN; must not be repeated once it may have been taken."""
        fault = amount_fault(push)
        if fault is not None:
            return fault
        url = endpoint(self._settings.base_url, _PUSH)
        headers = push_headers(push, self._settings)
        raw = json.dumps(push_body(push, self._settings)).encode()

        async def send(token: str) -> Answer:
            authorised_by = {"Authorization": f"Bearer {token}"}
            return await self._http.call(Call("kcb", "push", "POST", url, headers | authorised_by, raw))

        try:
            answer = await authorised(self._tokens, send, refuses_token)
        except MadziError as no_token:
            return push_without_token(no_token)
        return read_push(answer)

    async def query(self, reference: str, provider_reference: str | None) -> Report:  # noqa: ARG002 - Provider's signature
        """Say that nobody can be asked."""
        return Report(Outcome.UNKNOWN)

    def read_callback(self, body: bytes) -> Report:
        """Read an STK callback or a payment notice (reference §3, §4)."""
        return kcb_notice.read(body, self._settings.till)

    def vouch(self, body: bytes, signature: str, received_at: datetime) -> Vouch:
        """Say whether KCB has signed these bytes; without its key nothing is genuine."""
        if signature:
            if self._key is None or not kcb_notice.is_signed(self._key, body, signature):
                return Vouch.FORGED
        elif not kcb_notice.is_ipn(body):
            return Vouch.NONE
        elif not self._settings.unsigned_sandbox:
            return Vouch.UNSIGNED
        return self._in_time(body, received_at)

    def _in_time(self, body: bytes, received_at: datetime) -> Vouch:
        try:
            is_fresh = kcb_notice.is_fresh(body, received_at, self._settings.ipn_tolerance_s)
        except BadInput:
            return Vouch.NONE  # signed, and no notice: reading it says so
        return Vouch.GENUINE if is_fresh else Vouch.STALE

    def acknowledgement(self, body: bytes, raw_id: str) -> tuple[str, str]:
        """Return what KCB wants back for a payment notice, and M-PESA for its callback."""
        answer = kcb_notice.acknowledgement(body, raw_id)
        kind, usual = self.traits.callback_reply
        return kind, usual if answer is None else kcb_notice.dumped(answer)

    async def check(self) -> None:
        """Obtain a token; raises Unavailable or Refused."""
        await self._tokens.fetch_new()

    async def _fetch_token(self) -> Token:
        settings = self._settings
        keys = f"{settings.consumer_key.get_secret_value()}:{settings.consumer_secret.get_secret_value()}"
        headers = {"Authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"}
        address = settings.token_url or settings.base_url + _TOKEN
        url = endpoint(address, "?grant_type=client_credentials")
        answer = await self._http.call(Call("kcb", "token", "POST", url, headers))
        return read_token(answer, self._clock.now())
