"""A command as a line that can be sent: what answers show, and what is read again as the same command."""

from core.msisdn import local_form
from sms.inbound.commands import Command, Word
from sms.inbound.keywords import LANGUAGE_WORDS, MEANS

_LOCAL = {"ZM": "+260", "KE": "+254"}

# Shown where something is missing; the tap is put in by who knows one of the asker's.
EXAMPLE_PHONE = "+260977123456"
EXAMPLE_TAP = "KNY-0417-1"
EXAMPLES = {
    Word.PAY: Command(Word.PAY, EXAMPLE_TAP, amount="30"),
    Word.LANG: Command(Word.LANG, text="ny"),
    Word.REG: Command(Word.REG, EXAMPLE_TAP, EXAMPLE_PHONE, number=4, text="Mary Banda"),
    Word.MOVE: Command(Word.MOVE, EXAMPLE_TAP, EXAMPLE_PHONE),
    Word.REMOVE: Command(Word.REMOVE, EXAMPLE_TAP, EXAMPLE_PHONE),
    Word.COUNT: Command(Word.COUNT, EXAMPLE_TAP, number=4),
    Word.FLAG: Command(Word.FLAG, EXAMPLE_TAP, text="pipe to the house behind"),
    Word.CASH: Command(Word.CASH, EXAMPLE_TAP, amount="30"),
    **{word: Command(word, EXAMPLE_TAP) for word in (Word.BAL, Word.LIST, Word.STATUS, Word.WHO)},
}


def canonical(command: Command, country: str = "ZM") -> str:
    """Return the line that a person of `country` sends for this command, in the order of contract §6."""
    phone = command.msisdn and _phone(command.msisdn, country)
    text = _text(command)
    number = str(command.number) if command.number is not None else None
    first, second = (phone, command.tap) if command.word in (Word.MOVE, Word.REMOVE) else (command.tap, phone)
    if command.word is Word.CASH:
        parts = [first, command.amount, second]
    elif command.word is Word.REG and _holds_keyword(text):
        parts = [first, text, second, number]  # behind the phone it could be a command of its own
    else:
        parts = [first, second, command.amount, text, number]
    return " ".join(part for part in (command.word.value, *parts) if part)


def example(word: Word) -> str:
    """Return a line that shows how a keyword is used."""
    return canonical(EXAMPLES.get(word, Command(word)))


def _phone(msisdn: str, country: str) -> str:
    return local_form(msisdn) if msisdn.startswith(_LOCAL.get(country, "+260")) else msisdn


def _text(command: Command) -> str | None:
    if command.word is Word.LANG and command.text:
        return LANGUAGE_WORDS[command.text]
    return command.text


def _holds_keyword(text: str | None) -> bool:
    return any(word.upper() in MEANS for word in (text or "").split())
