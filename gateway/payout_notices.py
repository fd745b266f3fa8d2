"""From what became true of a payout to the SMS that tells it, in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.i18n import Text
from core.ids import Ids
from payments import routing
from payments.payouts.desk import CASH, WALLET
from payments.payouts.events import Event, GivenBack, NotGivenBack, OnItsWay
from payments.payouts.records import Payout
from payments.records import Payment
from sms import outbound, payout_texts, templates
from sms.outbound import Notice
from sms.payout_texts import Back
from sms.templates import Printed
from sms.tenancy_texts import shown
from taps import store as taps_store

_CARD = "stripe"  # pays back to a card: the phone says nothing of it


@dataclass(frozen=True, slots=True)
class PayoutNotifier:
    """Enqueues SMS for events of payouts; each is told once, to who gets the money."""

    clock: Clock
    ids: Ids
    printed: Printed

    async def announce(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Enqueue every SMS that the events call for; what has ended at once is not told as on its way."""
        ended = {e.payout.payout_id for e in events if not isinstance(e, OnItsWay)}
        told = [e for e in events if not isinstance(e, OnItsWay) or e.payout.payout_id not in ended]
        known = await taps_store.customers(connection, {who for event in told if (who := _whom(event))})
        rows = []
        for event in told:
            msisdn = _whom(event)
            if not msisdn:
                continue  # nobody knows who paid, nor whom to tell in their place
            customer = known.get(msisdn)
            fact, text = self._said(event)
            notice = Notice(
                fact_key=f"payout:{event.payout.payout_id}:{fact}",
                msisdn=msisdn,
                language=(customer.language if customer else None) or "en",
                text=text,
                correlation_id=event.payout.correlation_id,
                payment_id=event.payout.payment_id,
            )
            rows.append(
                outbound.compose(
                    notice, sms_id=self.ids.new(), now=self.clock.now(), catalogues=templates.catalogues()
                )
            )
        await outbound.enqueue(connection, rows)

    def _said(self, event: Event) -> tuple[str, Text]:
        back = _back(event.payout, event.payment)
        match event:
            case OnItsWay():
                return "way", payout_texts.on_its_way(back)
            case NotGivenBack():
                return "failed", payout_texts.not_sent(back, self.printed)
            case GivenBack():
                return "sent", self._given(event, back)

    def _given(self, event: GivenBack, back: Back) -> Text:
        payout, now = event.payout, self.clock.now()
        if payout.account_id == CASH.account_id:
            agent = shown(payout.agent or "")
            return payout_texts.in_cash(back, self.printed, agent=agent, at=now)
        if payout.account_id == WALLET.account_id:
            return payout_texts.kept(back, self.printed)
        if event.reopened_minor:
            return payout_texts.sent_and_open(back, self.printed, at=now, receipt=payout.receipt)
        return payout_texts.sent(back, at=now, receipt=payout.receipt)


def _whom(event: Event) -> str:
    """Return who is told: who gets the money, else who was told that it had come."""
    return event.payout.msisdn or (event.payment.contact_msisdn if event.payment else "")


def _back(payout: Payout, payment: Payment | None) -> Back:
    return Back(
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        wallet=routing.NAMES[payout.provider],
        digits="" if payout.provider == _CARD else payout.msisdn[-4:],
        tap_id=payment.tap_id if payment else "",
    )
