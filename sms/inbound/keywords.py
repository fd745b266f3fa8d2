"""Keywords: what each takes, and the other words that mean the same.

English stands first and is what Madzi prints. The Nyanja and Bemba words were chosen from the project's
language reference by somebody who speaks neither; NOBODY WHO DOES HAS REVIEWED THEM. Those marked `?` are
not even in the reference. A word that is dropped by a reviewer may go: people who use it are then helped to
the English one. No word may be a name that people bear, as names are typed in the same SMS.
"""

from dataclasses import dataclass

from sms.inbound.commands import Word


@dataclass(frozen=True, slots=True)
class Takes:
    """What a keyword needs and may have: `tap`, `phone`, `amount`, `number`; and its free text.

    `text` is `name`, `words` or `zone`. A word that `acts` changes something that somebody must want, so a
    text with more in it than the word takes is asked about; others are lenient.
    """

    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    text: str | None = None
    acts: bool = False


_TAP = frozenset({"tap"})

TAKES = {
    Word.BAL: Takes(may=_TAP),
    Word.PAY: Takes(may=frozenset({"tap", "amount"}), acts=True),
    Word.LAST: Takes(),
    Word.HELP: Takes(),
    Word.STOP: Takes(),
    Word.START: Takes(),
    Word.LANG: Takes(text="language"),
    Word.REG: Takes(frozenset({"tap", "phone"}), frozenset({"number"}), text="name", acts=True),
    Word.MOVE: Takes(frozenset({"tap", "phone"}), acts=True),
    Word.REMOVE: Takes(frozenset({"phone"}), _TAP, acts=True),
    Word.COUNT: Takes(frozenset({"tap", "number"}), acts=True),
    Word.LIST: Takes(may=_TAP),
    Word.FLAG: Takes(_TAP, text="words", acts=True),
    Word.UNDO: Takes(acts=True),
    Word.STATUS: Takes(_TAP),
    Word.WHO: Takes(_TAP),
    Word.BEHIND: Takes(text="zone"),
    Word.CASH: Takes(frozenset({"tap", "amount"}), frozenset({"phone"}), acts=True),
}

ENGLISH = {
    Word.BAL: ("BALANCE",),
    Word.LAST: ("RECEIPT",),
    Word.HELP: ("INFO",),
    Word.STOP: ("UNSUBSCRIBE",),
    Word.LANG: ("LANGUAGE",),
    Word.REG: ("REGISTER",),
    Word.REMOVE: ("DELETE",),
    Word.FLAG: ("REPORT",),
}
NYANJA = {
    Word.BAL: ("NKONGOLE",),
    Word.PAY: ("LIPILANI", "LIPILA", "LIPIRA", "LIPIRANI"),
    Word.LAST: ("MALIPILO",),
    Word.HELP: ("THANDIZO",),
    Word.STOP: ("LEKANI",),
    Word.START: ("YAMBANI",),  # ?
    Word.LANG: ("CHILANKHULO",),
    Word.REG: ("LEMBETSANI",),
    Word.MOVE: ("SAMUTSANI",),  # ?
    Word.REMOVE: ("CHOTSANI",),
    Word.COUNT: ("WELENGANI",),  # ?
    Word.FLAG: ("VUTO",),
    Word.UNDO: ("BWEZANI",),  # ?
}
BEMBA = {
    Word.BAL: ("INKONGOLE",),
    Word.PAY: ("LIPILENI",),
    Word.LAST: ("AMALIPILO",),
    Word.HELP: ("UBWAFWILISHO",),
    Word.STOP: ("LEKENI",),
    Word.START: ("TAMPENI",),  # ?
    Word.LANG: ("ULULIMI",),
    Word.REG: ("LEMBESHENI",),
    Word.MOVE: ("SELESHENI",),  # ?
    Word.REMOVE: ("FUMYENI",),  # ?
    Word.COUNT: ("PENDENI",),  # ?
    Word.FLAG: ("UBWAFYA",),
    Word.UNDO: ("BWESHENI",),  # ?
}

MEANS: dict[str, Word] = {word.value: word for word in Word} | {
    other: word
    for language in (ENGLISH, NYANJA, BEMBA)
    for word, others in language.items()
    for other in others
}

LANGUAGES = {
    **dict.fromkeys(("EN", "ENG", "ENGLISH"), "en"),
    **dict.fromkeys(("NY", "NYA", "NYANJA", "CHINYANJA", "CINYANJA", "CHEWA"), "ny"),
    **dict.fromkeys(("BEM", "BEMBA", "ICIBEMBA", "CHIBEMBA", "CIBEMBA", "ICHIBEMBA"), "bem"),
}
# What LANG is printed with.
LANGUAGE_WORDS = {"en": "EN", "ny": "NY", "bem": "BEM"}

# Said out of politeness or to introduce what follows; means nothing by itself.
FILLERS = frozenset(
    {
        *("PLEASE", "PLS", "PLZ", "HELLO", "HI", "DEAR", "SIR", "MADAM", "MADZI", "THANKS", "THANK", "YOU"),
        *("THE", "MY", "FOR", "TO", "ON", "AT", "OF", "IS", "WITH", "FROM", "I", "WANT"),
        *("TAP", "TAPID", "PHONE", "NUMBER", "NAME", "ZONE", "PEOPLE", "PERSONS", "OCCUPANTS", "TENANT"),
        *("CHONDE", "ZIKOMO", "PEPANI", "NAPAPATA", "MUKWAI", "NATOTELA", "BA"),
    }
)
# The same where a name may stand: only what introduces another part.
NAME_FILLERS = frozenset(
    {"TAP", "TAPID", "PHONE", "NUMBER", "NAME", "ON", "AT", "PEOPLE", "PERSONS", "OCCUPANTS", "TENANT"}
)
CURRENCY_WORDS = {"K": "K", "KWACHA": "K", "ZMW": "ZMW", "KES": "KES", "KSH": "KES", "SHILLINGS": "KES"}
