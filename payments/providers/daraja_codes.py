"""Every result code and error code of M-PESA Daraja, each in one row (reference daraja §4, §6).

An error code is not enough: 500.001.1001 has four meanings, so rows may ask for words in the message; the
first row that fits counts. What fits none is UNKNOWN.
"""

from dataclasses import dataclass

from payments.providers.base import Outcome, Reason, Taken
from payments.providers.unknown import note_unknown


@dataclass(frozen=True, slots=True)
class Result:
    """What a result code of a callback or query says."""

    outcome: Outcome
    reason: Reason | None = None
    is_config_fault: bool = False
    retry_after_s: float | None = None


UNKNOWN_RESULT = Result(Outcome.UNKNOWN)
RESULTS = {
    "0": Result(Outcome.PAID),
    "1": Result(Outcome.NOT_PAID, Reason.BALANCE),
    "2": Result(Outcome.NOT_PAID, Reason.OTHER),  # below the minimum: paying less would not help
    "3": Result(Outcome.NOT_PAID, Reason.LIMIT),
    "4": Result(Outcome.NOT_PAID, Reason.LIMIT),
    "8": Result(Outcome.NOT_PAID, Reason.OTHER),  # the paybill's own cap, not the payer's
    # The same amount from the same payer within 2 minutes; other sources read "internal failure".
    "17": Result(Outcome.UNKNOWN, Reason.LIMIT, retry_after_s=120.0),
    "26": Result(Outcome.UNKNOWN, Reason.DOWN),
    "1001": Result(Outcome.UNKNOWN, Reason.OTHER, retry_after_s=60.0),  # another prompt is live
    "1019": Result(Outcome.EXPIRED, Reason.NO_ANSWER),
    "1025": Result(Outcome.UNKNOWN, Reason.DOWN),
    "9999": Result(Outcome.UNKNOWN, Reason.DOWN),
    "1032": Result(Outcome.NOT_PAID, Reason.CANCELLED),
    "1037": Result(Outcome.UNKNOWN, Reason.NO_ANSWER),  # was seen for a payment that was still open
    "2001": Result(Outcome.NOT_PAID, Reason.PIN),
    "2028": Result(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),
    "SFC_IC0003": Result(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),
    "8006": Result(Outcome.NOT_PAID, Reason.OTHER, is_config_fault=True),
    "4999": Result(Outcome.WAITING),
}


@dataclass(frozen=True, slots=True)
class Error:
    """What an error says of a push, and of a query."""

    push: Taken
    query: Outcome = Outcome.UNKNOWN
    is_config_fault: bool = False
    is_token: bool = False
    is_rate: bool = False
    retry_after_s: float | None = None


_CONFIG = Error(Taken.REFUSED, is_config_fault=True)
_TOKEN = Error(Taken.NOT_REACHED, is_config_fault=True, is_token=True)
_UNCLEAR = Error(Taken.UNKNOWN)

_ERRORS: dict[str, tuple[tuple[str, Error], ...]] = {
    "400.002.02": (
        ("checkoutrequestid", Error(Taken.REFUSED, Outcome.NOT_FOUND)),
        ("", _CONFIG),
    ),
    "400.002.05": (("", _CONFIG),),
    "400.003.02": (("", _CONFIG),),
    "400.008.01": (("", _CONFIG),),
    "400.008.02": (("", _CONFIG),),
    "400.003.01": (("", _TOKEN),),
    "401.002.01": (("", _TOKEN),),
    "401.003.01": (("", _TOKEN),),
    "404.001.03": (("", _TOKEN),),  # a 404 that is not "not found"
    "404.001.01": (("", _CONFIG),),
    "404.002.01": (("", _CONFIG),),
    "404.003.01": (("", _CONFIG),),
    "404.001.04": (("", _CONFIG),),
    "405.001": (("", _CONFIG),),
    "500.001.1001": (
        ("merchant does not exist", _CONFIG),
        ("wrong credentials", _CONFIG),
        # Refused for now: another prompt is live on this phone.
        ("unable to lock subscriber", Error(Taken.NOT_REACHED, retry_after_s=60.0)),
        ("being processed", Error(Taken.UNKNOWN, Outcome.WAITING)),
        ("does not exist", Error(Taken.UNKNOWN, Outcome.NOT_FOUND)),
    ),
    "500.002.1001": (("", _UNCLEAR),),
    "500.003.02": (
        ("spike arrest", Error(Taken.UNKNOWN, Outcome.WAITING, is_rate=True)),
        ("", _UNCLEAR),
    ),
    "500.003.03": (("", Error(Taken.UNKNOWN, is_rate=True)),),
    "500.003.1001": (("", _UNCLEAR),),
}

# Words of the layer in front, which has another envelope or none.
_WORDS = (
    ("spikearrest", Error(Taken.NOT_REACHED, Outcome.WAITING, is_rate=True)),
    ("spike arrest", Error(Taken.NOT_REACHED, Outcome.WAITING, is_rate=True)),
    ("invalid access token", _TOKEN),
    ("no apiproduct match", _CONFIG),
)
_TOO_MANY = 429
_HTTP = {
    401: _TOKEN,
    _TOO_MANY: Error(Taken.NOT_REACHED, Outcome.WAITING, is_rate=True),
    503: Error(Taken.NOT_REACHED),
}


def result(code: str) -> Result:
    """Return what a result code says; any other code is UNKNOWN, and counted."""
    if code not in RESULTS:
        note_unknown("daraja", code)
    return RESULTS.get(code, UNKNOWN_RESULT)


def error(status: int, code: str, message: str, *, is_text: bool = False) -> Error:
    """Return what an error says: by its code and message, by the front layer's words, by HTTP status.

    Of an answer that is text (`is_text`) the status alone proves nothing: a proxy's 503 may follow a push
    that was taken.
    """
    words = message.lower()
    if code not in _ERRORS:
        note_unknown("daraja", code)
    for needle, meaning in _ERRORS.get(code, _WORDS):
        if needle in words:
            return meaning
    if code or (is_text and status != _TOO_MANY):
        return _UNCLEAR
    return _HTTP.get(status, _UNCLEAR)
