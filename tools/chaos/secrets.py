"""What must be in no log: every secret of the settings and of the addresses, and people's numbers."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from pydantic import BaseModel, SecretStr

from payments.links import pay_links
from payments.payouts.tables import payouts
from payments.tables import callbacks, payments
from sms.tables import sms_messages
from tools.chaos.city import OWN_KEYS, PLATFORM_TOKEN, City
from tools.chaos.people import AGENTS

_SHORTEST = 8  # a shorter text stands in logs by chance
_SECRET = re.compile(r"secret|key|password|pin|token|credential|passkey|user", re.IGNORECASE)
_WORD = re.compile(r"[\w-]{8,}", re.ASCII)
_DIGITS = re.compile(r"\d{9,15}")


async def leaks(city: City, text: str) -> list[str]:
    """Return what of this city stands in a log though it must not: each by its name, not by its text."""
    return find(text, await _secrets(city), await _numbers(city), await _keys(city))


def find(
    text: str, secrets: Mapping[str, str], numbers: Iterable[str], keys: Mapping[str, str] | None = None
) -> list[str]:
    """Return the names of secrets, and ends of numbers (E.164), that stand in a text in any usual form.

    `keys` are random words, key -> its name: there may be very many of them.
    """
    found = {f"secret: {name}" for name, secret in secrets.items() if any(f in text for f in _forms(secret))}
    words = set(_WORD.findall(text)) if keys else set()
    found |= {f"secret: {name}" for key, name in (keys or {}).items() if key.rpartition(".")[2] in words}
    known = {form for msisdn in numbers for form in (msisdn.lstrip("+"), msisdn[4:])}
    seen = {digits for digits in _DIGITS.findall(text) if digits.lstrip("0") in known}
    return sorted(found) + [f"number: …{digits[-3:]}" for digits in sorted(seen)]


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}


def traces(text: str) -> Counter[str]:
    """Count the exceptions in a log, by the event that they stand in."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if "Traceback (most recent call last)" not in line:
            continue
        try:
            said = json.loads(line)
        except ValueError:
            found[line[:80]] += 1
        else:
            last = str(said.get("exception", "")).strip().splitlines()[-1:]
            found[f"{said.get('event')}: {''.join(last)[:120]}"] += 1
    return found


async def _secrets(city: City) -> dict[str, str]:
    """Return every secret by its name."""
    settings = city.runtime.settings
    known = dict(_of_settings("", settings))
    known |= {f"{OWN_KEYS.payee} {name}": value for name, value in _named(vars_of(OWN_KEYS))}
    known["platform token"] = PLATFORM_TOKEN
    for account in city.runtime.accounts.values():
        known[f"callback token {account.account_id}"] = account.callback_token
    pairs = {
        "basic daraja": _pair(settings.daraja, "consumer_key", "consumer_secret"),
        "basic kcb": _pair(settings.kcb, "consumer_key", "consumer_secret"),
        "basic mtn": _pair(settings.mtn, "api_user", "api_key"),
    }
    known |= {name: base64.b64encode(both.encode()).decode() for name, both in pairs.items()}
    return {name: value for name, value in known.items() if len(value) >= _SHORTEST}


async def _keys(city: City) -> dict[str, str]:
    """Return what makes addresses secret: keys of pushes, payouts and questions, tokens of links."""
    async with city.runtime.db.read() as connection:
        columns = {
            "key of a push": payments.c.callback_key,
            "key of a payout": payouts.c.callback_key,
            "key of a question": callbacks.c.key,
            "token of a link": pay_links.c.token,
        }
        return {
            key: name
            for name, column in columns.items()
            for key in (await connection.execute(sa.select(column))).scalars()
            if key
        }


async def _numbers(city: City) -> set[str]:
    async with city.runtime.db.read() as connection:
        written = set((await connection.execute(sa.select(sms_messages.c.msisdn))).scalars())
    return {*written, *(person.msisdn for person in city.people), *AGENTS.values()} - {"", None}


def _of_settings(prefix: str, settings: BaseModel) -> Iterator[tuple[str, str]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _of_settings(f"{prefix}{name}.", value)
        elif isinstance(value, SecretStr):
            yield f"{prefix}{name}", value.get_secret_value()


def _named(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return (
        (name, value) for name, value in values.items() if _SECRET.search(name) and isinstance(value, str)
    )


def vars_of(keys: Any) -> dict[str, Any]:
    """Return the fields of a simulator's keys."""
    return {name: getattr(keys, name) for name in keys.__dataclass_fields__}


def _pair(own: Any, first: str, second: str) -> str:
    return ":".join(_text(getattr(own, name)) for name in (first, second))


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
