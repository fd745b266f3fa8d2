"""From a request of the platform to a command: what it means, or why it cannot be. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from core import msisdn as numbers
from core.errors import NotFound
from gateway.api import answers, finding
from gateway.api.schemas import PayRequest
from payments.commands import Pay
from taps import tap_id as tap_ids
from taps.model import Tap, Tenant, User


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to pay, with its idempotency key and who sent it."""

    key: str
    user: User
    body: PayRequest
    tap: finding.Name

    @property
    def request_hash(self) -> str:
        """What tells the same request from another one; the same from another user is another."""
        # What is left at its default is left out where it came later than the first hashes that are stored.
        later = set() if self.body.wait_for_provider else {"wait_for_provider"}
        body = self.body.model_dump_json(exclude=later)
        return hashlib.sha256(f"{self.user.name}\n{body}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """What the requests of a batch are about."""

    taps: Mapping[finding.Name, Tap]
    tenants: Mapping[str, Tenant]


def ask(key: str, user: User, body: PayRequest) -> Ask:
    """Return a request; raises BadTapId where its tap cannot be read."""
    return Ask(key, user, body, tap_ids.read(body.tap_id))


def plan(asked: Ask, known: Known, correlation_id: str) -> Pay | web.Response:
    """Return the command, or the refusal; raises NotFound and BadMsisdn."""
    body = asked.body
    tap = finding.seen(known.taps.get(asked.tap), asked.user)
    msisdn = numbers.parse(body.msisdn, tap.country)
    if body.amount and body.amount.currency != tap.currency:
        return answers.wrong_currency(tap.currency)
    return Pay(
        payment_request_id=asked.key,
        request_hash=asked.request_hash,
        msisdn=msisdn,
        contact_msisdn=msisdn,
        tap_id=tap.tap_id,
        tenant_id=_tenant(body, tap, known),
        amount_minor=body.amount.amount_minor if body.amount else None,
        currency=tap.currency,
        provider=body.provider or "",
        if_down="wait" if body.wait_for_provider else "queue",
        channel="rest",
        correlation_id=correlation_id,
        delay_s=0,
        user_id=body.user_id,
    )


def _tenant(body: PayRequest, tap: Tap, known: Known) -> str | None:
    if body.tenant_id is None:
        return None
    tenant = known.tenants.get(body.tenant_id.lower())
    if tenant is None or tenant.tap_id != tap.tap_id:
        raise NotFound("there is no such tenant on this tap", code="no_such_tenant")
    return tenant.tenant_id
