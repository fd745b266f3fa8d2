"""The document against the running application, by schemathesis: bounded and repeatable."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from town import TAP

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = (
    "createPayment", "listPayments", "getPayment", "getTapStatus", "getDocument", "listGateways",
    "getGateway", "changeGateway",
)  # fmt: skip


async def _document(platform):
    reply = await platform.get("/openapi.json", who=None)
    assert reply.status == 200
    return reply.json


def _try(document, operation_id, url, headers, seen, mode):
    """Send generated requests to one operation; runs in a thread, as schemathesis waits for each answer."""
    operation = schemathesis.openapi.from_dict(document).find_operation_by_id(operation_id)

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        response = case.call(base_url=url, headers=headers, timeout=10)
        case.validate_response(response, checks=CHECKS)
        seen.append(response.status_code)

    check()


RUNS = [
    (operation_id, mode)
    for operation_id in OPERATIONS
    for mode in GenerationMode
    # The document is asked for without anything that could be wrong.
    if (operation_id, mode) != ("getDocument", GenerationMode.NEGATIVE)
]


@pytest.mark.parametrize(("operation_id", "mode"), RUNS)
async def test_every_answer_is_in_the_document(sqlite_platform, operation_id, mode):
    document, seen = await _document(sqlite_platform), []
    who = "chief" if "Gateway" in operation_id else "bff"
    headers = {"Authorization": f"Bearer {sqlite_platform.tokens[who]}"}
    await asyncio.to_thread(_try, document, operation_id, sqlite_platform.url, headers, seen, mode)
    assert seen
    assert max(seen) < 500


async def test_the_document_is_openapi_with_every_route(sqlite_platform):
    document = await _document(sqlite_platform)
    assert document["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(document).validate()
    ids = {op["operationId"] for path in document["paths"].values() for op in path.values()}
    assert ids == set(OPERATIONS)


async def test_real_answers_conform(sqlite_platform):
    """Generated requests seldom name a tap that exists; these do."""
    schema = schemathesis.openapi.from_dict(await _document(sqlite_platform))
    accepted = (await sqlite_platform.pay()).json
    for operation_id, parameters in (
        ("getPayment", {"payment_id": accepted["payment_id"]}),
        ("getTapStatus", {"tap_id": TAP}),
        ("listPayments", {}),
        ("listGateways", {"zone": "KNY"}),
        ("getGateway", {"zone": "KNY", "provider": "mtn"}),
        ("getDocument", {}),
    ):
        case = schema.find_operation_by_id(operation_id).Case(path_parameters=parameters)
        headers = {"Authorization": f"Bearer {sqlite_platform.tokens['bff']}"}
        response = await asyncio.to_thread(case.call, base_url=sqlite_platform.url, headers=headers)
        assert response.status_code == 200
        case.validate_response(response, checks=CHECKS)
