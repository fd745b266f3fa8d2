"""Where a caller stands: kept at every hop, so it is small and quickly written."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

END = "ended"
START = "start"


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One call. What was shown counts: keys mean what `options` said, a Yes means the amount shown."""

    msisdn: str  # E.164
    state: str = START  # name of the screen
    language: str | None = None  # None: never chosen, English meanwhile
    options: tuple[str, ...] = ()  # what keys 1, 2, … of the screen do: `event` or `event:argument`
    more: int = 0  # first item of the next page; 0: there is none
    page: int = 0  # first item of the page shown
    errors: int = 0  # wrong inputs in a row
    taps: tuple[str, ...] = ()  # TapIDs known for this phone
    tap_id: str | None = None
    tenant_id: str | None = None  # whose part is paid; None: all that is open on the tap
    neighbour: str | None = None  # E.164 of the tenant paid for, if not the caller
    whose: str = ""  # "": the usual view of the tap; all: the whole tap; one: `neighbour`
    currency: str = "ZMW"
    due_minor: int = 0
    broken_minor: int = 0  # of that: what the whole units of each part leave over
    amount_minor: int = 0  # 0: all that is due
    payer: str | None = None  # E.164 of another wallet than the caller's
    provider: str | None = None  # chosen way; None: the usual one of the wallet
    waits: bool = False  # the way does not work now, and the caller wants to be asked when it does
    confirmations: int = 0  # how often a Yes was given in this call
    payment_id: str | None = None  # the payment under way that was shown
    roles: tuple[str, ...] = ()  # as in `facts.Phone`
    kind: str = ""  # of the problem that is reported
    person: str | None = None  # E.164 of the tenant a caretaker looks at or adds, or of the payer of cash
    name: str = ""  # of that tenant
    via: str = ""  # from which list a tap was chosen: behind, kept; empty: it was typed
    people: int = 0  # who live in that tenant's home, or were counted at the tap
    stopped: str | None = None  # a dropped call that may go on, in the form of `dumps`

    def dumps(self) -> str:
        """Return compact JSON: only what differs from a fresh session."""
        return _encode(self).decode()

    def but(self, changes: Mapping[str, Any]) -> "Session":
        """Return a copy with some fields changed; raises TypeError for one that no session has."""
        return replace(self, **changes)

    @property
    def spoken(self) -> str:
        """Return the language to speak."""
        return self.language or "en"

    @property
    def wallet(self) -> str:
        """Return the number that pays."""
        return self.payer or self.msisdn


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Session).decode


def loads(text: str) -> Session:
    """Return the session kept by `dumps`; raises ValueError where it is none of ours."""
    try:
        return _decode(text)
    except msgspec.MsgspecError as broken:
        raise ValueError("this is not a kept session") from broken
