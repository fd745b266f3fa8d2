"""Every SMS with its longest and its shortest data: what the checks look at (reference texts §4)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.i18n import Text
from sms import templates
from sms.templates import About, Printed


@dataclass(frozen=True, slots=True)
class Data:
    """The facts that all texts are filled with."""

    about: About
    printed: Printed
    left_minor: int
    receipt: str | None
    moment: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with data; `receipt` is what stands in it verbatim, empty for none."""

    text: Text
    receipt: str


_SHORT_RECEIPT = "SFF6XYZ123"
PRINTED = Printed("*384*1234#", "0211000000")
_MOMENT = datetime(2026, 11, 21, 6, 16, tzinfo=UTC)

LONGEST = Data(
    About(999_999, "ZMW", "CHZ-0417-3", "Zamtel Kwacha", ("2026-09", "2026-10", "2026-11")),
    PRINTED,
    999_999,
    "MP261121.0815.D08222",
    _MOMENT,
)
_PAGE = "https://payments.madzi.example.org/pay/Ab3_dE-fGh1jKlMn"
SHORTEST = Data(
    About(100, "KES", "KBR-0001-2", "M-PESA", ()),
    Printed("*384*7#", PRINTED.support_phone),
    100,
    None,
    datetime(2026, 11, 3, 6, 5, tzinfo=UTC),
)


def samples(data: Data) -> list[Sample]:
    """Return each text that there is, filled with `data`."""
    from sms import (  # these are built from this module's values
        arrival_samples,
        payout_samples,
        tenancy_samples,
    )
    from sms.inbound import samples as inbound

    about, printed, at, receipt = data.about, data.printed, data.moment, data.receipt
    left = data.left_minor
    kept = replace(about, is_kept=True)
    texts = [
        templates.wait_sms(about, printed, since=at),
        templates.wait_long(about, printed, since=at, until=at),
        templates.pay_link(about, url=_PAGE, until=at),
        templates.held(about, printed, until=at),
        templates.waits_start(about, printed, until=at),
        templates.paid(about, at=at, receipt=receipt),
        templates.paid_part(about, printed, left_minor=left, at=at, receipt=receipt),
        templates.paid_for_you(about, at=at),
        templates.paid_late(about, printed, left_minor=0, at=at, receipt=receipt),
        templates.paid_late(about, printed, left_minor=left, at=at, receipt=receipt),
        templates.kept(about, at=at, receipt=receipt),
        templates.kept_twice(about, printed, at=at, receipt=receipt),
        templates.kept_more(about, printed, at=at),
        templates.kept_other(about, at=at, payer_msisdn="+260977123456"),
        templates.paid_before(about, printed, left_minor=left, at=at),
        templates.paid(kept, at=at),
        templates.paid_part(kept, printed, left_minor=left, at=at),
        templates.expired(about, printed, at=at),
        templates.paid_already(about),
        templates.late_receipt(about, at=at, receipt=receipt or _SHORT_RECEIPT),
        templates.remind(about, printed, due=at.date(), is_late=False),
        templates.remind(about, printed, due=at.date(), is_late=True),
        templates.stopped(),
        templates.started(),
        *(templates.not_paid(about, printed, why, retry_at=at) for why in sorted(templates.REASONS)),
    ]
    return [
        *(Sample(text, receipt or "") for text in texts),
        *inbound.samples(data),
        *tenancy_samples.samples(data),
        *payout_samples.samples(data),
        *arrival_samples.samples(data),
    ]
