"""A gateway account's credentials as people give them: read, checked by the provider's own model, masked.

Nothing here repeats a value: what is wrong is said by field.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from core.errors import BadInput
from gateway.settings import Env, Settings, unfit
from payments.routing import NAMES

MASK = "********"
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_MOST_BYTES = 64 * 1024
_MOST_ERRORS = 10


class BadCredentials(BadInput):
    """These are no credentials of this provider."""

    code = "bad_credentials"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        self.errors = errors
        said = (f"{one['field']}: {one['detail']}" if one["field"] else one["detail"] for one in errors)
        super().__init__("; ".join(said))


@lru_cache(maxsize=1)
def models() -> Mapping[str, type[BaseModel]]:
    """Return the settings model of each provider that has credentials."""
    fields = Settings.model_fields
    found = {name: fields[name].annotation for name in NAMES if name in fields}
    return {name: own for name, kind in found.items() for own in get_args(kind) if own is not type(None)}


def model(provider: str) -> type[BaseModel]:
    """Return a provider's settings model; raises BadInput (no_such_provider)."""
    found = models().get(provider)
    if found is None:
        known = ", ".join(sorted(models()))
        raise BadInput(f"there is no provider {provider[:20]!r}; there are {known}", code="no_such_provider")
    return found


def read(provider: str, raw: bytes) -> dict[str, Any]:
    """Return the fields of a file: one JSON object, or a NAME=value a line. Raises BadInput."""
    if len(raw) > _MOST_BYTES:
        raise BadInput(f"credentials are at most {_MOST_BYTES} bytes", code="too_long")
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadInput("credentials are UTF-8 text: JSON, or a NAME=value a line", code="bad_file") from None
    if not text:
        raise BadInput("nothing was given: JSON, or a NAME=value a line", code="bad_file")
    found = _object(text) if text.startswith("{") else _lines(text)
    return {_field(provider, name): value for name, value in found.items()}


def _object(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("this begins like JSON, but is none", code="bad_file") from None
    return found


def _lines(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        pair = _LINE.fullmatch(bare)
        if pair is None:
            raise BadInput(f"line {number} is no NAME=value", code="bad_file")
        found[pair[1]] = _unquoted(pair[2].strip())
    return found


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text


def _field(provider: str, name: str) -> str:
    """Return a field's name, also where it was copied from the settings (`MADZI_MTN_API_KEY`)."""
    return name.lower().removeprefix(f"madzi_{provider}_")


def check(provider: str, fields: Mapping[str, Any], env: Env) -> BaseModel:
    """Return credentials as the provider's model; raises BadInput (no_such_provider, bad_credentials)."""
    kind = model(provider)
    unknown = sorted(set(fields) - set(kind.model_fields))
    if unknown:
        raise BadCredentials([{"field": name[:40], "detail": "there is no such field"} for name in unknown])
    try:
        made = kind.model_validate(dict(fields))
    except ValidationError as wrong:
        raise BadCredentials(_said(wrong)) from None
    if env is Env.PRODUCTION and (why := unfit(provider, made)):
        raise BadCredentials([{"field": "", "detail": why}])
    return made


def _said(wrong: ValidationError) -> list[dict[str, str]]:
    found = wrong.errors(include_url=False, include_input=False, include_context=False)[:_MOST_ERRORS]
    return [
        {"field": ".".join(str(step) for step in e["loc"]), "detail": e["msg"].removeprefix("Value error, ")}
        for e in found
    ]


def masked(settings: BaseModel | None) -> dict[str, Any]:
    """Return credentials as they may be shown: secrets hidden, what was never given left out."""
    if settings is None:
        return {}
    given = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        name: MASK if isinstance(value, SecretStr) else value
        for name, value in given.items()
        if value is not None and value != ""
    }
