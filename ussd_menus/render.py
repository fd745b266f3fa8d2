"""Puts a screen into words that fit the handset. Real data never makes it raise: names give way first."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from core.gsm import fits, fold
from core.i18n import COUNT, Catalogues, Text
from ussd_menus.view import Name, Option, Shown

_NAME_LENGTHS = (None, 16, 10, 6)


class Rendered(Struct, frozen=True):
    """The words, and what their keys do."""

    text: str
    options: tuple[str, ...]
    more: int  # first item of the next page; 0: there is none


class Renderer(Struct, frozen=True, gc=False):
    """Speaks one language to a screen of `septets`."""

    catalogues: Catalogues
    language: str
    septets: int

    def render(self, shown: Shown, page: int = 0, error: Text | None = None) -> Rendered:
        """Return the fullest version that fits: all said, else a shorter head, else shorter names."""
        if not shown.is_constant or error or page:
            return self._fit(shown, page, error)
        kept = self.catalogues.kept
        key = (id(shown), self.language, self.septets)
        if key not in kept:
            kept[key] = self._fit(shown, 0, None)
        rendered: Rendered = kept[key]
        return rendered

    def _fit(self, shown: Shown, page: int, error: Text | None) -> Rendered:
        for name_length in _NAME_LENGTHS:
            for head in _heads(shown, error):
                rendered = self._lay_out(shown, page, head, name_length)
                if fits(rendered.text, self.septets):
                    return rendered
        if len(shown.options) > 1 and not shown.lines:
            rendered = self._paged(shown, page, [self.say(text, name_length) for text in head])
            if fits(rendered.text, self.septets):
                return rendered
        return Rendered(_cut(fold(rendered.text), self.septets), rendered.options, rendered.more)

    def say(self, text: Text, name_length: int | None = None) -> str:
        """Return the words of a text; parameters that are texts are put into words too."""
        if not text.params:
            return self.catalogues.template(text.key, self.language)
        template = self.catalogues.template(text.key, self.language, text.params.get(COUNT))
        return template.format_map({k: self._word(v, name_length) for k, v in text.params.items()})

    def _word(self, value: Any, name_length: int | None) -> Any:
        if isinstance(value, Text):
            return self.say(value)
        return value[:name_length].rstrip() if name_length and isinstance(value, Name) else value

    def _lay_out(self, shown: Shown, page: int, head: tuple[Text, ...], name_length: int | None) -> Rendered:
        said = [self.say(text, name_length) for text in head]
        if shown.lines or len(shown.options) > (0 if page else shown.most):
            return self._paged(shown, page, said)
        options = [self._option(n, option, name_length) for n, option in enumerate(shown.options, 1)]
        return Rendered("\n".join([*said, *options, *self._tail(shown)]), _does(shown.options), 0)

    def _paged(self, shown: Shown, page: int, said: list[str]) -> Rendered:
        """Return the longest page that fits, starting at item `page`."""
        count = len(shown.lines) or len(shown.options)
        start = page if page < count else 0
        for stop in range(min(count, start + shown.most), start, -1):
            more = stop if stop < count else 0
            rendered = self._page(shown, said, start, stop, more)
            if fits(rendered.text, self.septets):
                break
        return rendered

    def _page(self, shown: Shown, said: list[str], start: int, stop: int, more: int) -> Rendered:
        options = shown.options if shown.lines else shown.options[start:stop]
        items = [self.say(line) for line in shown.lines[start:stop]]
        keys = [self._option(n, option) for n, option in enumerate(options, 1)]
        tail = [self.say(Text("key.more"))] if more else []
        return Rendered("\n".join([*said, *items, *keys, *tail, *self._tail(shown)]), _does(options), more)

    def _option(self, key: int, option: Option, name_length: int | None = None) -> str:
        return f"{key} {self.say(option.label, name_length)}"

    def _tail(self, shown: Shown) -> list[str]:
        return [self.say(Text("key.back"))] if shown.has_back and not shown.is_end else []


def _heads(shown: Shown, error: Text | None) -> Iterator[tuple[Text, ...]]:
    """Yield what may stand above the options, the fullest first."""
    if error is None:
        yield shown.head
        return
    if shown.keeps_head:
        yield (error, *shown.head)
    yield (error,)


def _cut(text: str, septets: int) -> str:
    """Return as much of a GSM-7 text as fits; some of its letters take two septets."""
    lengths = range(min(len(text), septets), 0, -1)
    return next((text[:length] for length in lengths if fits(text[:length], septets)), "")


def _does(options: tuple[Option, ...]) -> tuple[str, ...]:
    return tuple(option.does for option in options)
