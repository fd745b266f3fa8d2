"""What is said to Stripe Checkout and what its answers mean; pure (reference zamtel-and-others §D).

A payment is a Checkout Session: a page that Stripe hosts, on which a card may be tried again and again until
the page closes. The session's word decides; that of a payment intent is only a part of it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from yarl import URL

from core.errors import BadInput
from payments.providers import stripe_codes
from payments.providers.base import Outcome, Push, PushReply, Reason, Report, Taken, Traits
from payments.providers.http import Answer, Reach
from payments.providers.reading import code_of, period_words, word_of
from payments.providers.stripe_codes import Error
from payments.providers.stripe_money import from_stripe, to_stripe
from payments.providers.stripe_settings import StripeSettings, words
from payments.providers.unknown import note_unknown

_ID = re.compile(r"[A-Za-z0-9_]{1,80}", re.ASCII)  # payments.tables
_OK = 200
_RETRY_S = 5.0
_LONGEST_URL = 2_000
_MOST = 99_999_999  # eight digits of Stripe's unit
_QUERY_AFTER_S = 60.0  # nobody has opened the SMS before


def traits(settings: StripeSettings) -> Traits:
    """Return the traits of an account."""
    return Traits(
        has_query=True,
        push_is_repeatable=True,  # Idempotency-Key
        unit_minor=1,
        currencies=frozenset(words(settings.currencies)),
        query_after_s=_QUERY_AFTER_S,
        asks_handset=False,
        expiry_s=float(settings.link_for_s),
    )


def amount_fault(push: Push, settings: StripeSettings) -> PushReply | None:
    """Refuse what Stripe cannot move, before it is sent."""
    if push.currency not in words(settings.currencies):
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="currency", is_config_fault=True)
    if push.amount_minor < 1:
        return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="amount")
    if to_stripe(push.amount_minor, push.currency) > _MOST:
        return PushReply(Taken.REFUSED, reason=Reason.LIMIT, code="amount")
    return None


def session_params(push: Push, settings: StripeSettings) -> dict[str, Any]:
    """Return the parameters of a page. The same push has the same ones: a key is good for one request."""
    named = {"payment_id": push.external_id, "reference": push.reference, "tap_id": push.tap_id}
    text = f"Water {push.tap_id} {' '.join(period_words(push.period))}".strip()
    price = {
        "currency": push.currency.lower(),
        "unit_amount": to_stripe(push.amount_minor, push.currency),
        "product_data": {"name": text},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": push.external_id,
        "success_url": settings.success_url,
        "line_items": [{"quantity": 1, "price_data": price}],
        "metadata": named,
        "payment_intent_data": {"metadata": named, "description": text},
    }
    if settings.cancel_url:
        params["cancel_url"] = settings.cancel_url
    if push.asked_at:
        closes_at = push.asked_at + timedelta(seconds=settings.link_for_s)
        params["expires_at"] = int(closes_at.timestamp())
    return params


def read_push(answer: Answer) -> PushReply:
    """Say what the reply to a new page means."""
    fault = not_answered(answer)
    if fault is not None:
        return fault
    if answer.status != _OK:
        return refused(answer)
    try:
        return _opened(answer.body or {})
    except BadInput:
        return PushReply(Taken.UNKNOWN, code="unreadable")


def _opened(body: Mapping[str, Any]) -> PushReply:
    session, url = word_of_id(body.get("id")), _page(body.get("url"))
    if session is None or url is None:
        return PushReply(Taken.UNKNOWN, code="no_reference")
    status = word_of(body.get("status")) or ""
    return PushReply(
        Taken.ACCEPTED, session, code=code_of(status), pay_url=url, pay_until=_moment(body.get("expires_at"))
    )


def not_answered(answer: Answer) -> PushReply | None:
    """Return what a call means that got no answer; None where it got one."""
    if answer.reach is Reach.NEVER:
        return PushReply(Taken.NOT_REACHED, code=answer.fault)
    if answer.reach is Reach.UNCLEAR:
        return PushReply(Taken.UNKNOWN, code=answer.fault)
    return None


def refused(answer: Answer) -> PushReply:
    """Return what an error means for the request that it answers."""
    found = error_of(answer)
    is_later = found.taken is Taken.NOT_REACHED
    return PushReply(
        found.taken,
        reason=found.reason,
        code=error_code(answer),
        retry_after_s=(answer.retry_after_s or _RETRY_S) if is_later else None,
        is_config_fault=found.is_config_fault,
    )


def error_of(answer: Answer) -> Error:
    """Return what an error says; a text that is no JSON is a proxy's and proves nothing."""
    if answer.body is None:
        return stripe_codes.UNKNOWN
    said = dict_of(answer.body.get("error"))
    return stripe_codes.error(answer.status, text_of(said.get("type")), text_of(said.get("code")))


