"""How SMS are answered: typed values in, a Text out; the words are in `sms/locale/` (reference texts §3, §4).

`line` is always a line that can be sent as it stands. Texts of payments, of a caretaker's changes and of STOP
and START have modules of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core import say
from core.i18n import Text
from core.money import display
from sms.inbound.commands import Why, Word
from sms.templates import NOTHING, Printed

RESIDENTS = (Word.BAL, Word.PAY, Word.LAST, Word.HELP)
MORE_FOR_RESIDENTS = (Word.LANG, Word.STOP, Word.START)  # told where there is room
CARETAKERS = (Word.REG, Word.MOVE, Word.REMOVE, Word.COUNT, Word.LIST, Word.FLAG, Word.UNDO)
AGENTS = (Word.STATUS, Word.WHO, Word.BEHIND, Word.CASH)

# Refusals that say what a keyword needs, and show a line that has it.
NEEDS = {
    Why.NO_TAP: "need.tap",
    Why.NO_PHONE: "need.phone",
    Why.NO_NAME: "need.name",
    Why.NO_AMOUNT: "need.amount",
    Why.NO_NUMBER: "need.number",
    Why.NO_WORDS: "need.words",
    Why.LONG_NAME: "need.shorter",
    Why.UNCLEAR: "need.less",
}
_MOST_LISTED = 4
_LONGEST_NAMES = 60


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open on a tap, or a tenant's part of it."""

    tap_id: str
    amount_minor: int
    currency: str
    periods: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How a tap stands in a period; `waiting_since` is when the oldest payment under way began."""

    paid: int = 0
    open: int = 0
    waiting: int = 0
    waiting_since: datetime | None = None


def together(said: str) -> Text:
    """Return several answers, already in words, as one SMS; it may take more than one segment."""
    return Text("replies", {"said": said})


# Who may do what


def not_allowed(word: Word, printed: Printed) -> Text:
    """Say to somebody without the role what they may do instead."""
    key = "notallowed.agent" if word in AGENTS else "notallowed"
    return Text(key, {"word": word.value, "phone": printed.support_phone})


def not_your_zone(tap_id: str, printed: Printed) -> Text:
    """Say to an agent that a tap belongs to others, and nothing of it."""
    return Text("notyourzone", {"tap": tap_id, "phone": printed.support_phone})


def not_yours(tap_id: str, printed: Printed) -> Text:
    """Say to a caretaker that a tap is not theirs."""
    return Text("reg.notyours", {"tap": tap_id, "phone": printed.support_phone})


# What was not understood


def unknown(words: Sequence[Word], printed: Printed) -> Text:
    """Say which keywords there are for this person."""
    return Text("unknown", {"words": _words(words), "phone": printed.support_phone})


def helps(words: Sequence[Word], printed: Printed) -> Text:
    """Answer HELP with the person's keywords and the code to dial."""
    return Text(
        "help",
        {"words": _words(words), "code": printed.service_code, "phone": printed.support_phone},
    )


def shows(line: str, printed: Printed) -> Text:
    """Answer HELP with a keyword by a line that uses it."""
    return Text("help.word", {"line": line, "phone": printed.support_phone})


def near(lines: Sequence[str]) -> Text:
    """Ask what was meant; of many ways the first two are shown."""
    if len(lines) == 1:
        return Text("near", {"line": lines[0]})
    return Text("near.two", {"line": lines[0], "other": lines[1]})


def near_tap(typed: str, tap: str, line: str) -> Text:
    """Say that there is no such tap, and offer the one that was likely meant."""
    return Text("tap.near", {"typed": typed, "tap": tap, "line": line})


def no_tap(typed: str, printed: Printed) -> Text:
    """Say that there is no such tap."""
    return Text("tap.none", {"typed": typed, "phone": printed.support_phone})


def needs(why: Why, word: Word, line: str) -> Text:
    """Say what a keyword needs; raises KeyError for a reason that is no need."""
    return Text(NEEDS[why], {"word": word.value, "line": line})


def which_language() -> Text:
    """Ask which language LANG means."""
    return Text("need.language")


def fewer(count: int) -> Text:
    """Say that only the first commands of an SMS were carried out."""
    return Text("need.fewer", {"count": count})


def _words(words: Sequence[Word]) -> str:
    return ", ".join(words)


# What is owed


def balance(owed: Owed, printed: Printed, *, is_part: bool, kept: Sequence[str] = ()) -> Text:
    """Say what is to pay on a tap, or the person's own part of it; `kept` is what we keep for them."""
    params = {**_owed(owed), "period": _period(owed.periods), "code": printed.service_code}
    params["help"] = _keeping(kept)
    return Text("bal.part" if is_part else "bal", params)


