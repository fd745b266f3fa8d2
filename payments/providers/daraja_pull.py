"""The list of what came in the last 48 hours (reference daraja §11); here success is 1000, not 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.errors import BadInput, Refused, Unavailable
from payments.providers.base import Arrival
from payments.providers.daraja_c2b import CURRENCY, masked_of, words_of
from payments.providers.daraja_times import read_time, spaced
from payments.providers.http import Answer, Reach
from payments.providers.reading import minor_of, msisdn_of, word_of

LOOKS_BACK = timedelta(hours=48)
_LAST_SECOND = timedelta(microseconds=999_999)  # questions name whole seconds
_OK = 200
_FOUND, _NOTHING = "1000", "1001"
_INCOMING = "c2b"
_MOST_TYPED = 40

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list; `rows` counts what stood there, readable or not: the next page begins behind."""

    rows: int
    arrivals: tuple[Arrival, ...]


def register_body(shortcode: str, callback_url: str, nominated_number: str) -> dict[str, Any]:
    """Return the body that switches pull on; `nominated_number` is the organisation's, as `0722000000`."""
    return {
        "ShortCode": shortcode,
        "RequestType": "Pull",
        "NominatedNumber": nominated_number,
        "CallBackURL": callback_url,
    }


def read_registration(answer: Answer) -> bool:
    """Say whether pull was switched on now; False where it was on before. Raises Refused or Unavailable."""
    if answer.reach is not Reach.ANSWERED:
        raise Unavailable(f"pull not registered: {answer.fault}", code="not_registered")
    told = _code(answer.body or {}, "ResponseStatus", "ResponseCode")
    if answer.status == _OK and told in (_FOUND, _NOTHING):  # 1001 is "already" here
        return told == _FOUND
    code = answer.says("errorCode") or told or f"HTTP {answer.status}"
    raise Refused(f"pull not registered: {code}", code="not_registered")


def query_body(shortcode: str, since: datetime, until: datetime, offset: int) -> dict[str, Any]:
    """Return the body of a query for the page that begins at row `offset`."""
    return {
        "ShortCode": shortcode,
        "StartDate": spaced(since),
        "EndDate": spaced(until + _LAST_SECOND),
        "OffSetValue": str(offset),
    }


def read_page(answer: Answer) -> Page | None:
    """Read a page; None where it is none: then nobody knows what came."""
    if answer.reach is not Reach.ANSWERED or answer.status != _OK or answer.body is None:
        return None
    code = _code(answer.body, "ResponseCode")
    if code == _NOTHING:
        return Page(0, ())
    rows = _rows(answer.body.get("Response"))
    if code != _FOUND or rows is None:
        return None
    return Page(len(rows), tuple(found for row in rows if (found := _arrival(row)) is not None))


def _code(body: Mapping[str, Any], *names: str) -> str | None:
    try:
        return next((word for name in names if (word := word_of(body.get(name)))), None)
    except BadInput:
        return None


def _rows(response: Any) -> list[dict[str, Any]] | None:
    """Return the rows, which stand in a list inside a list; `[[]]` are none."""
    if not isinstance(response, list):
        return None
    flat = [row for part in response for row in (part if isinstance(part, list) else [part])]
    return flat if all(isinstance(row, dict) for row in flat) else None


def _arrival(row: dict[str, Any]) -> Arrival | None:
    """Read a row; one that cannot be read is left out and logged, so that it hides no other."""
    try:
        kind = word_of(row.get("transactiontype")) or _INCOMING
        receipt, amount_minor = word_of(row.get("transactionId")), minor_of(row.get("amount"), CURRENCY)
    except BadInput as unreadable:
        log.warning("pull_row_unreadable", code=unreadable.reason)
        return None
    if receipt is None or amount_minor is None or amount_minor <= 0 or not kind.startswith(_INCOMING):
        log.warning("pull_row_left_out", receipt=receipt, kind=kind)
        return None
    return Arrival(
        receipt,
        amount_minor,
        CURRENCY,
        words_of(row.get("billreference"), _MOST_TYPED),
        msisdn=msisdn_of(row.get("msisdn")),
        masked_msisdn=masked_of(row.get("msisdn")),
        at=read_time(row.get("trxDate")),
    )
