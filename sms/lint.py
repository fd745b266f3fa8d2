"""Checks of the SMS catalogues on longest and shortest data, numbered as in reference texts §5."""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from core import gsm
from core.i18n import ENGLISH, Catalogues, Text
from sms.lint_words import OUTCOMES, WORDS, Words
from sms.outbound import words
from sms.samples import LONGEST, PRINTED, SHORTEST, Sample, samples

_PIECE = "part."
_TAP_BY = 75
_PIN_IN = frozenset({"fail.pin", "fail.noanswer", "wait.sms"})
_RECEIPT_IN = ("paid", "kept")
_NEXT_STEPS = ("{code}", "{help}", "{phone}", "{until}")
_ADDRESS = re.compile(r"https?:|www\.|[a-z]{2,}\.[a-z]{2,}|\*\d|\d{4,}", re.IGNORECASE)
_BAD_DATE = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}|ZMW")
_LONG_NUMBER = re.compile(r"\+?\d{10,}")
_PLACEHOLDER = re.compile(r"{\w+}")


@dataclass(frozen=True, slots=True)
class Problem:
    """A text that breaks a check; `check` is its number in the reference."""

    language: str
    key: str
    check: int
    detail: str

    def __str__(self) -> str:
        return f"sms {self.language} {self.key}: {self.detail} (check {self.check})"


def lint(catalogues: Catalogues) -> list[Problem]:
    """Return every problem of every language; an empty list is good."""
    said = {data: {sample.text.key: sample for sample in samples(data)} for data in (LONGEST, SHORTEST)}
    return [
        Problem(language, key, check, detail)
        for language in catalogues.languages
        for key in sorted(catalogues.keys() | catalogues.keys(language))
        for check, detail in _of_key(
            key, language, catalogues, [by_key[key] for by_key in said.values() if key in by_key]
        )
    ]


Found = Iterator[tuple[int, str]]


def _of_key(key: str, language: str, catalogues: Catalogues, with_data: list[Sample]) -> Found:
    if not {key} <= catalogues.keys(language) & catalogues.keys():
        yield 11, "is missing in this language or in English"
        return
    template = catalogues.template(key, language)
    yield from _same_placeholders(key, language, template, catalogues)
    yield from _wording(key, template, WORDS.get(language, Words()))
    if key.startswith(_PIECE):
        return
    if not with_data:
        yield 1, "no sample says it, so it is not checked"
    yield from _promises(key, template, WORDS.get(language, Words()))
    for sample in with_data:
        try:
            said = words(sample.text, language, catalogues)
        except KeyError as missing:
            yield 11, f"nothing fills {missing}"
        else:
            yield from _rendered(said, sample, language)


def _fields(template: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(template) if name)


def _same_placeholders(key: str, language: str, template: str, catalogues: Catalogues) -> Found:
    english = catalogues.template(key, ENGLISH)
    if _fields(template) != _fields(english):
        yield 11, "its placeholders are not those of English"
    if language != ENGLISH and template == english and re.search(r"[a-z]{4}", _PLACEHOLDER.sub("", english)):
        yield 11, "is left over in English"
    fields = _fields(template)
    if "receipt" in fields and not key.startswith((*_RECEIPT_IN, _PIECE)):
        yield 10, "this event must not show the receipt"
    if fields.count("receipt") > 1 or ("receipt" in fields and not template.endswith("{receipt}")):
        yield 10, "the receipt stands once, last"


def _wording(key: str, template: str, own: Words) -> Found:
    plain = _PLACEHOLDER.sub("", template)
    spoken = re.findall(r"[^\W\d_]+", plain)
    length = gsm.measure(plain)
    if (length.encoding, length.units) != ("gsm7", len(plain)):
        yield 1, "holds a letter outside the basic GSM-7 table"
    if re.search(r"\t|  ", template) or template.rstrip() != template:
        yield 1, "has a tab, a double or a trailing blank"
    for word in sorted({word.lower() for word in spoken} & own.banned):
        yield 3, f"says {word!r}"
    for word in sorted({word.lower() for word in spoken} & own.relative_times):
        yield 9, f"says {word!r}, but an SMS may come late"
    if _ADDRESS.search(plain):
        yield 4, "holds an address, a code or a number of its own"
    if "PIN" in spoken and key not in _PIN_IN:
        yield 5, "must not speak of the PIN"
    yield from ((12, f"{word!r} is long") for word in spoken if len(word) > own.longest_word)


def _promises(key: str, template: str, own: Words) -> Found:
    if own.nothing_taken and (own.nothing_taken in template) and not key.startswith("fail."):
        yield 8, "only a final refusal may say that nothing was taken"
    if own.not_again and own.not_again not in template and key.startswith("wait."):
        yield 8, "must say not to pay again"
    steps = (*_NEXT_STEPS, *own.nothing_to_do)
    if key not in {"paid", "paid.late"} and not any(step in template for step in steps):
        yield 7, "names no next step"


def _rendered(said: str, sample: Sample, language: str) -> Found:
    length = gsm.measure(said)
    if length.encoding != "gsm7" or length.segments > 1:
        yield 1, f"takes {length.segments} segments, {length.units} units of {length.encoding}"
    if said != " ".join(said.split()):
        yield 1, "has a tab or a double blank with data in it"
    if not said.startswith("Madzi: "):
        yield 6, "does not say who speaks"
    yield from _outcome(said, sample.text, language)
    if _BAD_DATE.search(said):
        yield 9, "writes a date or an amount in a form of its own"
    if _LONG_NUMBER.search(said.replace(PRINTED.support_phone, "").replace(sample.receipt, "")):
        yield 10, "shows a whole number"
    yield from _sizes(said, WORDS.get(language, Words()))


def _outcome(said: str, text: Text, language: str) -> Found:
    outcome = OUTCOMES.get(language, {}).get(text.key)
    if outcome is None:
        yield 6, "has no outcome word in the word list of this language"
    elif not said.removeprefix("Madzi: ").startswith(outcome):
        yield 6, f"does not start with {outcome!r}"
    for name in ("amount", "tap"):
        shown = str(text.params[name])
        if not 0 <= said.find(shown) <= _TAP_BY - len(shown):
            yield 6, f"the {name} is not within the first {_TAP_BY} septets"


def _sizes(said: str, own: Words) -> Found:
    if len(said.split()) > own.most_words:
        yield 12, f"has {len(said.split())} words"
    sentences = re.split(r"[.?!:](?:\s|$)", said)
    longest = max(len(sentence.split()) for sentence in sentences)
    if longest > own.most_in_sentence:
        yield 12, f"has a sentence of {longest} words"
