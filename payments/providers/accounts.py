"""Gateway accounts: what they are called, and at which addresses their providers call back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from core.ids import Ids

# Daraja refuses an address that holds one of these, in any case (reference daraja §12); random text does
# so once in about five hundred times.
BANNED_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "cmd", "sql", "query")
_MOST_DRAWS = 100

# The kinds of notices that are read (contract §2), each with its end of the address.
_KINDS: Mapping[str, Mapping[str, str]] = {
    "airtel": {"callback": ""},
    "daraja": {
        "stk": "/stk",
        "c2b_validation": "/c2b_validation",
        "c2b_confirmation": "/c2b_confirmation",
        "b2c_result": "/b2c_result",  # of reversals and status questions too
        "b2c_timeout": "/b2c_timeout",
    },
    "kcb": {"stk": "", "ipn": "/ipn"},
    "kcb_multi": {"callback": ""},
    "mtn": {"callback": ""},
    "stripe": {"callback": ""},
}
# Airtel's portal holds one address for all pushes: what is sent along is not used there.
_PUSH_KIND = {
    "airtel": "callback",
    "daraja": "stk",
    "kcb": "stk",
    "kcb_multi": "callback",
    "mtn": "callback",
    "stripe": "callback",
}
_PAYOUT_KINDS = {"daraja": ("b2c_result", "b2c_timeout")}
_USUAL_PAYOUT_KINDS = ("callback", "")
# KCB takes addresses of 50 characters (reference kcb-buni §2): there is no room for a push's own key.
_KEYLESS = frozenset({"kcb"})


class State(StrEnum):
    """What an account is used for. What was paid by it is asked about, and heard of, in every state."""

    ENABLED = "enabled"
    DISABLED = "disabled"  # its zone is not offered this provider
    REMOVED = "removed"  # its zone uses the default account again


@dataclass(frozen=True, slots=True)
class Account:
    """One configured set of credentials at a provider; without a zone it serves those that have none.

    `callback_token` is the newest; empty where it could not be opened.
    """

    account_id: str
    provider: str
    zone: str | None
    callback_token: str = field(repr=False)
    state: State = State.ENABLED


def default_id(provider: str) -> str:
    """Return the id of the account used by zones without their own."""
    return f"{provider}:default"


def zone_id(provider: str, zone: str) -> str:
    """Return the id of a zone's own account."""
    return f"{provider}:{zone}"


def hash_token(token: str) -> str:
    """Return that by which a callback's account is found; 128 random bits cannot be guessed from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def safe_token(ids: Ids) -> str:
    """Return 22 random characters that may stand in a callback address: callback keys are drawn so too."""
    for _ in range(_MOST_DRAWS):
        token = ids.token(16)
        if not has_banned_word(token):
            return token
    raise RuntimeError("the source of random bits repeats itself")


def has_banned_word(text: str) -> bool:
    """Say whether Daraja would refuse an address with this in it."""
    lowered = text.lower()
    return any(word in lowered for word in BANNED_WORDS)


def urls(public_url: str, account: Account) -> dict[str, str]:
    """Return the addresses that are to be registered for an account, by kind (contract §2)."""
    if not account.callback_token:
        return {}
    base = f"{public_url.rstrip('/')}/cb/{account.callback_token}"
    return {kind: base + end for kind, end in _KINDS.get(account.provider, {}).items()}


def callback_url(public_url: str, account: Account, key: str) -> str:
    """Return the address for the notices of one push; `key` tells which push it was.

    Empty where the provider (Zamtel) sends none.
    """
    address = urls(public_url, account).get(_PUSH_KIND.get(account.provider, ""), "")
    return _with_key(address, key) if account.provider not in _KEYLESS else address


def payout_urls(public_url: str, account: Account, key: str) -> tuple[str, str]:
    """Return where the outcome of one payout is told, and that the provider gave up waiting for it.

    `key` tells which payout it was. Empty where the provider tells no such thing to an address of ours.
    """
    known = urls(public_url, account)
    result, timeout = _PAYOUT_KINDS.get(account.provider, _USUAL_PAYOUT_KINDS)
    return _with_key(known.get(result, ""), key), _with_key(known.get(timeout, ""), key)


def _with_key(address: str, key: str) -> str:
    return f"{address}?key={quote(key, safe='')}" if address else ""
