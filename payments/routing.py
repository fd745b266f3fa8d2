"""Which provider collects from a wallet: by the prefix of its number and the tap's currency."""

from collections.abc import Iterable

from core import msisdn as numbers
from payments.desk import Rail

NAMES = {
    "mtn": "MTN MoMo",
    "airtel": "Airtel Money",
    "zamtel": "Zamtel Kwacha",
    "daraja": "M-PESA",
    "kcb": "KCB M-Pesa",
    "kcb_multi": "KCB",
    "stripe": "Card",
    "cash": "Cash",
}
# Holder of the prefix and country (reference zambia §1, daraja §2) to the rail that serves its wallets.
_BY_NETWORK = {
    ("MTN", "ZM"): "mtn",
    ("AIRTEL", "ZM"): "airtel",
    ("ZAMTEL", "ZM"): "zamtel",
    ("SAFARICOM", "KE"): "daraja",
}


def usual(msisdn: str) -> str | None:
    """Return the provider of a number's prefix; None where there is none. The payer may choose another."""
    network = numbers.network(msisdn)
    return _BY_NETWORK.get((network.name, network.country))


def for_currency(rails: Iterable[Rail], currency: str) -> list[Rail]:
    """Return the rails that collect in a currency, in a stable order."""
    return sorted((r for r in rails if currency in r.traits.currencies), key=lambda r: r.provider)
