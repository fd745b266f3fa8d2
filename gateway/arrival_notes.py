"""What is told of money that has no payment: to the payer whose tap nobody knows, and to an agent."""

from dataclasses import dataclass
from datetime import datetime

from core.i18n import Text
from payments import routing
from payments.events import CashHandedIn, Note, Unmatched
from payments.hand_in import number_of
from sms import arrival_texts
from sms.templates import Printed

# Channels of payments that no person began with us (`payments.commands.Arrive.cause`).
BY_ITSELF = frozenset({"c2b", "ipn", "pull", "status"})


@dataclass(frozen=True, slots=True)
class Said:
    """An SMS to one person about one fact."""

    fact_key: str
    msisdn: str
    text: Text


def told(note: Note, printed: Printed, now: datetime) -> Said:
    """Return what a note says, and to whom; nobody where the number is not known in full."""
    match note:
        case Unmatched(credit=credit, provider=provider):
            text = arrival_texts.which_tap(
                credit.amount_minor,
                credit.currency,
                routing.NAMES[provider],
                printed,
                at=now,
                receipt=credit.receipt or "",
            )
            return Said(f"arrival:{credit.credit_id}:which", credit.msisdn or "", text)
        case CashHandedIn():
            number = number_of(note.number)
            text = arrival_texts.handed_in(
                note.amount_minor, note.left_minor, note.currency, printed, at=now, number=number
            )
            return Said(f"hand_in:{note.number}", note.agent.msisdn, text)
