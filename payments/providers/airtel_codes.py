"""Every status and code of Airtel Money, each in one row (reference airtel-money §3, §4).

Only `data.transaction.status` says what became of a payment. Two copies of the list of response codes
contradict each other, so a code never settles anything: it tells whether a push that was answered no may
have reached the payer all the same, and lends its word where both copies mean the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from payments.providers.base import Outcome, Reason, Taken
from payments.providers.unknown import note_unknown

# What an enquiry, and but for the waiting ones a callback, says of a payment.
STATUSES = {
    "TS": Outcome.PAID,
    "TF": Outcome.NOT_PAID,
    "TIP": Outcome.WAITING,
    "TI": Outcome.WAITING,
    "TA": Outcome.UNKNOWN,  # timed out inside Airtel; it may be paid yet (trap 1)
    "TE": Outcome.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Code:
    """What a code in a reply says of a push, and of an enquiry that tells no status; neither settles."""

    taken: Taken
    query: Outcome = Outcome.UNKNOWN
    reason: Reason | None = None
    is_config_fault: bool = False


_UNCLEAR = Code(Taken.UNKNOWN)
_NO = Code(Taken.REFUSED, reason=Reason.OTHER)
_CONFIG = Code(Taken.REFUSED, reason=Reason.OTHER, is_config_fault=True)
_UNHEARD_OF = Code(Taken.UNKNOWN, Outcome.NOT_FOUND)
_KNOWN_ID = Code(Taken.ACCEPTED)  # our id came before: ask what became of it

# Beside each: what the Ugandan and Tanzanian copies say / what a Zambian note says.
_COLLECTION = {
    "DP00800001000": _UNCLEAR,  # ambiguous / ambiguous
    "DP00800001001": _UNCLEAR,  # success / success; yet only the status says so
    "DP00800001002": _NO,  # incorrect PIN / unable to perform
    "DP00800001003": _UNCLEAR,  # above the wallet's limit / in progress
    "DP00800001004": _NO,  # amount invalid or too small / nothing
    "DP00800001005": _NO,  # PIN not entered, or id invalid / too little money, or MSISDN not found
    "DP00800001006": _UNCLEAR,  # in process / completed successfully
    "DP00800001007": _NO,  # too little money / declined by the user
    "DP00800001008": _NO,  # refused / nothing
    "DP00800001009": _NO,  # do not honour / timeout by the user
    "DP00800001010": _UNCLEAR,  # payee barred or not registered / transaction not found
    "DP00800001024": _UNCLEAR,  # timed out / under processing
    "DP00800001025": _UNHEARD_OF,  # not found / nothing
    "DP00800001026": _CONFIG,  # x-signature does not match the body / nothing
    "DP00800001029": _UNCLEAR,  # expired / nothing
}
# Payouts: `taken` is of the payout.
_DISBURSEMENT = {
    "DP00900001000": _UNCLEAR,
    "DP00900001001": Code(Taken.ACCEPTED),
    "DP00900001003": Code(Taken.REFUSED, reason=Reason.LIMIT),
    "DP00900001004": _NO,
    "DP00900001005": _NO,
    "DP00900001006": Code(Taken.ACCEPTED),
    "DP00900001007": _CONFIG,  # it is our wallet that has too little
    "DP00900001009": _CONFIG,
    "DP00900001010": _CONFIG,
    "DP00900001011": _UNCLEAR,  # a similar one exists: it may be ours
    "DP00900001012": _NO,
    "DP00900001013": _NO,
    "DP00900001014": _UNCLEAR,
    "DP00900001015": _UNHEARD_OF,
    "DP00900001016": _CONFIG,
    "DP00900001017": _KNOWN_ID,
}
# The encryption of messages: nothing was read, so nothing was taken.
_ENCRYPTION = {"DP02010001000": _CONFIG, "DP02010001001": _CONFIG}
_RESULTS = {
    "ESB000001": _UNCLEAR,
    "ESB000004": _UNCLEAR,
    "ESB000008": _CONFIG,
    "ESB000010": _UNCLEAR,  # success; of a push that was answered no it explains nothing
    "ESB000011": _UNCLEAR,  # failed: alone it does not say what
    "ESB000014": _UNCLEAR,
    "ESB000033": _NO,
    "ESB000034": _CONFIG,
    "ESB000035": _CONFIG,
    "ESB000036": _NO,
    "ESB000039": _CONFIG,
    "ESB000041": _KNOWN_ID,
    "ESB000045": _UNHEARD_OF,
}
_ROUTER = {
    **dict.fromkeys(
        (
            "ROUTER001", "ROUTER003", "ROUTER005", "ROUTER006", "ROUTER007", "ROUTER112", "ROUTER114",
            "ROUTER115", "ROUTER116", "ROUTER119",
        ),
        _CONFIG,
    ),
    "ROUTER117": _UNCLEAR,
}  # fmt: skip
CODES = _COLLECTION | _DISBURSEMENT | _ENCRYPTION | _RESULTS | _ROUTER

_KNOWN_IDS = frozenset({"ESB000041", "DP00900001017"})
_FAILED, _SUCCESS = "ESB000011", "ESB000010"
_TOO_MANY = 429
# Replies without any code.
_HTTP = {
    401: Code(Taken.NOT_REACHED, is_config_fault=True),
    _TOO_MANY: Code(Taken.NOT_REACHED),
    503: Code(Taken.NOT_REACHED),
}
_FRONT = (
    (403, "ip address not allowed", _CONFIG),
    (403, "cannot consume this service", _CONFIG),
    # The layer in front has lost its way to Airtel: nothing got there.
    (404, "no route matched", Code(Taken.NOT_REACHED)),
)

# Words of a failed payment's message, in this order; no list of such messages is known (assumed).
_REASONS = (
    ("balance", Reason.BALANCE),
    ("insufficient", Reason.BALANCE),
    ("limit", Reason.LIMIT),
    ("timed out", Reason.NO_ANSWER),
    ("timeout", Reason.NO_ANSWER),
    ("not entered", Reason.NO_ANSWER),
    ("pin", Reason.PIN),
    ("declined", Reason.CANCELLED),
    ("cancel", Reason.CANCELLED),
)


def status(word: str) -> Outcome:
    """Return what a status says; any other word is UNKNOWN, and counted."""
    if word not in STATUSES:
        note_unknown("airtel", word)
    return STATUSES.get(word, Outcome.UNKNOWN)


def failure(message: str) -> Reason:
    """Return why a payment failed, for the person's ears only: what the message says in words."""
    lowered = message.lower()
    return next((reason for word, reason in _REASONS if word in lowered), Reason.OTHER)


