"""From one line of an SMS and the facts to its answer, or to what is to be done first: pure."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import BadAmount
from core.i18n import Text
from core.money import Money, typed
from gateway import sms_owed, sms_staff
from gateway.sms_acts import Act, Cash, Flagging, Paying, Reminders, Speaking, Tenancy
from gateway.sms_asked import Line
from gateway.sms_facts import Facts, likely, zones_for
from payments import routing
from payments.commands import Pay, RecordCash
from payments.records import Agent
from payments.wallet import accounts as wallets
from sms.inbound import Command, Refusal, Why, Word, canonical, read, texts
from sms.inbound.texts import AGENTS, CARETAKERS, MORE_FOR_RESIDENTS, RESIDENTS
from sms.inbound.writing import EXAMPLES
from sms.templates import Printed
from taps.flags_model import FlagKind, Report, Source
from taps.model import Tap
from taps.tenancies import commands as tenancies

_SEEN_BY_CARETAKERS = frozenset({Word.STATUS, Word.WHO})


@dataclass(frozen=True, slots=True)
class Desk:
    """What deciding knows besides the line: facts, the plate, the rails that are configured, the time."""

    facts: Facts
    printed: Printed
    rails: Collection[str]
    now: datetime


def decide(line: Line, desk: Desk) -> Text | Act:
    """Return the answer to a line, or what must be done before it can be answered."""
    word = line.word
    if word and not is_allowed(line, word):
        return texts.not_allowed(word, desk.printed)
    if isinstance(line.asked, Refusal):
        return _question(line, line.asked, desk)
    return _DO[line.asked.word](line, line.asked, desk)


def is_allowed(line: Line, word: Word) -> bool:
    """Say whether this person may use a word at all; where, is another question."""
    person = line.person
    if word in _SEEN_BY_CARETAKERS:
        return person.is_caretaker or person.staff is not None
    if word in CARETAKERS:
        return person.is_caretaker
    return word not in AGENTS or person.staff is not None


def words_of(line: Line) -> tuple[Word, ...]:
    """Return the words that this person is told of."""
    if line.person.is_caretaker and line.person.staff:
        return (Word.PAY, *CARETAKERS, *AGENTS)  # all of them would not fit one SMS
    if line.person.is_caretaker:
        return (*RESIDENTS, *CARETAKERS)
    return (*RESIDENTS, *(AGENTS if line.person.staff else MORE_FOR_RESIDENTS))


# What was not understood


def _question(line: Line, refusal: Refusal, desk: Desk) -> Text:
    match refusal:
        case Refusal(why=Why.NEAR, meant=meant):
            return texts.near([canonical(command, line.country) for command in meant])
        case Refusal(why=Why.WRONG_TAP, typed=wrong, meant=(command, *_)):
            return no_such_tap(line, command, wrong, desk)
        case Refusal(why=Why.NO_LANGUAGE):
            return texts.which_language()
        case Refusal(why=Why.TOO_MANY):
            return texts.fewer(line.number)
        case Refusal(why=why, word=Word() as word):
            return texts.needs(why, word, own_example(line, word))
    return texts.unknown(words_of(line), desk.printed)


def own_example(line: Line, word: Word) -> str:
    """Return a line that shows how a word is used, with a tap of the person's own where there is one."""
    example = EXAMPLES.get(word, Command(word))
    if example.tap and line.person.own_taps:
        example = replace(example, tap=line.person.own_taps[0])
    return canonical(example, line.country)


def no_such_tap(line: Line, command: Command, wrong: str, desk: Desk) -> Text:
    """Offer the tap that was likely meant: one of the person's own first; a caretaker hears of no other."""
    there = [
        desk.facts.taps[guess].tap_id for guess in likely(line, desk.facts.taps) if guess in desk.facts.taps
    ]
    own = [tap_id for tap_id in there if tap_id in line.person.own_taps]
    if command.word in CARETAKERS:
        own = there = [tap_id for tap_id in there if tap_id in line.person.kept]
    if not there:
        return texts.no_tap(wrong, desk.printed)
    meant = (own or there)[0]
    return texts.near_tap(wrong, meant, canonical(replace(command, tap=meant), line.country))


def _tap(line: Line, command: Command, desk: Desk) -> Tap | Text:
    found = desk.facts.taps.get(command.tap or "")
    return found or no_such_tap(line, command, command.tap or "", desk)


# Residents


