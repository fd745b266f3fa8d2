"""Networks by number: Africa's Talking's codes, prices of an SMS, and how long a session may last."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.msisdn import network

SANDBOX = "99999"
_CODES = {
    ("ZM", "AIRTEL"): "64501",
    ("ZM", "MTN"): "64502",
    ("ZM", "ZAMTEL"): "64503",
    ("KE", "SAFARICOM"): "63902",
    ("KE", "AIRTEL"): "63903",
    ("KE", "ORANGE"): "63907",
    ("KE", "EQUITEL"): "63999",
}
_PRICES = {"+260": ("ZMW", 2500), "+254": ("KES", 8000)}  # of ten thousand parts of the currency's unit


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may last and how long a person may think (reference africastalking §1)."""

    session_s: float = 180.0
    idle_s: float = 60.0


LIMITS: Mapping[str, Limits] = {"63902": Limits(180.0, 30.0), "63903": Limits(180.0, 60.0)}
UNKNOWN = Limits()


def network_code(msisdn: str) -> str:
    """Return the code by the number's prefix; the sandbox's where the network is not known."""
    holder = network(msisdn)
    return _CODES.get((holder.country, holder.name), SANDBOX)


def network_name(code: str) -> str:
    """Return a network's name, as aggregators write it who send no code; empty for the sandbox."""
    return next((name for (_, name), known in _CODES.items() if known == code), "")


def find(text: str, msisdn: str) -> str:
    """Return a network's code for its code or name, in the country of the number where there is a choice.

    Raises LookupError where no network is called so.
    """
    country = network(msisdn).country
    for row in sorted(table(), key=lambda row: row["country"] != country):
        if text.upper() in (row["code"], row["name"]):
            return str(row["code"])
    names = ", ".join(sorted({str(row["name"]).lower() for row in table()}))
    raise LookupError(f"there is no network {text!r}; there are {names}")


def limits(code: str, known: Mapping[str, Limits] = LIMITS) -> Limits:
    """Return a network's limits; Zambia's are not published, so a guess stands for them."""
    return known.get(code, UNKNOWN)


def table(known: Mapping[str, Limits] = LIMITS) -> list[dict[str, Any]]:
    """Return every network that a phone may be on, with its limits in seconds."""
    named = [(code, name, country) for (country, name), code in _CODES.items()]
    return [
        {"code": code, "name": name, "country": country, **asdict(limits(code, known))}
        for code, name, country in (*named, (SANDBOX, "SANDBOX", ""))
    ]


def price(msisdn: str) -> tuple[str, int]:
    """Return currency and price of an SMS, in ten thousandths of the unit."""
    return _PRICES.get(msisdn[:4], ("USD", 200))


def cost(currency: str, parts: int) -> str:
    """Return a price as Africa's Talking writes it: `ZMW 0.2500`; nothing is `0`."""
    return f"{currency} {parts // 10_000}.{parts % 10_000:04d}" if parts else "0"
