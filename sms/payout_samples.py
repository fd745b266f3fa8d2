"""What a person hears of money that goes back, with longest and shortest data, for `sms.lint`."""

from sms import payout_texts as texts
from sms.payout_texts import Back
from sms.samples import LONGEST, Data, Sample


def samples(data: Data) -> list[Sample]:
    """Return each text of `sms.payout_texts`, filled with `data`."""
    about, printed, at, receipt = data.about, data.printed, data.moment, data.receipt
    is_long = data is LONGEST
    back = Back(
        about.amount_minor,
        about.currency,
        about.wallet,
        "3456" if is_long else "",
        about.tap_id if is_long else "",
        is_twice=is_long,
    )
    said = [
        Sample(texts.sent(back, at=at, receipt=receipt), receipt or ""),
        Sample(texts.sent_and_open(back, printed, at=at, receipt=receipt), receipt or ""),
    ]
    agent = "Mwansa Chilufya Bwa" if is_long else "Li"
    others = [
        texts.on_its_way(back),
        texts.in_cash(back, printed, agent=agent, at=at),
        texts.kept(back, printed),
        texts.not_sent(back, printed),
    ]
    return said + [Sample(text, "") for text in others]