def nothing_owed(
    tap_id: str, last_paid: tuple[int, datetime] | None, currency: str, kept: Sequence[str] = ()
) -> Text:
    """Say that all is paid, and what was paid last."""
    paid: Text | str = NOTHING
    if last_paid:
        amount = display(last_paid[0], currency)
        paid = Text("part.lastpaid", {"amount": amount, "date": say.date(last_paid[1])})
    return Text("bal.none", {"tap": tap_id, "paid": paid, "help": _keeping(kept)})


def balances(owed: Sequence[Owed], printed: Printed, kept: Sequence[str] = ()) -> Text:
    """Say what is to pay on several taps; those after the fourth are only counted."""
    taps = [f"{one.tap_id} {display(one.amount_minor, one.currency)}" for one in owed]
    return Text("bal.some", {**_list(taps), "code": printed.service_code, "help": _keeping(kept)})


def nothing_owed_anywhere(count: int, kept: Sequence[str] = ()) -> Text:
    """Say that nothing is to pay on any of a person's taps."""
    return Text("bal.allpaid", {"count": count, "help": _keeping(kept)})


def _keeping(kept: Sequence[str]) -> Text | str:
    """Say what we keep for a person, amounts of different currencies side by side."""
    return Text("part.keeping", {"amount": ", ".join(kept)}) if kept else NOTHING


def under_way(owed: Owed, *, since: datetime, until: datetime) -> Text:
    """Say that somebody is paying this, and when to look again (rule S11: a second payer is told too)."""
    return Text("wait.bal", {**_owed(owed), "since": say.time(since), "until": say.time(until)})


# Paying


def pin_next(owed: Owed, printed: Printed, *, wallet: str, payee: str, until: datetime) -> Text:
    """Say whose box will ask for the PIN, for what, and what to do where none comes."""
    return Text(
        "pin.sms",
        {
            **_owed(owed),
            "wallet": wallet,
            "payee": payee,
            "until": say.time(until),
            "code": printed.service_code,
        },
    )


def pin_queued(owed: Owed, printed: Printed, *, until: datetime) -> Text:
    """Say that another prompt goes first."""
    return Text("pin.queued", {**_owed(owed), "until": say.time(until), "code": printed.service_code})


def which_tap(lines: Sequence[str], count: int) -> Text:
    """Ask which of the person's taps is to be paid."""
    return Text("pay.which", {"count": count, "line": lines[0], "other": lines[1]})


def more_than_owed(owed: Owed, amount_minor: int, line: str) -> Text:
    """Say that the amount is more than what is open; `owed` is that."""
    params = {"amount": display(amount_minor, owed.currency), "tap": owed.tap_id}
    return Text("pay.more", {**params, "left": display(owed.amount_minor, owed.currency), "line": line})


def cannot_be_moved(owed: Owed, wallet: str, line: str) -> Text:
    """Say that this wallet cannot move such an amount: too small, too large, not whole."""
    return Text("pay.unit", {**_owed(owed), "wallet": wallet, "line": line})


def no_wallet(tap_id: str, printed: Printed) -> Text:
    """Say that this number has no wallet that can pay this tap."""
    return Text("pay.nowallet", {"tap": tap_id, "code": printed.service_code})


def over_limit(owed: Owed, printed: Printed) -> Text:
    """Say that the payment is above what one number may pay."""
    return Text("pay.limit", {**_owed(owed), "code": printed.service_code})


def paid_from_kept(owed: Owed) -> Text:
    """Say that money which we kept has paid all of it, and no network is asked."""
    return Text("pay.kept", _owed(owed))


# The last payment


def no_payment(printed: Printed) -> Text:
    """Say that this phone has not paid yet."""
    return Text("last.none", {"code": printed.service_code})


def last_paid(owed: Owed, wallet: str, at: datetime) -> Text:
    """Say that the last payment was paid; its receipt stands in the SMS of that day and nowhere else."""
    return Text("last.paid", {**_owed(owed), "wallet": wallet, "at": say.stamp(at)})


def last_not_paid(owed: Owed, wallet: str, at: datetime, printed: Printed) -> Text:
    """Say that the last payment was not paid."""
    return Text(
        "last.notpaid",
        {**_owed(owed), "wallet": wallet, "at": say.stamp(at), "code": printed.service_code},
    )


# Language


def language_set() -> Text:
    """Say, in the new language, that it holds."""
    return Text("lang.set")


# Agents


def status(owed: Owed, paid_minor: int, counts: Counts, due: date, *, older: Owed) -> Text:
    """Say how an individualized tap stands: `owed` is what was billed, `older` is open of bills before."""
    waiting: Text | str = NOTHING
    if counts.waiting_since:
        waiting = Text("part.since", {"since": say.time(counts.waiting_since)})
    numbers = {"done": counts.paid, "open": counts.open, "waiting": counts.waiting, "since": waiting}
    names = Text("part.sendwho", {"tap": owed.tap_id})
    about = {**_billed(owed, paid_minor), **_due(due), **_older(older)}
    return Text("status.sms", {**about, **numbers, "help": names})


