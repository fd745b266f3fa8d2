"""What a person's SMS can ask for, as frozen values (contract §6)."""

from dataclasses import dataclass
from enum import StrEnum


class Word(StrEnum):
    """A keyword, in the one form in which it is printed."""

    BAL = "BAL"
    PAY = "PAY"
    LAST = "LAST"
    HELP = "HELP"
    STOP = "STOP"
    START = "START"
    LANG = "LANG"
    REG = "REG"
    MOVE = "MOVE"
    REMOVE = "REMOVE"
    COUNT = "COUNT"
    LIST = "LIST"
    FLAG = "FLAG"
    UNDO = "UNDO"
    STATUS = "STATUS"
    WHO = "WHO"
    BEHIND = "BEHIND"
    CASH = "CASH"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing asked for; fields that a word does not take are None.

    `tap` is a TapID in display form or a tap number of six digits; both have a fitting check digit, and
    neither need exist. `amount` is as typed, without blanks, to be read in the tap's currency
    (`core.money.typed`). `number` is REG's occupants and COUNT's people. `text` is REG's name, FLAG's words,
    BEHIND's zone, LANG's language code, HELP's keyword.
    """

    word: Word
    tap: str | None = None
    msisdn: str | None = None  # E.164
    amount: str | None = None
    number: int | None = None
    text: str | None = None


class Why(StrEnum):
    """Why a text, or a part of it, is answered by a question."""

    UNKNOWN = "unknown"  # no keyword in it
    NEAR = "near"  # a keyword one letter off, or more than one way to read it: `meant` has what to send
    WRONG_TAP = "wrong_tap"  # its check digit does not fit: `taps` are what may have been meant
    NO_TAP = "tap"  # from here on: what is missing or cannot be read
    NO_PHONE = "phone"
    NO_NAME = "name"
    NO_AMOUNT = "amount"
    NO_NUMBER = "number"
    NO_WORDS = "words"
    NO_LANGUAGE = "language"
    LONG_NAME = "long_name"
    UNCLEAR = "unclear"  # more in it than the keyword takes
    TOO_MANY = "too_many"  # commands in one SMS


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of a text that is not carried out. `word` is the keyword it was about, if one was told.

    `meant` are commands to offer, complete but for WRONG_TAP, whose one command waits for one of `taps`.
    `typed` is the wrong tap in display form.
    """

    why: Why
    word: Word | None = None
    meant: tuple[Command, ...] = ()
    typed: str = ""
    taps: tuple[str, ...] = ()


Answerable = Command | Refusal
