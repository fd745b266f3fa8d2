"""A text as people send it, cleaned and cut into words."""

import re
import unicodedata

LONGEST_TEXT = 2000
_PLAIN = str.maketrans(
    {**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"), **dict.fromkeys("\u2018\u2019", "'")}
)
_LINE_ENDS = re.compile(r"[\r\n;\u2028\u2029]+")
# A comma between digits may be a decimal comma; any other parts words.
_AMOUNT = re.compile(r"[A-Za-z]{0,3}\d{1,10},\d{1,2}", re.ASCII)
_PARTS = re.compile(r"[,:=|]+")
_EDGES = re.compile(r"^[^\w+]+|[^\w]+$")
# Somebody takes an amount back with it: it must not be read as the amount itself.
_MINUS = re.compile(r"-[A-Za-z]{0,3}\d{1,5}(?:[.,]\d{1,2})?\W?", re.ASCII)


def lines(text: str) -> list[list[str]]:
    """Return the words of each line; `;` ends a line as well. Lines without a word are left out."""
    found = [_words(line) for line in _LINE_ENDS.split(clean(text))]
    return [words for words in found if words]


def clean(text: str) -> str:
    """Return the text in composed form without marks that cannot be seen: NUL, marks of direction."""
    composed = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).translate(_PLAIN)
    return "".join(_visible(char) for char in composed)


def _visible(char: str) -> str:
    if char in "\n\r\u2028\u2029":
        return "\n"
    if char == "\t":
        return " "
    return "" if unicodedata.category(char).startswith("C") else char


def _words(line: str) -> list[str]:
    parted = [
        part for word in line.split() for part in ([word] if _AMOUNT.fullmatch(word) else _PARTS.split(word))
    ]
    trimmed = (part if _MINUS.fullmatch(part) else _EDGES.sub("", part) for part in parted)
    return [word for word in trimmed if word]
