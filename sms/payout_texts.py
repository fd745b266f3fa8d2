"""What a person hears of money that goes back to them: values in, a Text out (reference texts §3, M5, M8).

Fraud speaks of money to be sent back: these never ask for anything, and say that nobody will call.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import say
from core.i18n import Text
from core.money import display
from sms.templates import NOTHING, Printed


@dataclass(frozen=True, slots=True)
class Back:
    """Money that goes back.

    `wallet` is the shown name (MTN MoMo), `digits` the last four of the number that gets it, empty where it
    is no number (a card); `tap_id` is what had been paid, empty where it is money that we kept.
    """

    amount_minor: int
    currency: str
    wallet: str
    digits: str
    tap_id: str = ""
    is_twice: bool = False


def on_its_way(back: Back) -> Text:
    """Say that the wallet has been told to give it back."""
    return _text("back.way", back)


def sent(back: Back, *, at: datetime, receipt: str | None) -> Text:
    """Say that it is there."""
    return _text("back.sent", back, when=_when(at), receipt=_receipt(receipt))


def sent_and_open(back: Back, printed: Printed, *, at: datetime, receipt: str | None) -> Text:
    """Say that it is there, and that what it had paid is to be paid again."""
    code = printed.service_code
    return _text("back.open", back, code=code, when=_when(at), receipt=_receipt(receipt))


def in_cash(back: Back, printed: Printed, *, agent: str, at: datetime) -> Text:
    """Say that an agent gives it back in cash."""
    return _text("back.cash", back, agent=agent, phone=printed.support_phone, when=_when(at))


def kept(back: Back, printed: Printed) -> Text:
    """Say that it is again what we keep for the person."""
    return _text("back.kept", back, phone=printed.support_phone)


def not_sent(back: Back, printed: Printed) -> Text:
    """Say that the wallet has refused it, that it is safe, and who sees to it."""
    return _text("back.failed", back, help=Text("part.help", {"phone": printed.support_phone}))


def _text(key: str, back: Back, **params: Any) -> Text:
    what = Text("part.for", {"tap": back.tap_id}) if back.tap_id else NOTHING
    said = {
        "amount": display(back.amount_minor, back.currency),
        "what": what,
        "why": Text("part.twice") if back.is_twice else NOTHING,
        "to": _to(back),
    }
    return Text(key, {**said, **params})


def _to(back: Back) -> Text:
    if not back.digits:
        return Text("part.to", {"wallet": back.wallet})
    return Text("part.toending", {"wallet": back.wallet, "digits": back.digits})


def _when(at: datetime) -> Text:
    return Text("part.at", {"at": say.stamp(at)})


def _receipt(receipt: str | None) -> Text | str:
    return Text("part.number", {"receipt": receipt}) if receipt else NOTHING
