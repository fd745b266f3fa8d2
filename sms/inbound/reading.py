"""From a person's text to what it asks for: keywords first, then what each of them takes."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from sms.inbound import near, shapes, slots, tokens
from sms.inbound.commands import Answerable, Command, Refusal, Why, Word
from sms.inbound.keywords import FILLERS, MEANS, TAKES
from sms.inbound.slots import Filled

MOST_COMMANDS = 10
_MISSING = {"tap": Why.NO_TAP, "phone": Why.NO_PHONE, "amount": Why.NO_AMOUNT, "number": Why.NO_NUMBER}
_UNKNOWN = Refusal(Why.UNKNOWN)
# Every text of ours begins so. A machine that answers may quote it, and its keywords are not the person's.
_OURS = re.compile(r"\bMadzi: +(\S+)(?=.{30})", re.DOTALL)
_GLUED = re.compile(r"([A-Z]{3,6})([K\d].*)", re.ASCII | re.IGNORECASE)


def read(text: str, country: str = "ZM") -> tuple[Answerable, ...]:
    """Return what a text asks for, in its order; never empty, never raises.

    `country` (ISO 3166) says how phone numbers without a country are meant.
    """
    lines = _joined([list(_unglued(line)) for line in tokens.lines(_own(text))], country)
    every = chain.from_iterable(_of_line(line, country) for line in lines)
    found = list(islice(every, MOST_COMMANDS + 1))
    if len(found) > 1:
        found = [one for one in found if one != _UNKNOWN]
    if len(found) > MOST_COMMANDS:
        return (*found[:MOST_COMMANDS], Refusal(Why.TOO_MANY))
    return tuple(found) or (_UNKNOWN,)


def _own(text: str) -> str:
    """Leave out what a text quotes of ours; a person who greets us goes on with a keyword."""
    quoted = _OURS.search(text)
    return text[: quoted.start()] if quoted and not _is_keyword(quoted[1]) else text


def _unglued(words: Sequence[str]) -> Iterator[str]:
    """Part a keyword from the number that was typed right behind it: `PAY30`."""
    for word in words:
        glued = _GLUED.fullmatch(word)
        if glued and glued[1].upper() in MEANS and not shapes.tap([word]):
            yield from glued.groups()
        else:
            yield word


def _is_keyword(word: str) -> bool:
    return word.upper() in MEANS


def _joined(lines: Sequence[list[str]], country: str) -> list[list[str]]:
    """Join each line to the one before unless it begins something of its own."""
    found: list[list[str]] = []
    for line in lines:
        if found and not _begins(line, found[-1], country):
            found[-1] = [*found[-1], *line]
        else:
            found.append(line)
    return found


def _begins(line: Sequence[str], before: Sequence[str], country: str) -> bool:
    if not any(map(_is_keyword, before)):
        return bool(near.words(before[0]))  # else it leads to this one: a greeting, a tap
    if _is_keyword(line[0]):
        return True
    if MEANS.get(before[0].upper()) is Word.FLAG:
        return False
    return any(map(_is_keyword, line)) or any(
        TAKES[word].needs and slots.readings(word, line[1:], country) for word in near.words(line[0])
    )


def _of_line(line: Sequence[str], country: str) -> Iterator[Answerable]:
    first = next((i for i, word in enumerate(line) if _is_keyword(word)), None)
    if first is None:
        yield _without_keyword(line, country)
        return
    word, lead, rest = MEANS[line[first].upper()], line[:first], line[first + 1 :]
    if word is Word.HELP and len(rest) == 1 and _is_keyword(rest[0]):
        yield Command(Word.HELP, text=MEANS[rest[0].upper()].value)
        return
    end = _end(word, lead, rest, country)
    words = [*lead, *rest[:end]]
    if word is Word.REG and end < len(rest) and slots.readings(word, [*lead, *rest], country):
        yield Refusal(Why.NEAR, word, tuple(_commands(word, [*lead, *rest], country)))
        return
    is_first = all(other.upper() in FILLERS for other in lead)
    yield _one(word, words, country, is_first=is_first)
    if end < len(rest):
        yield from _of_line(rest[end:], country)


def _end(word: Word, lead: Sequence[str], rest: Sequence[str], country: str) -> int:
    """Return where the next command begins in `rest`, or its length.

    A keyword inside a name begins one only where the name may be over and the keyword has all that it takes.
    """
    if word is Word.FLAG:
        return len(rest)
    for i in (i for i, other in enumerate(rest) if _is_keyword(other)):
        if word is not Word.REG:
            return i
        if slots.readings(word, [*lead, *rest[:i]], country) and _are_commands(rest[i:], country):
            return i
    return len(rest)


def _are_commands(line: Sequence[str], country: str) -> bool:
    return all(isinstance(one, Command) for one in _of_line(line, country))


def _without_keyword(line: Sequence[str], country: str) -> Refusal:
    """Look for a keyword one letter off at the beginning; offer it only where the rest is what it takes."""
    words = [word for word in line if word.upper() not in FILLERS] or line
    meant, rest = near.words(words[0]), words[1:]
    found = [_one(word, rest, country, is_first=False) for word in meant]
    offers = tuple(one for one in found if isinstance(one, Command))
    if offers:
        return Refusal(Why.NEAR, offers[0].word, offers)
    asked = [one for one in found if isinstance(one, Refusal)]
    is_about_it = not rest or bool(slots.present(rest, country))
    return asked[0] if len(asked) == 1 and is_about_it else _UNKNOWN


def _one(word: Word, words: Sequence[str], country: str, *, is_first: bool) -> Answerable:
    """Return the command, or why it is none.

    Words that mean nothing are overlooked where the keyword came first and nothing is changed by it.
    """
    if word is Word.LANG:
        chosen = slots.language(words)
        return Command(word, text=chosen) if chosen else Refusal(Why.NO_LANGUAGE, word)
    if word is Word.FLAG:
        return _flag(words)
    if commands := _commands(word, words, country):
        return _only(word, commands)
    takes = TAKES[word]
    lenient = [] if takes.text else _commands(word, words, country, is_lenient=True)
    if len(lenient) == 1 and is_first and not takes.acts:
        return lenient[0]
    return Refusal(Why.NEAR, word, tuple(lenient)) if lenient else _why_not(word, words, country)


def _commands(word: Word, words: Sequence[str], country: str, *, is_lenient: bool = False) -> list[Command]:
    found = slots.readings(word, words, country, is_lenient=is_lenient)
    return list(dict.fromkeys(slots.command(word, filled) for filled in found))


def _only(word: Word, commands: Sequence[Command]) -> Answerable:
    if len(commands) > 1:
        return Refusal(Why.NEAR, word, tuple(commands))
    if len(commands[0].text or "") > slots.LONGEST_NAME:
        return Refusal(Why.LONG_NAME if word is Word.REG else Why.UNCLEAR, word)
    return commands[0]


def _flag(words: Sequence[str]) -> Answerable:
    filled, is_whole = slots.flag(words)
    if is_whole:
        return _flagged(filled)
    if filled.tap:
        return Refusal(Why.NO_WORDS, Word.FLAG)
    filled, _ = slots.flag(words, is_loose=True)
    return _wrong_tap(filled, _flagged(filled)) if filled.wrong_tap else Refusal(Why.NO_TAP, Word.FLAG)


def _flagged(filled: Filled) -> Command:
    text = " ".join(filled.text)[: slots.LONGEST_FLAG].strip()
    return Command(Word.FLAG, filled.tap, text=text or None)


def _why_not(word: Word, words: Sequence[str], country: str) -> Refusal:
    """Say what is missing or wrong: a tap with another check digit first, as that can be mended at once."""
    loose = slots.readings(word, words, country, is_loose=True, is_lenient=not TAKES[word].text)
    if loose:
        return _wrong_tap(loose[0], slots.command(word, loose[0]))
    there = slots.present(words, country)
    for part, why in _MISSING.items():
        if part in TAKES[word].needs and part not in there:
            return Refusal(why, word)
    if TAKES[word].text == "name" and slots.readings(word, [*words, "Mary"], country):
        return Refusal(Why.NO_NAME, word)
    return Refusal(Why.UNCLEAR, word)


def _wrong_tap(filled: Filled, command: Command) -> Refusal:
    typed = filled.wrong_tap or ""
    return Refusal(Why.WRONG_TAP, command.word, (command,), typed, near.taps(typed))
