"""What people type, made harmless: for reading, for showing again. Nothing here ever raises."""

import re

from core.gsm import fold
from core.i18n import Text

_LONGEST_READ = 160
_LONGEST_ECHO = 12
_MAYBE_PIN = re.compile(r"\s*\d{4,5}\s*#?", re.ASCII)


def clean(text: str) -> str:
    """Return the input with a bound, without space at its ends or the `#` that some handsets send."""
    short = text[:_LONGEST_READ].strip()
    return short if short.isalnum() else short.replace("\0", "").strip().rstrip("#").rstrip()


def may_be_pin(text: str) -> bool:
    """Say whether a text may be somebody's PIN: then it is never shown."""
    return _MAYBE_PIN.fullmatch(text) is not None


def echo(text: str) -> str:
    """Return the text as it may stand on a screen: short, one line, GSM-7, `?` for what is not."""
    plain = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return fold(plain)[:_LONGEST_ECHO].strip()


def wrong_key(words: str) -> Text:
    """Say that this is no key of the screen, without showing what may be a PIN."""
    if may_be_pin(words):
        return Text("key.hidden")
    shown = echo(words)
    return Text("key.wrong", {"typed": shown}) if shown else Text("key.none")


def new_input(previous: str, text: str) -> str | None:
    """Return what was typed since `previous`, from an aggregator that sends the whole history.

    A typed `*` stays in it. None: the history does not continue `previous`, so the session must be rebuilt.
    """
    if not previous:
        return text
    if text.startswith(previous) and text[len(previous) : len(previous) + 1] == "*":
        return text[len(previous) + 1 :]
    return None


def history_inputs(history: str, most: int = 40) -> tuple[str, ...]:
    """Return the inputs of a first hop that carries a history: at most `most`, the rest is dropped."""
    return tuple(history[: most * _LONGEST_READ].split("*")[:most]) if history else ()
