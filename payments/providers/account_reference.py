"""What a bank notes as the account that was paid: the tap, and four characters that tell which payment.

Twelve letters and digits, the most that KCB's portal allows (reference kcb-buni §2). The tap is for people
who read statements; its payment is what makes a notice unmistakable where nothing else of ours comes back.
"""

import base64
import hashlib

from core.errors import BadInput
from taps import tap_id as taps

_TAP_LENGTH = 8
LENGTH = 12


def account_reference(tap_id: str, payment_id: str) -> str:
    """Return the reference of a payment, like `KNY041712QXA`."""
    tap = "".join(c for c in tap_id if c.isascii() and c.isalnum())[:_TAP_LENGTH].upper()
    digest = hashlib.sha256(payment_id.encode()).digest()
    return tap + base64.b32encode(digest)[: LENGTH - _TAP_LENGTH].decode()


def tap_of(reference: str) -> str | None:
    """Return the TapID in a reference of ours; None where it can be none."""
    if len(reference) != LENGTH:
        return None
    try:
        return taps.parse(reference[:_TAP_LENGTH])
    except BadInput:
        return None
