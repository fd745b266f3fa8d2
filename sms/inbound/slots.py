"""Which words of a command are its tap, phone, amount, number and free text, in whatever order they stand.

Every way to read the words is tried; a command is carried out only where exactly one of them is whole.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sms.inbound import shapes
from sms.inbound.commands import Command, Word
from sms.inbound.keywords import FILLERS, LANGUAGES, NAME_FILLERS, TAKES, Takes

MOST_WORDS = 60
LONGEST_NAME = 60
LONGEST_FLAG = 300
_MOST_READINGS = 8
_NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['.-])*")
_HAS_DIGIT = re.compile(r"\d", re.ASCII)

_Window = tuple[int, Callable[[Sequence[str]], Any]]


@dataclass(frozen=True, slots=True)
class Filled:
    """One way to read the words; `text` are those that are none of the other parts."""

    tap: str | None = None
    wrong_tap: str | None = None
    phone: str | None = None
    amount: str | None = None
    number: int | None = None
    text: tuple[str, ...] = ()

    def has(self, part: str) -> bool:
        """Say whether a part is filled; a wrong tap fills the tap."""
        return getattr(self, part) is not None or (part == "tap" and self.wrong_tap is not None)


def readings(
    word: Word, words: Sequence[str], country: str, *, is_loose: bool = False, is_lenient: bool = False
) -> list[Filled]:
    """Return every whole way to read `words` as what the keyword takes; at most a few are looked for.

    `is_loose` lets a tap with a wrong check digit stand for a tap; `is_lenient` leaves out words that mean
    nothing here, but no number.
    """
    takes = TAKES[word]
    if len(words) > MOST_WORDS:
        return []
    windows = _windows(takes, country, is_loose=is_loose)
    found: list[Filled] = []
    for filled in _fill(_Taking(takes, windows, is_lenient), words, Filled()):
        if _is_whole(takes, filled) and filled not in found:
            found.append(filled)
            if len(found) == _MOST_READINGS:
                break
    return found


def present(words: Sequence[str], country: str) -> set[str]:
    """Return which of tap, phone, amount and number can be seen anywhere in the words."""
    return {
        part
        for part, (most, shape) in _shapes(country).items()
        for start in range(len(words[:MOST_WORDS]))
        for count in range(1, most + 1)
        if start + count <= len(words) and shape(words[start : start + count]) is not None
    }


@dataclass(frozen=True, slots=True)
class _Taking:
    takes: Takes
    windows: dict[str, _Window]
    is_lenient: bool


def _shapes(country: str) -> dict[str, _Window]:
    return {
        "tap": (shapes.MOST_TAP_WORDS, shapes.tap),
        "phone": (shapes.MOST_PHONE_WORDS, lambda words: shapes.phone(words, country)),
        "amount": (2, shapes.amount),
        "number": (1, shapes.people),
    }


def _windows(takes: Takes, country: str, *, is_loose: bool) -> dict[str, _Window]:
    wanted = {part: shape for part, shape in _shapes(country).items() if part in takes.needs | takes.may}
    if is_loose and "tap" in wanted:
        wanted["wrong_tap"] = (shapes.MOST_TAP_WORDS, shapes.wrong_tap)
    return wanted


def _fill(taking: _Taking, words: Sequence[str], filled: Filled) -> Iterator[Filled]:
    if not words:
        yield filled
        return
    for part, value, count in _fitting(taking, words, filled):
        yield from _fill(taking, words[count:], replace(filled, **{part: value}))
    if _may_be_text(taking.takes, words[0]):
        yield from _fill(taking, words[1:], replace(filled, text=(*filled.text, words[0])))
    elif _may_be_left_out(taking, words[0]):
        yield from _fill(taking, words[1:], filled)


def _fitting(taking: _Taking, words: Sequence[str], filled: Filled) -> Iterator[tuple[str, Any, int]]:
    """Yield what the first words can be of the parts that are still to be filled, and how many they are."""
    for part, (most, shape) in taking.windows.items():
        if filled.has("tap" if part == "wrong_tap" else part):
            continue
        for count in range(1, min(most, len(words)) + 1):
            value = shape(words[:count])
            if value is not None:
                yield part, value, count


def _may_be_text(takes: Takes, word: str) -> bool:
    if takes.text == "name":
        return word.upper() not in NAME_FILLERS and bool(_NAME_WORD.fullmatch(word))
    return takes.text == "zone" and word.upper() not in FILLERS


def _may_be_left_out(taking: _Taking, word: str) -> bool:
    if taking.takes.text == "name":
        return word.upper() in NAME_FILLERS
    return word.upper() in FILLERS or (taking.is_lenient and not _HAS_DIGIT.search(word))


def _is_whole(takes: Takes, filled: Filled) -> bool:
    return all(filled.has(part) for part in takes.needs) and (takes.text != "name" or bool(filled.text))


def command(word: Word, filled: Filled) -> Command:
    """Return the command of a reading; its tap is None where the tap was wrong."""
    text = " ".join(map(_capital, filled.text)) if word is Word.REG else " ".join(filled.text)
    return Command(word, filled.tap, filled.phone, filled.amount, filled.number, text or None)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:] if word.islower() else word


def flag(words: Sequence[str], *, is_loose: bool = False) -> tuple[Filled, bool]:
    """Read FLAG's words: the first tap among them, and all the rest as it stands; say whether it is whole."""
    shape, part = (shapes.wrong_tap, "wrong_tap") if is_loose else (shapes.tap, "tap")
    for start in range(len(words)):
        for count in range(1, shapes.MOST_TAP_WORDS + 1):
            value = shape(words[start : start + count])
            if value is not None:
                rest = (*words[:start], *words[start + count :])
                return Filled(**{part: value}, text=rest), bool(rest)  # type: ignore[arg-type]  # a part's name
    return Filled(text=tuple(words)), False


def language(words: Sequence[str]) -> str | None:
    """Return the one language that the words name."""
    named = {LANGUAGES[word.upper()] for word in words if word.upper() in LANGUAGES}
    return named.pop() if len(named) == 1 else None
