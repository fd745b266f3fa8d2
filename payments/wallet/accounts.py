"""What a wallet is called in the books, and how much of it a payment can use: pure.

A wallet belongs to a phone and is a liability: its ledger account is credited with what we keep for its
owner, and debited with what they pay from it. It never goes below zero.
"""

PROVIDER = "wallet"  # of a payment from a wallet: a provider without a push, like cash
ACCOUNT_ID = "wallet:default"  # the one gateway account of all of them
_HELD = "wallet:"


def held_for(msisdn: str) -> str:
    """Return the ledger account of what we keep for a phone (E.164)."""
    return _HELD + msisdn


def owner(ledger_account: str) -> str | None:
    """Return whose wallet a ledger account is; None where it is none."""
    return ledger_account.removeprefix(_HELD) if ledger_account.startswith(_HELD) else None


def usable_minor(amount_minor: int, kept_minor: int, unit_minor: int = 1, min_minor: int = 1) -> int:
    """Return how much of what we keep pays first, so that a rail can carry the rest exactly.

    All of the amount where there is enough; else the most that leaves whole units, and not below the rail's
    minimum. Nothing where less than the broken unit is there: then the rail must carry all of it.
    """
    if kept_minor >= amount_minor:
        return max(0, amount_minor)
    broken_minor = amount_minor % unit_minor
    most_minor = min(kept_minor, amount_minor - min_minor)
    if most_minor < broken_minor:
        return 0
    return broken_minor + (most_minor - broken_minor) // unit_minor * unit_minor
