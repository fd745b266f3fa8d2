"""What each event says by SMS: typed values in, a Text out; the words are in `locale/` (reference texts §4).

A parameter that is itself a Text is a piece of the sentence. The pieces named in `CUTS` may be left out, in
that order, where the whole would not fit one segment (texts §3, M2); amount, tap and receipt never are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from itertools import pairwise
from typing import Any

from core import say
from core.i18n import Catalogues, Text
from core.money import display
from taps.periods import next_period

CUTS = ("help", "period", "when")
NOTHING = ""
REMIND_BEFORE, REMIND_AFTER = "remind", "remind.late"
REASONS = frozenset({"balance", "pin", "cancelled", "noanswer", "down", "limit", "other"})
_NAMED_ALONE = 2


@dataclass(frozen=True, slots=True)
class About:
    """The payment a text speaks of.

    `wallet` is the shown name (MTN MoMo); `periods` are the months it is for (`2026-11`), oldest first;
    `is_kept` says that the money was with us before: it has no receipt of a network.
    """

    amount_minor: int
    currency: str
    tap_id: str
    wallet: str
    periods: Sequence[str] = ()
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands on the plate of every tap: the code to dial and the number to call."""

    service_code: str
    support_phone: str


@cache
def catalogues() -> Catalogues:
    """Return the texts of SMS in every language."""
    return Catalogues.of("sms")


def wait_sms(about: About, printed: Printed, *, since: datetime) -> Text:
    """Say that the wallet was asked and what to do where no prompt came."""
    return _text("wait.sms", about, wallet=about.wallet, since=say.time(since), code=printed.service_code)


def wait_long(about: About, printed: Printed, *, since: datetime, until: datetime) -> Text:
    """Say that the wallet is silent, by when the next word comes, how to look, whom to call."""
    clock = {"since": say.time(since), "until": say.time(until)}
    code = printed.service_code
    return _text("wait.long", about, wallet=about.wallet, code=code, help=_help(printed), **clock)


def pay_link(about: About, *, url: str, until: datetime) -> Text:
    """Give the address of a page on which to pay by card; nothing stands right behind it."""
    return _text("link", about, period=_period(about), url=url, until=say.stamp(until))


def held(about: About, printed: Printed, *, until: datetime) -> Text:
    """Say that the wallet's provider does not work, and until when it is tried again."""
    return _text("held", about, wallet=about.wallet, until=say.time(until), help=_help(printed))


def waits_start(about: About, printed: Printed, *, until: datetime) -> Text:
    """Say that the provider works again and asks now, as was wanted; by when the prompt must be there."""
    return _text("waits.start", about, wallet=about.wallet, until=say.time(until), code=printed.service_code)


def paid(about: About, *, at: datetime, receipt: str | None = None) -> Text:
    """Say that everything is paid; a rail may give no receipt."""
    return _text("paid", about, when=_at(at), period=_period(about), receipt=_receipt(about, receipt))


def paid_part(
    about: About, printed: Printed, *, left_minor: int, at: datetime, receipt: str | None = None
) -> Text:
    """Say what is paid and what is left to pay."""
    left = {"left": display(left_minor, about.currency), "code": printed.service_code}
    pieces = {"when": _at(at), "period": _period(about), "receipt": _receipt(about, receipt)}
    return _text("paid.part", about, **left, **pieces)


def paid_before(about: About, printed: Printed, *, left_minor: int, at: datetime) -> Text:
    """Say what is paid from money that we kept, before the network is asked for the rest."""
    left = {"left": display(left_minor, about.currency), "code": printed.service_code}
    return _text("paid.before", about, when=_at(at), period=_period(about), **left)


def paid_for_you(about: About, *, at: datetime) -> Text:
    """Say to a tenant that somebody else paid their part: `about` holds that part."""
    return _text("paid.foryou", about, when=_at(at), period=_period(about))


def paid_late(
    about: About, printed: Printed, *, left_minor: int, at: datetime, receipt: str | None = None
) -> Text:
    """Say that money came after all, although it was told as not paid."""
    pieces = {"when": _on(at), "period": _period(about), "receipt": _receipt(about, receipt)}
    if not left_minor:
        return _text("paid.late", about, **pieces)
    left = {"left": display(left_minor, about.currency), "code": printed.service_code}
    return _text("paid.late.part", about, **left, **pieces)