def of_reply(http_status: int, codes: tuple[str, ...], words: str, *, is_text: bool = False) -> Code:
    """Return what a reply says that is no success: by its codes, by the front layer's words, by HTTP status.

    Of several codes side by side the least certain one counts, but for "failed", which the others explain.
    A text (`is_text`: a page, mostly) proves nothing by its status: a proxy's 503 may follow a push that
    was taken.
    """
    if codes:
        telling = [code for code in codes if code != _FAILED] or codes
        return _least_certain([CODES.get(code, _UNCLEAR) for code in telling])
    lowered = words.lower()
    for front_status, needle, meaning in _FRONT:
        if http_status == front_status and needle in lowered:
            return meaning
    if is_text and http_status != _TOO_MANY:
        return _UNCLEAR
    return _HTTP.get(http_status, _UNCLEAR)


def all_say_taken(codes: tuple[str, ...]) -> bool:
    """Say whether no code beside a success makes one doubt it."""
    return all(CODES.get(code, _UNCLEAR).taken is Taken.ACCEPTED for code in codes if code != _SUCCESS)


def has_known_id(codes: tuple[str, ...]) -> bool:
    """Say whether the reply is that our id came before."""
    return not _KNOWN_IDS.isdisjoint(codes)


def _least_certain(found: Sequence[Code]) -> Code:
    if _KNOWN_ID in found:
        return _KNOWN_ID
    unclear = [code for code in found if code.taken is Taken.UNKNOWN]
    return next((code for code in unclear if code.query is Outcome.NOT_FOUND), (unclear or found)[0])