def error_code(answer: Answer) -> str:
    """Return Stripe's own word for an error, as operators may see it."""
    said = dict_of((answer.body or {}).get("error"))
    return code_of(text_of(said.get("code")) or text_of(said.get("type"))) or f"http_{answer.status}"


def read_query(answer: Answer) -> Report:
    """Say what the answer to a question about a page means."""
    if answer.reach is not Reach.ANSWERED:
        return Report(Outcome.UNKNOWN, code=answer.fault)
    if answer.status != _OK:
        return query_fault(answer)
    try:
        return session_report(answer.body or {})
    except BadInput:
        return Report(Outcome.UNKNOWN, code="unreadable")


def query_fault(answer: Answer) -> Report:
    """Return what an error means for a question: nothing about money."""
    code = error_code(answer)
    if code == stripe_codes.MISSING:
        return Report(Outcome.NOT_FOUND, code=code)
    is_ours = error_of(answer).is_config_fault
    return Report(Outcome.UNKNOWN, code=code, retry_after_s=answer.retry_after_s, is_config_fault=is_ours)


def session_report(session: Mapping[str, Any], *, has_failed: bool = False) -> Report:
    """Say what a session tells; `has_failed`: its notice says that a slow payment came to nothing.

    Raises BadInput where it cannot be a session.
    """
    intent = session.get("payment_intent")
    status = word_of(session.get("status")) or ""
    payment = word_of(session.get("payment_status")) or ""
    outcome = Outcome.NOT_PAID if has_failed else _outcome(status, payment, dict_of(intent))
    return Report(
        outcome,
        reason=Reason.OTHER if outcome is Outcome.NOT_PAID else None,
        code=code_of(f"{status}/{payment}"),
        receipt=intent_id(intent) if outcome is Outcome.PAID else None,
        **amount_of(session, "amount_total", outcome),
        **names_of(session),
        provider_reference=word_of_id(session.get("id")),
    )


_OUTCOMES = {
    ("open", "unpaid"): Outcome.WAITING,
    ("complete", "paid"): Outcome.PAID,
    ("complete", "unpaid"): Outcome.WAITING,  # a slow method: its bank has not answered yet
    ("expired", "unpaid"): Outcome.EXPIRED,
}
_FAILED_INTENTS = frozenset({"requires_payment_method", "canceled"})


def _outcome(status: str, payment: str, intent: Mapping[str, Any]) -> Outcome:
    if (status, payment) not in _OUTCOMES:
        note_unknown("stripe", f"{status} {payment}".strip())
    outcome = _OUTCOMES.get((status, payment), Outcome.UNKNOWN)
    is_slow = (status, payment) == ("complete", "unpaid")
    return Outcome.NOT_PAID if is_slow and intent.get("status") in _FAILED_INTENTS else outcome


def amount_of(found: Mapping[str, Any], name: str, outcome: Outcome) -> dict[str, Any]:
    """Return amount and currency of what is paid; raises BadInput where that cannot be told."""
    if outcome is not Outcome.PAID:
        return {}
    currency = (word_of(found.get("currency")) or "").upper()
    return {"amount_minor": from_stripe(found.get(name), currency), "currency": currency}


def names_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return our own names in what Stripe tells; raises BadInput."""
    named = dict_of(found.get("metadata"))
    return {"external_id": word_of(named.get("payment_id")), "reference": word_of(named.get("reference"))}


def intent_id(intent: object) -> str | None:
    """Return the id of a payment intent, told as its id or whole."""
    return word_of_id(intent.get("id") if isinstance(intent, dict) else intent)


def word_of_id(value: object) -> str | None:
    """Return an id; None where there is none that a column holds (a session's is 66 characters)."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def dict_of(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Return a text; an empty one where it is none."""
    return value if isinstance(value, str) else ""


def _page(value: object) -> str | None:
    """Return the page's address where a browser can open it."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_URL or not value.isascii():
        return None
    try:
        url = URL(value, encoded=True)
    except ValueError:
        return None
    is_plain = all("!" <= c <= "~" for c in value)
    return value if url.scheme in {"http", "https"} and url.host and is_plain else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**11:
        return None
    return datetime.fromtimestamp(value, UTC)
