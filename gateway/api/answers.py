"""How a request to pay is answered: each result of payments, with its status and code. Pure."""

import json
from typing import Any

from aiohttp import web

from core.clock import rfc3339
from core.money import display
from gateway.problems import problem
from payments import results as r
from payments.commands import Pay
from payments.records import Payment
from payments.stories import money, payment_json

ACCEPTED = web.HTTPAccepted.status_code
_CONFLICT = web.HTTPConflict.status_code
_UNPROCESSABLE = web.HTTPUnprocessableEntity.status_code


def of(result: Any, pay: Pay) -> web.Response:  # noqa: C901, PLR0911 - a table of answers
    """Return the answer to `pay`; raises what is no answer but an error."""
    match result:
        case r.Accepted(payment=payment, orders=orders, from_wallet=before):
            # In the order in which they will be read back: the same object every time.
            ordered = sorted(orders, key=lambda order: order.order_id)
            return as_json(payment_json(payment, ordered, before), ACCEPTED)
        case r.UnderWay(payment=payment):
            return _under_way(payment)
        case r.Mismatch():
            return mismatch()
        case r.NothingOwed():
            return problem(_UNPROCESSABLE, "nothing_owed", "Nothing is open here.")
        case r.MoreThanOwed(open_minor=open_minor, currency=currency):
            detail = f"Only {display(open_minor, currency)} is open."
            return problem(_UNPROCESSABLE, "more_than_owed", detail, open=money(open_minor, currency))
        case r.NotExpressible():
            return _not_expressible(result, pay)
        case r.NoRail():
            return no_provider()
        case r.RailDown(provider=provider):
            detail = f"{provider} does not work now, and nothing was started. Try again later."
            return problem(503, "provider_down", detail)
        case r.NoSuch(what=what):
            return problem(404, f"no_such_{what}", f"There is no such {what}.")
        case Exception():
            raise result
        case _:
            raise TypeError(f"no answer to a payment: {result!r}")


def stored(status: int, body: str) -> web.Response:
    """Return an answer from its stored text."""
    return web.Response(text=body, status=status, content_type="application/json")


def as_json(document: dict[str, Any], status: int = 200) -> web.Response:
    """Return a document."""
    return stored(status, json.dumps(document))


def mismatch() -> web.Response:
    """Refuse a key that came with another body, or from another user."""
    return problem(
        _UNPROCESSABLE, "idempotency_mismatch", "This Idempotency-Key was used for another request."
    )


def in_progress() -> web.Response:
    """Ask for patience: the first request with this key has not been answered yet."""
    answer = problem(_CONFLICT, "in_progress", "The first request with this key is still in work.")
    answer.headers["Retry-After"] = "1"
    return answer


def no_provider() -> web.Response:
    """Say that nobody collects from this wallet here."""
    return problem(
        _UNPROCESSABLE,
        "no_provider",
        "No provider that is set up here collects from this number in the tap's currency.",
    )


def wrong_currency(currency: str) -> web.Response:
    """Say in which currency the tap is billed."""
    return problem(_UNPROCESSABLE, "wrong_currency", f"This tap is billed in {currency}.")


def _under_way(payment: Payment) -> web.Response:
    return problem(
        _CONFLICT,
        "payment_under_way",
        "This is being paid already. Wait until that payment has ended, or look at it.",
        payment_id=payment.payment_id,
        since=rfc3339(payment.created_at),
        links={"self": f"/api/v1/payments/{payment.payment_id}"},
    )


def _not_expressible(result: r.NotExpressible, pay: Pay) -> web.Response:
    return problem(
        _UNPROCESSABLE,
        "amount_not_expressible",
        f"{pay.provider or 'The rail'} cannot move this amount: it moves multiples of "
        f"{result.unit_minor} minor units for each seller, from {result.min_minor} to {result.max_minor}.",
        most_minor=result.most_minor,
        unit_minor=result.unit_minor,
        min_minor=result.min_minor,
        max_minor=result.max_minor,
    )
