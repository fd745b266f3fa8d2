"""Answers to people's SMS with their longest and shortest data, for the checks of `sms.lint`."""

from collections.abc import Iterator
from datetime import date

from core.i18n import Text
from sms.inbound import texts
from sms.inbound.commands import Command, Why, Word
from sms.inbound.texts import Counts, Owed
from sms.inbound.writing import canonical, example
from sms.samples import LONGEST, Data, Sample

_PHONE = "+260977123456"
_CASH_RECEIPT = "C-004217"
_LAST_DAY = date(2026, 11, 30)


def samples(data: Data) -> list[Sample]:
    """Return each text of `sms.inbound.texts`, filled with `data`."""
    about = data.about
    owed = Owed(about.tap_id, about.amount_minor, about.currency, about.periods)
    said = [*_asking(data), *_owing(data, owed), *_paying(data, owed), *_staff(data, owed)]
    # A caretaker sees the number that they typed (texts §3, M8).
    return [Sample(text, "0977123456") for text in said] + [
        Sample(t, _CASH_RECEIPT) for t in _cash(data, owed)
    ]


def _asking(data: Data) -> Iterator[Text]:
    printed, tap, is_long = data.printed, data.about.tap_id, data is LONGEST
    name = "Mutinta Hamoonga-Lu" if is_long else "Jo"
    registered = canonical(Command(Word.REG, tap, _PHONE, number=12 if is_long else None, text=name))
    pay = canonical(Command(Word.PAY, tap, amount="9999.99" if is_long else "1"))
    yield texts.together("Madzi: To pay: K30.00 for KNY-0417-1, Nov. Send: PAY KNY-0417-1")
    yield texts.not_allowed(Word.UNDO if is_long else Word.REG, printed)
    yield texts.not_allowed(Word.BEHIND if is_long else Word.WHO, printed)
    yield texts.not_your_zone(tap, printed)
    words = (*texts.RESIDENTS, *texts.CARETAKERS) if is_long else texts.RESIDENTS
    yield texts.unknown(words, printed)
    yield texts.helps(words, printed)
    yield texts.shows(registered, printed)
    yield texts.near([registered])
    yield texts.near([pay, pay])
    yield texts.near_tap("CHZ-04173-3" if is_long else "241730", tap, registered)
    yield texts.no_tap("CHZ-04173-3" if is_long else "241730", printed)
    for why in texts.NEEDS:
        word = Word.FLAG if why is Why.NO_WORDS else Word.REG
        yield texts.needs(why, word, example(word))
    yield texts.which_language()
    yield texts.fewer(10)


def _owing(data: Data, owed: Owed) -> Iterator[Text]:
    printed, is_long = data.printed, data is LONGEST
    kept = ["K9999.99"] if is_long else []
    yield texts.balance(owed, printed, is_part=False, kept=kept)
    yield texts.balance(owed, printed, is_part=True, kept=kept)
    last = (owed.amount_minor, data.moment) if is_long else None
    yield texts.nothing_owed(owed.tap_id, last, owed.currency, kept)
    yield texts.balances([owed] * (9 if is_long else 2), printed, kept)
    yield texts.nothing_owed_anywhere(9 if is_long else 2, kept)
    yield texts.under_way(owed, since=data.moment, until=data.moment)
    yield texts.no_payment(printed)
    yield texts.last_paid(owed, data.about.wallet, data.moment)
    yield texts.last_not_paid(owed, data.about.wallet, data.moment, printed)
    yield texts.language_set()


def _paying(data: Data, owed: Owed) -> Iterator[Text]:
    printed, wallet = data.printed, data.about.wallet
    payee = "CHAZANGA WATER TRUST" if data is LONGEST else "KWT"
    line = canonical(Command(Word.PAY, owed.tap_id, amount="10000"))
    yield texts.pin_next(owed, printed, wallet=wallet, payee=payee, until=data.moment)
    yield texts.pin_queued(owed, printed, until=data.moment)
    yield texts.which_tap([line, line], 9)
    yield texts.more_than_owed(owed, 999_999, line)
    yield texts.cannot_be_moved(owed, wallet, line)
    yield texts.no_wallet(owed.tap_id, printed)
    yield texts.over_limit(owed, printed)
    yield texts.paid_from_kept(owed)


def _staff(data: Data, owed: Owed) -> Iterator[Text]:
    is_long = data is LONGEST
    tenants = Counts(12, 12, 12, data.moment) if is_long else Counts(open=1)
    since = data.moment if is_long else None
    names = ["Mutinta Hamoonga-Lungu"] * 12 if is_long else ["Jo"]
    older = owed if is_long else Owed(owed.tap_id, 0, owed.currency)
    yield texts.status(owed, owed.amount_minor, tenants, _LAST_DAY, older=older)
    yield texts.status_shared(owed, 0, since, _LAST_DAY, older=older)
    yield texts.status_shared(owed, 0, None, _LAST_DAY, older=older, last_payer=("3456", data.moment))
    yield texts.who(owed.tap_id, "2026-11", names, 12)
    yield texts.who(owed.tap_id, "2026-11", [], 12 if is_long else 1)
    yield texts.behind([owed] * (4 if is_long else 1), 97 if is_long else 0)
    yield texts.none_behind()
    yield texts.unknown_zone("KNY")
    yield texts.flagged(owed.tap_id, "F-004217" if is_long else "F-0001", is_new=True)
    yield texts.flagged(owed.tap_id, "F-004217" if is_long else "F-0001", is_new=False)
    yield Text("flag.ok.nowhere", {"reference": "F-004217" if is_long else "F-0001"})


def _cash(data: Data, owed: Owed) -> Iterator[Text]:
    printed, at, is_long = data.printed, data.moment, data is LONGEST
    payer, agent = (_PHONE, "Mutinta Hamoonga") if is_long else (None, "J Phiri")
    yield texts.cash_to_agent(owed, printed, at=at, receipt=_CASH_RECEIPT, payer_msisdn=payer)
    for left_minor in (0, data.left_minor):
        yield texts.cash_to_payer(
            owed, printed, agent=agent, left_minor=left_minor, at=at, receipt=_CASH_RECEIPT
        )
    yield texts.whose_cash(owed.tap_id, example(Word.CASH))
    yield texts.cash_refused(owed.tap_id, printed)
