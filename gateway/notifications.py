"""From what became true of a payment to the SMS that tells it, in the same transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.i18n import Text
from core.ids import Ids
from core.metrics import PAYMENTS
from gateway import arrival_notes
from payments import links, routing
from payments.events import (
    Event,
    Expired,
    Failed,
    Held,
    LinkReady,
    Note,
    ReceiptCame,
    Starts,
    Succeeded,
    TakesLong,
)
from payments.records import Agent, Payment
from payments.wallet import accounts as wallets
from sms import arrival_texts, outbound, templates
from sms.inbound import texts
from sms.inbound.texts import Owed
from sms.outbound import Notice
from sms.templates import About, Printed
from sms.tenancy_texts import shown
from taps import store as taps_store
from taps.model import Tenant

_PROMPT_WITHIN = timedelta(minutes=3)
_TRY_AGAIN_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Enqueues SMS for payment events; `printed` is what stands on the plate."""

    clock: Clock
    ids: Ids
    printed: Printed
    public_url: str = ""  # where our own links lead

    async def announce(self, connection: AsyncConnection, events: Sequence[Event | Note]) -> None:
        """Enqueue every SMS that the events call for; a fact that was told before is not told again."""
        notes = [event for event in events if isinstance(event, Note)]
        if notes:
            await self._note(connection, notes)
        await self._announce(connection, [event for event in events if not isinstance(event, Note)])

    async def _note(self, connection: AsyncConnection, notes: Sequence[Note]) -> None:
        """Enqueue what is told of money that has no payment."""
        now = self.clock.now()
        told = [arrival_notes.told(note, self.printed, now) for note in notes]
        known = await taps_store.customers(connection, {said.msisdn for said in told})
        rows = [
            outbound.compose(
                Notice(
                    fact_key=said.fact_key,
                    msisdn=said.msisdn,
                    language=(known[said.msisdn].language if said.msisdn in known else None) or "en",
                    text=said.text,
                    correlation_id=said.fact_key,
                ),
                sms_id=self.ids.new(),
                now=now,
                catalogues=templates.catalogues(),
            )
            for said in told
            if said.msisdn
        ]
        await outbound.enqueue(connection, rows)

    async def _announce(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        for event in events:
            _count(event)
        tenants = await _tenants(connection, events)
        told = [said for event in events for said in self._texts(event, tenants) if said.msisdn]
        known = await taps_store.customers(connection, {said.msisdn for said in told})
        rows = []
        for said in told:
            customer = known.get(said.msisdn)
            notice = Notice(
                fact_key=said.fact_key,
                msisdn=said.msisdn,
                language=(customer.language if customer else None) or "en",
                text=said.text,
                correlation_id=said.payment.correlation_id,
                payment_id=said.payment.payment_id,
            )
            rows.append(
                outbound.compose(
                    notice, sms_id=self.ids.new(), now=self.clock.now(), catalogues=templates.catalogues()
                )
            )
        await outbound.enqueue(connection, rows)

    def _texts(  # noqa: PLR0911 - a table of events
        self, event: Event, tenants: dict[str, Tenant]
    ) -> list["_Said"]:
        payment, now = event.payment, self.clock.now()
        match event:
            case Succeeded():
                return self._success(event, tenants, now)
            case Failed():
                return [_Said(payment, "failed", payment.contact_msisdn, self._failure(payment, now))]
            case Expired():
                text = templates.expired(_about(payment), self.printed, at=payment.created_at)
                return [_Said(payment, "expired", payment.contact_msisdn, text)]
            case TakesLong():
                text = templates.wait_long(
                    _about(payment),
                    self.printed,
                    since=payment.pushed_at or payment.created_at,
                    until=payment.expires_at + timedelta(minutes=1),
                )
                return [_Said(payment, "wait", payment.contact_msisdn, text)]
            case LinkReady():
                url = links.address(self.public_url, event.token)
                text = templates.pay_link(_about(payment), url=url, until=event.until)
                return [_Said(payment, "link", payment.contact_msisdn, text)]
            case Held():
                until = payment.expires_at + timedelta(minutes=1)
                text = templates.held(_about(payment), self.printed, until=until)
                return [_Said(payment, "held", payment.contact_msisdn, text)]
            case Starts():
                text = templates.waits_start(_about(payment), self.printed, until=now + _PROMPT_WITHIN)
                return [_Said(payment, "start", payment.contact_msisdn, text)]
            case ReceiptCame():
                at, receipt = payment.created_at, payment.receipt or ""
                text = templates.late_receipt(_about(payment), at=at, receipt=receipt)
                return [_Said(payment, "receipt", payment.contact_msisdn, text)]

    def _failure(self, payment: Payment, now: datetime) -> Text:
        if payment.reason == "paid_already":
            return templates.paid_already(_about(payment))
        return templates.not_paid(
            _about(payment), self.printed, payment.reason or "other", retry_at=now + _TRY_AGAIN_AFTER
        )

    def _success(self, event: Succeeded, tenants: dict[str, Tenant], now: datetime) -> list["_Said"]:
        payment = event.payment
        if event.agent:
            told = self._cash(event, event.agent, now)
        else:
            told = [_Said(payment, "success", payment.contact_msisdn, self._confirmation(event, now))]
        told += self._kept(event, now)
        tenant = tenants.get(payment.tenant_id or "")
        if tenant and event.credited_minor and tenant.msisdn not in (payment.contact_msisdn, payment.msisdn):
            text = templates.paid_for_you(_about(payment, event), at=now)
            told.append(_Said(payment, "foryou", tenant.msisdn, text))
        return told

    def _kept(self, event: Succeeded, now: datetime) -> list["_Said"]:
        """Tell the payer what is kept for them, unless the confirmation has told it to the same phone."""
        payment = event.payment
        if not event.is_in_wallet or (not event.credited_minor and payment.contact_msisdn == payment.msisdn):
            return []
        about = replace(_about(payment), amount_minor=event.kept_minor)
        if event.credited_minor:
            text = templates.kept_more(about, self.printed, at=now)
        else:
            text = templates.kept_twice(about, self.printed, at=now, receipt=payment.receipt)
        return [_Said(payment, "kept", payment.msisdn, text)]

    def _cash(self, event: Succeeded, agent: Agent, now: datetime) -> list["_Said"]:
        """Tell the payer, if the agent has named one, and the agent, unless an SMS is being answered."""
        payment, receipt = event.payment, event.payment.receipt or ""
        owed = Owed(payment.tap_id, event.credited_minor, payment.currency, event.periods)
        payer = payment.contact_msisdn if payment.contact_msisdn != agent.msisdn else None
        told = []
        if payer:
            text = texts.cash_to_payer(
                owed,
                self.printed,
                agent=shown(agent.name),
                left_minor=event.left_minor,
                at=now,
                receipt=receipt,
            )
            told.append(_Said(payment, "success", payer, text))
        if agent.msisdn and payment.channel != "sms":
            text = texts.cash_to_agent(owed, self.printed, at=now, receipt=receipt, payer_msisdn=payer)
            told.append(_Said(payment, "agent", agent.msisdn, text))
        return told

    def _confirmation(self, event: Succeeded, now: datetime) -> Text:
        receipt = event.payment.receipt
        about = _about(event.payment, event)
        if not event.credited_minor:
            return self._nothing_paid(event, now)
        if event.rest_minor:
            return templates.paid_before(about, self.printed, left_minor=event.rest_minor, at=now)
        if event.was_late:
            return templates.paid_late(
                about, self.printed, left_minor=event.left_minor, at=now, receipt=receipt
            )
        if event.left_minor:
            return templates.paid_part(
                about, self.printed, left_minor=event.left_minor, at=now, receipt=receipt
            )
        return templates.paid(about, at=now, receipt=receipt)

    def _nothing_paid(self, event: Succeeded, now: datetime) -> Text:
        """Say that all of it is kept: for the payer, or until a person has decided."""
        payment = event.payment
        if not event.is_in_wallet:
            return templates.kept(_about(payment), at=now, receipt=payment.receipt)
        about = replace(_about(payment), amount_minor=event.kept_minor)
        if payment.channel in arrival_notes.BY_ITSELF and not payment.amount_minor:
            return arrival_texts.paid_early(about, self.printed, at=now, receipt=payment.receipt)
        if payment.contact_msisdn != payment.msisdn:
            return templates.kept_other(about, at=now, payer_msisdn=payment.msisdn)
        return templates.kept_twice(about, self.printed, at=now, receipt=payment.receipt)


@dataclass(frozen=True, slots=True)
class _Said:
    payment: Payment
    fact: str
    msisdn: str
    text: Text

    @property
    def fact_key(self) -> str:
        return f"payment:{self.payment.payment_id}:{self.fact}"


def _count(event: Event) -> None:
    if not isinstance(event, TakesLong | LinkReady | ReceiptCame):
        payment = event.payment
        PAYMENTS.labels(payment.provider, payment.status, payment.reason or "").inc()


def _about(payment: Payment, event: Succeeded | None = None) -> About:
    return About(
        amount_minor=event.credited_minor if event else payment.amount_minor,
        currency=payment.currency,
        tap_id=payment.tap_id,
        wallet=routing.NAMES[payment.provider],
        periods=event.periods if event else (payment.period,),
        is_kept=payment.provider == wallets.PROVIDER,
    )


async def _tenants(connection: AsyncConnection, events: Iterable[Event]) -> dict[str, Tenant]:
    ids = {e.payment.tenant_id for e in events if isinstance(e, Succeeded) and e.payment.tenant_id}
    return await taps_store.tenants_by_ids(connection, ids) if ids else {}