def _balance(line: Line, command: Command, desk: Desk) -> Text:
    if command.tap:
        tap = _tap(line, command, desk)
        if isinstance(tap, Text):
            return tap
        return sms_owed.balance(
            desk.facts.owed[tap.tap_id, line.person.msisdn], desk.printed, _kept(line, desk)
        )
    seen = [desk.facts.owed[tap_id, line.person.msisdn] for tap_id in line.person.known]
    if not seen:
        return texts.needs(Why.NO_TAP, Word.BAL, own_example(line, Word.BAL))
    return sms_owed.balances(seen, desk.printed, _kept(line, desk))


def _kept_in(line: Line, desk: Desk, currency: str) -> Money:
    kept = {money.currency: money for money in _kept(line, desk)}
    return kept.get(currency, Money(0, currency))


def _kept(line: Line, desk: Desk) -> Sequence[Money]:
    return desk.facts.kept.get(line.person.msisdn, ())


def _pay(line: Line, command: Command, desk: Desk) -> Text | Act:
    chosen = _to_pay(line, command, desk)
    if isinstance(chosen, Text):
        return chosen
    view = desk.facts.owed[chosen, line.person.msisdn]
    owed = view.mine or view.whole
    if owed.under_way or not owed.due_minor:
        return sms_owed.balance(view, desk.printed, _kept(line, desk))
    provider = routing.usual(line.person.msisdn)
    try:
        amount_minor = typed(command.amount, view.currency) if command.amount else None
    except BadAmount:
        return texts.needs(Why.NO_AMOUNT, Word.PAY, own_example(line, Word.PAY))
    if provider not in desk.rails or provider is None:
        if Money(amount_minor or owed.due_minor, view.currency) > _kept_in(line, desk, view.currency):
            return texts.no_wallet(view.tap_id, desk.printed)
        provider = wallets.PROVIDER
    said = sms_owed.said(view.tap_id, owed, view.currency)
    return Paying(_payment(line, said, owed.tenant_id, amount_minor, provider), said)


def _to_pay(line: Line, command: Command, desk: Desk) -> str | Text:
    """Return the TapID that is to be paid; a phone with several taps is asked which."""
    if command.tap:
        tap = _tap(line, command, desk)
        return tap if isinstance(tap, Text) else tap.tap_id
    known = line.person.known
    if len(known) == 1:
        return known[0]
    if not known:
        return texts.needs(Why.NO_TAP, Word.PAY, own_example(line, Word.PAY))
    open_first = sorted(known, key=lambda tap_id: not _is_owed(line, tap_id, desk))
    lines = [canonical(replace(command, tap=tap_id), line.country) for tap_id in open_first]
    return texts.which_tap(lines, len(known))


def _is_owed(line: Line, tap_id: str, desk: Desk) -> bool:
    view = desk.facts.owed[tap_id, line.person.msisdn]
    return bool((view.mine or view.whole).due_minor)


def _payment(
    line: Line, owed: texts.Owed, tenant_id: str | None, amount_minor: int | None, provider: str
) -> Pay:
    body = f"{line.person.msisdn}|{owed.tap_id}|{tenant_id}|{amount_minor}|{provider}"
    return Pay(
        payment_request_id=line.request_id,
        request_hash=hashlib.sha256(body.encode()).hexdigest(),
        msisdn=line.person.msisdn,
        contact_msisdn=line.person.msisdn,
        tap_id=owed.tap_id,
        tenant_id=tenant_id,
        amount_minor=amount_minor,
        currency=owed.currency,
        provider=provider,
        is_chosen=False,
        channel="sms",
        correlation_id=line.correlation_id,
        delay_s=0,  # no call is open that a prompt would break
    )


def _last(line: Line, _command: Command, desk: Desk) -> Text:
    payment = desk.facts.last.get(line.person.msisdn)
    return sms_owed.last(payment, desk.printed) if payment else texts.no_payment(desk.printed)


def _help(line: Line, command: Command, desk: Desk) -> Text:
    if not command.text:
        return texts.helps(words_of(line), desk.printed)
    (asked,) = read(command.text)
    word = asked.word or Word.HELP
    if not is_allowed(line, word):
        return texts.not_allowed(word, desk.printed)
    return texts.shows(own_example(line, word), desk.printed)


def _stop(_line: Line, _command: Command, _desk: Desk) -> Act:
    return Reminders(wanted=False)


def _start(_line: Line, _command: Command, _desk: Desk) -> Act:
    return Reminders(wanted=True)


