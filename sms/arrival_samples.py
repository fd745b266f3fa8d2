"""What people hear of money that came by itself, with longest and shortest data, for `sms.lint`."""

from sms import arrival_texts as texts
from sms.samples import Data, Sample

_SHORT_RECEIPT = "SFF6XYZ123"


def samples(data: Data) -> list[Sample]:
    """Return each text of `sms.arrival_texts`, filled with `data`."""
    about, printed, at = data.about, data.printed, data.moment
    receipt = data.receipt or _SHORT_RECEIPT
    asks = texts.which_tap(about.amount_minor, about.currency, about.wallet, printed, at=at, receipt=receipt)
    handed = texts.handed_in(
        about.amount_minor, data.left_minor, about.currency, printed, at=at, number="H-000012"
    )
    return [
        Sample(asks, receipt),
        Sample(texts.paid_early(about, printed, at=at, receipt=data.receipt), data.receipt or ""),
        Sample(handed, "H-000012"),
    ]