def kept(about: About, *, at: datetime, receipt: str | None = None) -> Text:
    """Say that money which does not fit what was asked is kept; `about` holds the amount that is."""
    return _text("kept", about, when=_on(at), receipt=_receipt(about, receipt))


def kept_twice(about: About, printed: Printed, *, at: datetime, receipt: str | None = None) -> Text:
    """Say to a payer that money for a debt which was paid already is kept for their next bill."""
    pieces = {"when": _on(at), "receipt": _receipt(about, receipt)}
    return _text("kept.twice", about, phone=printed.support_phone, **pieces)


def kept_more(about: About, printed: Printed, *, at: datetime) -> Text:
    """Say to a payer that what came too much is kept for their next bill; `about` holds that."""
    return _text("kept.more", about, phone=printed.support_phone, when=_on(at))


def kept_other(about: About, *, at: datetime, payer_msisdn: str) -> Text:
    """Say to whoever asked that the debt was paid already, and for whom the money is kept."""
    return _text("kept.other", about, when=_on(at), digits=payer_msisdn[-4:])


def expired(about: About, printed: Printed, *, at: datetime) -> Text:
    """Say that the time to pay is over, and what happens if money was taken all the same."""
    return _text("expired", about, when=_on(at), code=printed.service_code)


def not_paid(about: About, printed: Printed, reason: str, *, retry_at: datetime) -> Text:
    """Say why nothing was taken and what to do; a reason that we do not know is told as `other`.

    `retry_at` is when it is worth trying again: only said where the wallet is down.
    """
    params: dict[str, Any] = {"wallet": about.wallet, "code": printed.service_code}
    key = reason if reason in REASONS else "other"
    extra: dict[str, dict[str, Any]] = {
        "down": {"until": say.time(retry_at)},
        "other": {"help": _help(printed)},
    }
    return _text(f"fail.{key}", about, **params, **extra.get(key, {}))


def paid_already(about: About) -> Text:
    """Say that the debt was paid meanwhile and nothing was taken."""
    return _text("fail.paid_already", about)


def late_receipt(about: About, *, at: datetime, receipt: str) -> Text:
    """Give the network's receipt of a payment that was told as paid before the network had given it."""
    pieces = {"when": _on(at), "period": _period(about), "receipt": _receipt(about, receipt)}
    return _text("paid.receipt", about, **pieces)


def remind(about: About, printed: Printed, *, due: date, is_late: bool) -> Text:
    """Say what is still to be paid, before its last day or after it; `about` names no wallet."""
    day = say.date(datetime.combine(due, time(12), say.LOCAL))
    key = REMIND_AFTER if is_late else REMIND_BEFORE
    return _text(key, about, period=_period(about), due=day, code=printed.service_code)


def stopped() -> Text:
    """Answer STOP."""
    return Text("stop")


def started() -> Text:
    """Answer START."""
    return Text("start")


def _text(key: str, about: About, **params: Any) -> Text:
    return Text(key, {"amount": display(about.amount_minor, about.currency), "tap": about.tap_id, **params})


def _at(moment: datetime) -> Text:
    return Text("part.at", {"at": say.stamp(moment)})


def _on(moment: datetime) -> Text:
    return Text("part.on", {"at": say.stamp(moment)})


def _help(printed: Printed) -> Text:
    return Text("part.help", {"phone": printed.support_phone})


def _receipt(about: About, receipt: str | None) -> Text | str:
    """Give the network's number verbatim (M7), nothing where none was said, or say that we had the money."""
    if about.is_kept:
        return Text("part.fromkept")
    return Text("part.receipt", {"wallet": about.wallet, "receipt": receipt}) if receipt else NOTHING


def _period(about: About) -> Text | str:
    months = sorted(set(about.periods))
    if not months:
        return NOTHING
    if all(next_period(one) == other for one, other in pairwise(months)):
        return Text("part.period", {"period": say.periods(months)})
    if len(months) == _NAMED_ALONE:
        return Text("part.period", {"period": ", ".join(say.period(month) for month in months)})
    return Text("part.months", {"count": len(months)})