def _language(_line: Line, command: Command, _desk: Desk) -> Act:
    return Speaking(command.text or "en")


# Caretakers


def _tenancy(line: Line, command: Command, _desk: Desk) -> Act:
    by, tap, phone = line.person.msisdn, command.tap or "", command.msisdn or ""
    number, known_as = command.number or 0, line.command_id
    match command.word:
        case Word.REG:
            name = command.text or ""
            return Tenancy(tenancies.Register(by, tap, phone, name, command.number, command_id=known_as))
        case Word.MOVE:
            return Tenancy(tenancies.Move(by, phone, tap, command_id=known_as))
        case Word.REMOVE:
            return Tenancy(tenancies.Remove(by, phone, command.tap, command_id=known_as))
        case Word.COUNT:
            return Tenancy(tenancies.Count(by, tap, number, command_id=known_as))
        case Word.LIST:
            return Tenancy(tenancies.ListTenants(by, command.tap, command_id=known_as))
        case _:
            return Tenancy(tenancies.Undo(by, command_id=known_as))


def _flag(line: Line, command: Command, desk: Desk) -> Text | Act:
    tap = _tap(line, command, desk)
    if isinstance(tap, Text):
        return tap
    if tap.tap_id not in line.person.kept:
        return texts.not_yours(tap.tap_id, desk.printed)
    words = command.text or ""
    return Flagging(Report(FlagKind.UNREGISTERED, tap.tap_id, words, line.person.msisdn, Source.CARETAKER))


# Agents


def _seen(line: Line, command: Command, desk: Desk) -> Tap | Text:
    """Return the tap where the asker may see it; another's tap is named and nothing more."""
    tap = _tap(line, command, desk)
    if isinstance(tap, Text) or tap.tap_id in line.person.kept or line.person.covering(tap.zone):
        return tap
    refuse = texts.not_your_zone if line.person.staff else texts.not_yours
    return refuse(tap.tap_id, desk.printed)


def _status(line: Line, command: Command, desk: Desk) -> Text:
    tap = _seen(line, command, desk)
    return (
        tap
        if isinstance(tap, Text)
        else sms_staff.status(desk.facts.statuses[tap.tap_id, line.person.msisdn])
    )


def _who(line: Line, command: Command, desk: Desk) -> Text:
    tap = _seen(line, command, desk)
    return (
        tap if isinstance(tap, Text) else sms_staff.who(desk.facts.statuses[tap.tap_id, line.person.msisdn])
    )


def _behind(line: Line, _command: Command, desk: Desk) -> Text:
    zones = zones_for(line, desk.facts.zones)
    if not zones:
        return texts.unknown_zone(sms_staff.first_zone(line.person, desk.facts.zones))
    return sms_staff.behind(desk.facts.behind[zones])


def _cash(line: Line, command: Command, desk: Desk) -> Text | Act:
    tap = _seen(line, command, desk)
    agent = line.person.staff
    if isinstance(tap, Text) or agent is None:
        return tap if isinstance(tap, Text) else texts.not_allowed(Word.CASH, desk.printed)
    if not (agent := line.person.covering(tap.zone)):  # a caretaker who is an agent elsewhere
        return texts.not_your_zone(tap.tap_id, desk.printed)
    try:
        amount_minor = typed(command.amount or "", tap.currency)
    except BadAmount:
        return texts.needs(Why.NO_AMOUNT, Word.CASH, own_example(line, Word.CASH))
    return Cash(
        RecordCash(
            payment_request_id=line.request_id,
            agent=Agent(agent.name, line.person.msisdn, agent.role.value),
            tap_id=tap.tap_id,
            is_payers_part=True,
            amount_minor=amount_minor,
            payer_msisdn=command.msisdn,
            channel="sms",
            source=line.inbound_id,
            correlation_id=line.correlation_id,
        ),
        tap.currency,
    )


_DO: Mapping[Word, Callable[[Line, Command, Desk], Text | Act]] = {
    Word.BAL: _balance,
    Word.PAY: _pay,
    Word.LAST: _last,
    Word.HELP: _help,
    Word.STOP: _stop,
    Word.START: _start,
    Word.LANG: _language,
    Word.FLAG: _flag,
    Word.STATUS: _status,
    Word.WHO: _who,
    Word.BEHIND: _behind,
    Word.CASH: _cash,
    **dict.fromkeys((Word.REG, Word.MOVE, Word.REMOVE, Word.COUNT, Word.LIST, Word.UNDO), _tenancy),
}
