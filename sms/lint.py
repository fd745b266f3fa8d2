"""Checks of the SMS catalogues on longest and shortest data, numbered as in reference texts §5."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core import gsm, wording
from core.i18n import Catalogues, Text
from core.wording import fields
from sms.lint_words import RELATIVE_TIMES, outcome
from sms.outbound import words
from sms.samples import LONGEST, PRINTED, SHORTEST, Sample, samples

_PIECE = "part."
_TAP_BY = 75
_PIN_IN = ("pin.", "fail.pin", "fail.noanswer", "wait.sms", "waits.start")
_RECEIPT_IN = ("paid", "kept", "cash.", "back.", "wait.which")
_NEXT_STEPS = ("{code}", "{help}", "{phone}", "{until}", "{line}")
_KEYWORD = re.compile(r"\b(?!PIN\b|SMS\b)[A-Z]{3,}\b")  # sent back, it does something
_SAYS_ITSELF = frozenset({"paid", "paid.late", "paid.receipt", "replies"})
_ADDRESS = re.compile(r"https?:|www\.|[a-z]{2,}\.[a-z]{2,}|\*\d|\d{4,}", re.IGNORECASE)
_BAD_DATE = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}|ZMW")
_LONG_NUMBER = re.compile(r"\+?\d{10,}")
_PLACEHOLDER = re.compile(r"{\w+}")


@dataclass(frozen=True, slots=True, order=True)
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
    of_all = [Problem(*_values(fault)) for fault in wording.faults(catalogues)]
    of_sms = [
        Problem(language, key, check, detail)
        for language in catalogues.languages
        for key in sorted(catalogues.keys(language) & catalogues.keys())
        for check, detail in _of_key(
            key, language, catalogues, [by_key[key] for by_key in said.values() if key in by_key]
        )
    ]
    return sorted({*of_all, *of_sms})


def _values(fault: wording.Fault) -> tuple[str, str, int, str]:
    return fault.language, fault.key, fault.check, fault.detail


Found = Iterator[tuple[int, str]]


def _of_key(key: str, language: str, catalogues: Catalogues, with_data: list[Sample]) -> Found:
    for template in catalogues.forms(key, language):
        yield from _receipt(key, template)
        yield from _wording(key, template, language)
        if not key.startswith(_PIECE):
            yield from _promises(key, template, wording.of(language).promises)
    if key.startswith(_PIECE):
        return
    if not with_data:
        yield 1, "no sample says it, so it is not checked"
    for sample in with_data:
        try:
            said = words(sample.text, language, catalogues)
        except KeyError as missing:
            yield 11, f"nothing fills {missing}"
        else:
            yield from _rendered(said, sample, language)


def _receipt(key: str, template: str) -> Found:
    named = fields(template)
    if "receipt" in named and not key.startswith((*_RECEIPT_IN, _PIECE)):
        yield 10, "this event must not show the receipt"
    if named.count("receipt") > 1 or ("receipt" in named and not template.endswith("{receipt}")):
        yield 10, "the receipt stands once, last"


def _wording(key: str, template: str, language: str) -> Found:
    plain = _PLACEHOLDER.sub("", template)
    spoken = re.findall(r"[^\W\d_]+", plain)
    length = gsm.measure(plain)
    if (length.encoding, length.units) != ("gsm7", len(plain)):
        yield 1, "holds a letter outside the basic GSM-7 table"
    if re.search(r"\t|  ", template) or template.rstrip() != template:
        yield 1, "has a tab, a double or a trailing blank"
    for word in sorted({word.lower() for word in spoken} & RELATIVE_TIMES.get(language, frozenset())):
        yield 9, f"says {word!r}, but an SMS may come late"
    if _ADDRESS.search(plain):
        yield 4, "holds an address, a code or a number of its own"
    if "PIN" in spoken and not key.startswith(_PIN_IN):
        yield 5, "must not speak of the PIN"
    longest = wording.of(language).longest_word
    yield from ((12, f"{word!r} is long") for word in spoken if longest and len(word) > longest)


def _promises(key: str, template: str, promises: Mapping[str, tuple[str, ...]]) -> Found:
    def promised(promise: str) -> bool:
        return any(words in template for words in promises.get(promise, ()))

    if promised(wording.NOTHING_TAKEN) and not key.startswith("fail."):
        yield 8, "only a final refusal may say that nothing was taken"
    if wording.NOT_AGAIN in promises and not promised(wording.NOT_AGAIN) and key.startswith("wait."):
        yield 8, "must say not to pay again"
    has_step = promised(wording.NOTHING_TO_DO) or any(step in template for step in _NEXT_STEPS)
    if promises and key not in _SAYS_ITSELF and not has_step and not _KEYWORD.search(template):
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
    yield from _sizes(said, wording.of(language))


def _outcome(said: str, text: Text, language: str) -> Found:
    first = outcome(text.key, language)
    if first is None:
        yield 6, "has no outcome word in the word list"
    elif not said.removeprefix("Madzi: ").startswith(first):
        yield 6, f"does not start with {first!r}"
    for name in ("amount", "tap"):
        shown = str(text.params.get(name, ""))
        if not 0 <= said.find(shown) <= _TAP_BY - len(shown):
            yield 6, f"the {name} is not within the first {_TAP_BY} septets"


def _sizes(said: str, own: wording.Language) -> Found:
    if own.most_words and len(said.split()) > own.most_words:
        yield 12, f"has {len(said.split())} words"
    longest = max(len(sentence.split()) for sentence in re.split(r"[.?!:](?:\s|$)", said))
    if own.most_in_sentence and longest > own.most_in_sentence:
        yield 12, f"has a sentence of {longest} words"
