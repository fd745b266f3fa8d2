"""Texts by key, in the person's language, rendered only at the edge.

A catalogue is a gettext file `locale/<language>.po` whose message ids are keys (`debt.share`) and whose
texts are `str.format` templates. A key that a language lacks is taken from English.
"""

from dataclasses import dataclass, field
from importlib import resources
from io import BytesIO
from typing import Any

from babel.messages.pofile import read_po

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """What is to be said: a catalogue key and its parameters (already formatted amounts, times, names)."""

    key: str
    params: dict[str, Any] = field(default_factory=dict)


class Catalogues:
    """Every language's templates of one room."""

    def __init__(self, templates: dict[str, dict[str, str]]) -> None:
        self._templates = templates

    @classmethod
    def of(cls, package: str) -> "Catalogues":
        """Read every `locale/*.po` inside `package`."""
        folder = resources.files(package) / "locale"
        files = [file for file in folder.iterdir() if file.name.endswith(".po")]
        return cls({file.name[:-3]: _read(file.read_bytes()) for file in files})

    @property
    def languages(self) -> list[str]:
        """Return the languages there are, English first."""
        return sorted(self._templates, key=lambda language: (language != ENGLISH, language))

    def keys(self, language: str = ENGLISH) -> set[str]:
        """Return the keys of a language."""
        return set(self._templates[language])

    def template(self, key: str, language: str) -> str:
        """Return the template of a key; raises KeyError where not even English has it."""
        found = self._templates.get(language, {}).get(key)
        return found if found is not None else self._templates[ENGLISH][key]

    def render(self, text: Text, language: str) -> str:
        """Return the words; raises KeyError for an unknown key or a missing parameter."""
        return self.template(text.key, language).format_map(text.params)


def _read(source: bytes) -> dict[str, str]:
    catalogue = read_po(BytesIO(source))
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string}
