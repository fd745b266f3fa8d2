import json
from datetime import UTC, datetime

import pytest

from core.errors import Conflict
from gateway.api import answers
from gateway.api.schemas import Payment as PaymentModel
from payments import results as r
from payments.commands import Pay
from payments.records import Order, Payment

NOON = datetime(2026, 11, 21, 10, tzinfo=UTC)
IDS = [f"01a1fc7a-89c3-72db-888b-57481900000{n}" for n in range(6)]
PAY = Pay(
    payment_request_id=IDS[1], request_hash="h", msisdn="+260961234567", contact_msisdn="+260961234567",
    tap_id="KNY-0417-1", tenant_id=None, amount_minor=None, currency="ZMW", provider="mtn", channel="rest",
    correlation_id="c", delay_s=0,
)  # fmt: skip
PAYMENT = Payment(
    payment_id=IDS[0], payment_request_id=IDS[1], request_hash="h", checkout_id=IDS[2], msisdn=PAY.msisdn,
    contact_msisdn=PAY.msisdn, tap_id=PAY.tap_id, zone="KNY", period="2026-11", amount_minor=3000,
    currency="ZMW", provider="mtn", account_id="mtn:default", reference=IDS[3], callback_key="k",
    channel="rest", correlation_id="c", status="initiated", push_after=NOON, expires_at=NOON,
    created_at=NOON, updated_at=NOON,
)  # fmt: skip


def order(order_id, seller, amount_minor):
    return Order(
        order_id=order_id, checkout_id=IDS[2], payment_id=IDS[0], seller=seller, amount_minor=amount_minor,
        currency="ZMW",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "status", "code", "more"),
    [
        (r.Mismatch(), 422, "idempotency_mismatch", {}),
        (r.NothingOwed(), 422, "nothing_owed", {}),
        (
            r.MoreThanOwed(2000, "ZMW"),
            422,
            "more_than_owed",
            {"open": {"amount_minor": 2000, "currency": "ZMW"}},
        ),
        (
            r.NotExpressible(100, 100, 9900),
            422,
            "amount_not_expressible",
            {"unit_minor": 100, "max_minor": 9900},
        ),
        (r.NoRail("mtn"), 422, "no_provider", {}),
        (r.NoSuch("tap"), 404, "no_such_tap", {}),
        (r.NoSuch("tenant"), 404, "no_such_tenant", {}),
        (
            r.UnderWay(PAYMENT),
            409,
            "payment_under_way",
            {"payment_id": IDS[0], "since": "2026-11-21T10:00:00Z"},
        ),
    ],
)
def test_each_refusal_is_a_problem_with_its_code(result, status, code, more):
    answer = answers.of(result, PAY)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    document = json.loads(answer.text)
    assert (document["status"], document["code"]) == (status, code)
    assert {name: document[name] for name in more} == more


def test_acceptance_is_202_with_the_orders_as_they_will_be_read_back():
    orders = (order(IDS[5], "WATER", 2000), order(IDS[4], "REFUSE", 1000))
    answer = answers.of(r.Accepted(PAYMENT, orders, is_queued=False), PAY)
    document = json.loads(answer.text)
    assert (answer.status, answer.content_type) == (202, "application/json")
    assert [row["order_id"] for row in document["orders"]] == [IDS[4], IDS[5]]


def test_the_document_names_every_field_of_a_payment_and_no_other():
    answer = answers.of(r.Accepted(PAYMENT, (order(IDS[4], "WATER", 3000),), is_queued=False), PAY)
    document = json.loads(answer.text)
    assert set(document) == set(PaymentModel.model_fields)
    assert PaymentModel.model_validate(document).model_dump(exclude_unset=True) == document


def test_an_error_stays_an_error():
    with pytest.raises(Conflict):
        answers.of(Conflict(), PAY)
    with pytest.raises(TypeError):
        answers.of(object(), PAY)


def test_patience_is_asked_for_with_a_time():
    assert answers.in_progress().headers["Retry-After"] == "1"