def status_shared(
    owed: Owed,
    paid_minor: int,
    waiting_since: datetime | None,
    due: date,
    *,
    older: Owed,
    last_payer: tuple[str, datetime] | None = None,
) -> Text:
    """Say how a shared tap stands in a period; `last_payer` is the end of a phone and when it paid."""
    payer: Text | str = NOTHING
    if waiting_since:
        payer = Text("part.waiting", {"since": say.time(waiting_since)})
    elif last_payer:
        payer = Text("part.payer", {"digits": last_payer[0], "date": say.date(last_payer[1])})
    how = Text("part.sendpay", {"tap": owed.tap_id})
    about = {**_billed(owed, paid_minor), **_due(due), **_older(older)}
    return Text("status.shared", {**about, "payer": payer, "help": how})


def who(tap_id: str, period: str, not_paid: Sequence[str], paid: int) -> Text:
    """Name the tenants of a tap who have not paid; those who do not fit are only counted."""
    params = {"tap": tap_id, "period": _period([period])}
    if not not_paid:
        return Text("who.allpaid", {**params, "count": paid})
    return Text("who", {**params, **_list(_fitting(not_paid), len(not_paid)), "done": paid})


def behind(owed: Sequence[Owed], more: int) -> Text:
    """Name the taps that are furthest behind; `more` are not named."""
    taps = [f"{one.tap_id} {display(one.amount_minor, one.currency)}" for one in owed]
    return Text("behind", _list(taps, len(taps) + more))


def none_behind() -> Text:
    """Say that no tap is behind."""
    return Text("behind.none")


def unknown_zone(zone: str) -> Text:
    """Say that a zone is not one of the agent's; `zone` is one that is."""
    return Text("behind.zone", {"line": f"{Word.BEHIND} {zone}"})


# Flags and cash


def flagged(tap_id: str, reference: str, *, is_new: bool) -> Text:
    """Say that a report is kept, under which reference."""
    return Text("flag.ok" if is_new else "flag.again", {"tap": tap_id, "reference": reference})


def cash_to_agent(
    owed: Owed, printed: Printed, *, at: datetime, receipt: str, payer_msisdn: str | None
) -> Text:
    """Say to an agent what was recorded; `owed` holds the amount."""
    told = Text("part.told", {"digits": payer_msisdn[-4:]}) if payer_msisdn else NOTHING
    params = {**_owed(owed), "when": say.stamp(at), "told": told, "phone": printed.support_phone}
    return Text("cash.agent", {**params, "receipt": receipt})


def cash_to_payer(
    owed: Owed, printed: Printed, *, agent: str, left_minor: int, at: datetime, receipt: str
) -> Text:
    """Say to the payer of cash what was recorded, by whom, and what is left to pay."""
    params: dict[str, Any] = {
        **_owed(owed),
        "period": _period(owed.periods),
        "agent": agent,
        "at": say.stamp(at),
        "phone": printed.support_phone,
        "receipt": receipt,
    }
    if not left_minor:
        return Text("cash.payer", params)
    return Text("cash.payer.part", {**params, "left": display(left_minor, owed.currency)})


def whose_cash(tap_id: str, line: str) -> Text:
    """Ask whose part of what several tenants owe this cash is."""
    return Text("cash.whose", {"tap": tap_id, "line": line})


def cash_refused(tap_id: str, printed: Printed) -> Text:
    """Say that cash was not recorded."""
    return Text("cash.no", {"tap": tap_id, "phone": printed.support_phone})


def _owed(owed: Owed) -> dict[str, Any]:
    return {"amount": display(owed.amount_minor, owed.currency), "tap": owed.tap_id}


def _billed(owed: Owed, paid_minor: int) -> dict[str, Any]:
    return {**_owed(owed), "paid": display(paid_minor, owed.currency), "period": _period(owed.periods)}


def _period(periods: Sequence[str]) -> Text | str:
    return Text("part.period", {"period": say.periods(periods)}) if periods else NOTHING


def _due(due: date) -> dict[str, Any]:
    return {"when": Text("part.due", {"due": _day(due)})}


def _older(older: Owed) -> dict[str, Any]:
    amount = display(older.amount_minor, older.currency)
    return {"older": Text("part.older", {"amount": amount}) if older.amount_minor > 0 else NOTHING}


def _day(day: date) -> str:
    return say.date(datetime(day.year, day.month, day.day, 12, tzinfo=say.LOCAL))


def _list(items: Sequence[str], count: int | None = None) -> dict[str, Any]:
    """Return the first few items in one line, and how many more there are."""
    shown = items[:_MOST_LISTED]
    more = (len(items) if count is None else count) - len(shown)
    return {"list": ", ".join(shown), "more": f" +{more}" if more else NOTHING}


def _fitting(names: Sequence[str]) -> list[str]:
    """Return the first names that fit the SMS together, at least one."""
    shown = [names[0][:_LONGEST_NAMES]]
    for name in names[1:]:
        if len(", ".join([*shown, name])) > _LONGEST_NAMES:
            break
        shown.append(name)
    return shown
