"""What people hear of money that came by itself, and agents of cash that they hand in."""

from datetime import datetime

from core import say
from core.i18n import Text
from core.money import display
from sms.templates import About, Printed


def which_tap(
    amount_minor: int, currency: str, wallet: str, printed: Printed, *, at: datetime, receipt: str
) -> Text:
    """Ask a payer for the tap that their money is for; a call says it."""
    return Text(
        "wait.which",
        {
            "amount": display(amount_minor, currency),
            "when": Text("part.on", {"at": say.stamp(at)}),
            "phone": printed.support_phone,
            "receipt": Text("part.receipt", {"wallet": wallet, "receipt": receipt}),
        },
    )


def paid_early(about: About, printed: Printed, *, at: datetime, receipt: str | None) -> Text:
    """Say that nothing was to pay, and that the money is kept for the next bill."""
    params = {"amount": display(about.amount_minor, about.currency), "tap": about.tap_id}
    when = Text("part.on", {"at": say.stamp(at)})
    end = Text("part.receipt", {"wallet": about.wallet, "receipt": receipt}) if receipt else ""
    return Text("paid.early", {**params, "when": when, "phone": printed.support_phone, "receipt": end})


def handed_in(
    amount_minor: int, left_minor: int, currency: str, printed: Printed, *, at: datetime, number: str
) -> Text:
    """Say to an agent what they have handed in, and what they still hold."""
    return Text(
        "cash.handin",
        {
            "amount": display(amount_minor, currency),
            "left": display(left_minor, currency),
            "when": Text("part.on", {"at": say.stamp(at)}),
            "phone": printed.support_phone,
            "receipt": number,
        },
    )
