"""What routing goes by, as data: whose wallets a rail debits, who is offered it, and what it costs."""

from collections.abc import Mapping

from msgspec import Struct

# Rails that debit the same wallets, by the name of the wallet; any other rail debits its own.
WALLETS: Mapping[str, str] = {"daraja": "mpesa", "kcb": "mpesa"}

# Holder of the prefix and country (reference zambia §1, daraja §2) to the wallet behind such numbers.
BY_NETWORK: Mapping[tuple[str, str], str] = {
    ("MTN", "ZM"): "mtn",
    ("AIRTEL", "ZM"): "airtel",
    ("ZAMTEL", "ZM"): "zamtel",
    ("SAFARICOM", "KE"): "mpesa",
}

# Which of a wallet's rails people know it by.
FIRST: Mapping[str, str] = {"mpesa": "daraja"}

# Rails that need no wallet of a network: for the office and for people abroad, who ask for them.
ASKED_FOR = frozenset({"stripe"})


class Fee(Struct, frozen=True):
    """What a collection costs us: parts in ten thousand of the amount, and minor units on top."""

    basis_points: int = 0
    fixed_minor: int = 0

    def of(self, amount_minor: int) -> int:
        """Return the fee in minor units, rounded up."""
        return self.fixed_minor - (-amount_minor * self.basis_points // 10_000)


FREE = Fee()


def wallet_of(provider: str) -> str:
    """Return the name of the wallets that a rail debits."""
    return WALLETS.get(provider, provider)
