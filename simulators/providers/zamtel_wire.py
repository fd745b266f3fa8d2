"""Zamtel Kwacha's checks and bodies (reference zamtel-and-others §A). Most of the words are ours."""

import re
from collections.abc import Callable, Mapping

from simulators.edge import Refused, Reply, reply_json
from simulators.providers.book import Push
from simulators.providers.config import Zamtel
from simulators.providers.people import Answer

MESSAGES = {
    "0": "Success",
    "E8003": "Wrong PIN",
    "2006": "Balance insufficient",
    "E8027": "System unable to process",
    "-1": "Internal error",
    "2001": "Initiator authentication error",
    "2005": "Rule limited",
}
REASONS = {
    Answer.WRONG_PIN: "E8003",
    Answer.NO_BALANCE: "2006",
    # No status is known for a payer who cancels, waits too long, is switched off or has no wallet.
}
_FIREWALL = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_FIRST = 1_000_000_000


def says(status: str) -> Reply:
    """Return a reply without a transaction: the HTTP status is 200 whatever happened."""
    return reply_json(200, {"status": status, "message": MESSAGES.get(status, f"Status {status}")})


SPOILT = {
    "error": says("-1"),
    "too_many": Reply(429, b"", "text/plain"),
    "html": Reply(502, _FIREWALL, "text/html"),
    "token_refused": says("2001"),
}


def transaction_id(serial: int) -> str:
    """Return `CK` and digits, as in the reference's sample."""
    return f"CK{_FIRST + serial % (9 * _FIRST)}"


def outcome(push: Push) -> Reply:
    """Return the reply to a push that was decided."""
    if not push.paid:
        return says(push.code)
    return reply_json(200, {"status": "0", "message": MESSAGES["0"], "TransactionId": push.receipt})


def checked(query: Mapping[str, str], config: Zamtel) -> dict[str, str]:
    """Return the parameters; refuse other keys with 2001 and what cannot be a request with -1."""
    fields = {name: query.get(name, "") for name in _RULES}
    keys = {"ThirdPartyID": config.third_party_id, "Password": config.password, "Shortcode": config.shortcode}
    if any(query.get(name) != value for name, value in keys.items()):
        raise Refused(says("2001"))
    if not all(holds(fields[name]) for name, holds in _RULES.items()):
        raise Refused(says("-1"))
    return fields


def checked_payout(query: Mapping[str, str], config: Zamtel) -> dict[str, str]:
    """Return the parameters of a payout; refuse another initiator with 2001, the rest as `checked`."""
    if (query.get("identifier"), query.get("credential")) != (config.identifier, config.credential):
        raise Refused(says("2001"))
    return checked(query, config)


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


_RULES: Mapping[str, Callable[[str], bool]] = {
    "Amount": _matches(r"(?!0+(\.0+)?$)\d{1,7}(\.\d{1,2})?"),
    "Msisdn": _matches(r"260\d{9}"),
    "ConversationId": _matches(r"[A-Za-z0-9]{1,64}"),
}
