"""Texts by key, in the person's language, rendered only at the edge.

A catalogue is a gettext file `locale/<language>.po` whose message ids are keys (`debt.share`) and whose
texts are `str.format` templates. A key that a language lacks is taken from English. An entry with plural
forms (`msgid_plural`, `msgstr[0]`, `msgstr[1]`) is chosen by the parameter `count`, a whole number, and by
the rule of the file's own `Plural-Forms` header; without a count it is the last form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from gettext import c2py
from importlib import resources
from io import BytesIO
from typing import Any

from babel.messages.pofile import read_po
from msgspec import Struct

ENGLISH = "en"
COUNT = "count"
_HEADER = re.compile(r'^"(X-[\w-]+): (.*)\\n"$', re.MULTILINE)
_LAST_KEY = 99
_COUNTS_TRIED = 200  # no language of CLDR needs more to show all its plural forms
Entry = str | tuple[str, ...]
PluralRule = Callable[[int], int]


class Text(Struct, frozen=True):
    """What is to be said: a catalogue key and its parameters (already formatted amounts, times, names)."""

    key: str
    params: Mapping[str, Any] = {}


def one_or_other(count: int) -> int:
    """Return 0 for one, 1 for everything else, none included: English, Nyanja and Bemba (CLDR)."""
    return int(count != 1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One file: its entries, its plural rule, and what its header says of it (`X-Language-Name`, …)."""

    entries: Mapping[str, Entry]
    rule: PluralRule = one_or_other
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def menu_key(self) -> int:
        """The place of this language on the screen that asks for it."""
        return int(self.headers.get("X-Menu-Key", _LAST_KEY))


class Catalogues:
    """Every language's templates of one room."""

    def __init__(self, found: Mapping[str, Catalogue | Mapping[str, Entry]]) -> None:
        self._files = {
            language: one if isinstance(one, Catalogue) else Catalogue(one) for language, one in found.items()
        }
        self.kept: dict[Any, Any] = {}  # what a room makes of these texts once and for all
        # Looked up at every hop: plain texts stand by themselves, of plural forms the last one.
        self._templates = {
            language: {
                key: entry if isinstance(entry, str) else entry[-1] for key, entry in one.entries.items()
            }
            for language, one in self._files.items()
        }

    @classmethod
    def of(cls, package: str) -> "Catalogues":
        """Read every `locale/*.po` inside `package`."""
        folder = resources.files(package) / "locale"
        files = [file for file in folder.iterdir() if file.name.endswith(".po")]
        return cls({file.name[:-3]: read(file.read_bytes()) for file in files})

    @property
    def languages(self) -> list[str]:
        """Return the languages there are, English first."""
        return sorted(self._templates, key=lambda language: (language != ENGLISH, language))

    @property
    def names(self) -> dict[str, str]:
        """Return each language's own name, in the order in which a menu offers them."""
        by_key = sorted(self._files.items(), key=lambda item: (item[1].menu_key, item[0]))
        return {language: one.headers.get("X-Language-Name", language) for language, one in by_key}

    def keys(self, language: str = ENGLISH) -> set[str]:
        """Return the keys of a language."""
        return set(self._templates[language])

    def forms(self, key: str, language: str) -> tuple[str, ...]:
        """Return all templates of a key: one, or one for each plural form; raises KeyError."""
        entry = self._files[self._speaker(key, language)].entries[key]
        return (entry,) if isinstance(entry, str) else entry

    def plural_forms(self, language: str) -> int:
        """Return how many plural forms a language has."""
        rule = self._files[language].rule
        return len({rule(count) for count in range(_COUNTS_TRIED)})

    def template(self, key: str, language: str, count: object = None) -> str:
        """Return the template of a key; raises KeyError where not even English has it."""
        if isinstance(count, int):
            return self._counted(key, language, count)
        found = self._templates.get(language, {}).get(key)
        return found if found is not None else self._templates[ENGLISH][key]

    def render(self, text: Text, language: str) -> str:
        """Return the words; raises KeyError for an unknown key or a missing parameter."""
        template = self.template(text.key, language, text.params.get(COUNT))
        return template.format_map(text.params)

    def _counted(self, key: str, language: str, count: int) -> str:
        speaker = self._files[self._speaker(key, language)]
        entry = speaker.entries[key]
        return entry if isinstance(entry, str) else entry[speaker.rule(count)]

    def _speaker(self, key: str, language: str) -> str:
        return language if key in self._templates.get(language, {}) else ENGLISH


def read(source: bytes) -> Catalogue:
    """Return what a gettext file holds; an entry without a text is as if it were not there."""
    catalogue = read_po(BytesIO(source))
    entries: dict[str, Entry] = {}
    for message in catalogue:
        if message.id and message.string and message.pluralizable:
            entries[message.id[0]] = tuple(message.string)
        elif message.id and message.string:
            entries[str(message.id)] = str(message.string)
    headers = dict(_HEADER.findall(source.decode()))
    return Catalogue(entries, c2py(catalogue.plural_expr), headers)
