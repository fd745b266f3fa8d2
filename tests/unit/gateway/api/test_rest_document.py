"""The document and the models against the code that owns their lists."""

from typing import get_args

import pytest

from core.errors import BadInput
from gateway.api import openapi, reading, schemas
from gateway.api.tap_status import debts
from payments import routing
from payments.lifecycles import OrderStatus, PaymentStatus
from taps.debts import Part
from taps.model import Billing


def test_the_models_name_every_provider_status_and_billing():
    assert set(get_args(schemas.ProviderId)) == set(routing.NAMES)
    assert set(get_args(schemas.Status)) == set(PaymentStatus)
    assert set(get_args(schemas.Order.model_fields["status"].annotation)) == set(OrderStatus)
    assert set(get_args(schemas.TapStatus.model_fields["billing"].annotation)) == set(Billing)


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def test_every_reference_leads_somewhere():
    document = openapi.document()
    found = set(references(document))
    assert found
    for reference in found:
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_every_operation_but_the_document_needs_a_token_and_may_be_slowed_down():
    operations = [op for path in openapi.document()["paths"].values() for op in path.values()]
    for operation in operations:
        is_open = operation.get("security") == []
        assert is_open == (operation["operationId"] == "getDocument")
        assert is_open or {"401", "429", "500", "503"} <= set(operation["responses"])


def test_a_body_is_read_strictly():
    body = reading.checked_json(b'{"tap_id": "KNY-0417-1", "msisdn": "0961234567"}', schemas.PayRequest)
    assert (body.tap_id, body.amount, body.provider) == ("KNY-0417-1", None, None)


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        (b"", "bad_input", ""),
        (b"[]", "bad_input", ""),
        (b'{"msisdn": "1"}', "bad_tap_id", "tap_id"),
        (b'{"tap_id": "a", "msisdn": null}', "bad_msisdn", "msisdn"),
        (b'{"tap_id": "a", "msisdn": "1", "amount": {"amount_minor": 1}}', "bad_amount", "amount.currency"),
        (b'{"tap_id": "a", "msisdn": "1", "x": 1}', "bad_input", "x"),
    ],
)
def test_the_first_wrong_field_gives_the_code(raw, code, field):
    with pytest.raises(reading.BadFields) as refusal:
        reading.checked_json(raw, schemas.PayRequest)
    assert (refusal.value.reason, refusal.value.errors[0]["field"]) == (code, field)


def test_errors_of_a_body_are_bounded():
    raw = b"{" + b",".join(b'"f%d": 1' % n for n in range(500)) + b"}"
    with pytest.raises(reading.BadFields) as refusal:
        reading.checked_json(raw, schemas.PayRequest)
    assert len(refusal.value.errors) == 10


@pytest.mark.parametrize(
    "key", ["", "7", "0b7b6f3e54f04f5c9f0e6a1e5c1d2b10", "{0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b10}"]
)
def test_a_key_that_is_no_uuid_is_refused(key):
    with pytest.raises(BadInput) as refusal:
        reading.idempotency_key({"Idempotency-Key": key})
    assert refusal.value.reason == "idempotency_key_needed"


def test_a_key_is_the_same_in_any_case():
    key = "0B7B6F3E-54F0-4F5C-9F0E-6A1E5C1D2B10"
    assert reading.idempotency_key({"Idempotency-Key": f" {key} "}) == key.lower()


def part(period, tenant_id, amount_minor, paid_minor):
    return Part(
        "p", "d", period, "water", "W", amount_minor, paid_minor, "KNY-0417-1", tenant_id, "KNY", "ZMW"
    )


def test_debts_are_summed_by_period_and_owner_oldest_first():
    parts = [
        part("2026-11", "t1", 500, 0),
        part("2026-10", None, 2000, 500),
        part("2026-11", "t1", 100, 100),
        part("2026-11", "t2", 300, 0),
        part("2026-10", None, 1000, 0),
    ]
    found = [
        (
            d["period"],
            d["tenant_id"],
            d["billed"]["amount_minor"],
            d["paid"]["amount_minor"],
            d["open"]["amount_minor"],
        )
        for d in debts(parts)
    ]
    assert found == [
        ("2026-10", None, 3000, 500, 2500),
        ("2026-11", "t1", 600, 100, 500),
        ("2026-11", "t2", 300, 0, 300),
    ]
