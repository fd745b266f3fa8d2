"""The OpenAPI 3.1 document, made from the models that check the requests."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic.json_schema import models_json_schema

from gateway.api import pages, schemas
from gateway.api.reading import MOST_BODY_BYTES
from payments.lifecycles import PaymentStatus

_MODELS = (
    schemas.PayRequest,
    schemas.Payment,
    schemas.PaymentStory,
    schemas.PaymentPage,
    schemas.TapStatus,
    schemas.GatewayChange,
    schemas.Gateway,
    schemas.ZoneGateways,
    schemas.Problem,
)
_PROBLEMS = {
    400: "Something does not have the form that is needed: see `code` and `errors`.",
    401: "No token, or nobody's.",
    403: "This token may not do that (`not_allowed`).",
    404: "There is no such thing in this token's zone (`no_such_payment`, `no_such_tap`, `no_such_tenant`, "
    "`no_such_zone`, `no_such_provider`, `no_such_account`).",
    409: "Somebody is paying this already (`payment_under_way`, with `payment_id`), "
    "or the first request with this key is still in work (`in_progress`).",
    413: f"The body is above {MOST_BODY_BYTES} bytes.",
    415: "The body is not `application/json`.",
    422: "It cannot be collected as asked: `idempotency_mismatch`, `nothing_owed`, `more_than_owed` (with "
    "`open`), `amount_not_expressible`, `wrong_currency`, `no_provider`.",
    429: "This token asks too often; `Retry-After` says how many seconds to wait.",
    500: "This went wrong on our side; nothing is half done.",
    503: "Too much is waiting, or the database cannot be reached; try again.",
}
_COMMON = (401, 429, 500, 503)
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}},
}


@lru_cache(maxsize=1)
def as_text() -> str:
    """Return the document as it is served."""
    return json.dumps(document())


def document() -> dict[str, Any]:
    """Return the document."""
    _, models = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Madzi",
            "version": "1",
            "description": "Payments for shared water taps. Money is whole minor units with its currency; "
            "every error is a problem document (RFC 9457) with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": models["$defs"],
            "responses": {str(status): _problem(status) for status in _PROBLEMS},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "From `madzi users token NAME`. Operators and admins may do everything in "
                    "their zones, others may read.",
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/api/v1/payments": {"post": _pay(), "get": _list()},
        "/api/v1/payments/{payment_id}": {"get": _show_payment()},
        "/api/v1/taps/{tap_id}/status": {"get": _show_tap()},
        "/api/v1/zones/{zone}/gateways": {"get": _list_gateways()},
        "/api/v1/zones/{zone}/gateways/{provider}": {"get": _show_gateway(), "put": _change_gateway()},
        "/api/v1/openapi.json": {
            "get": {
                "operationId": "getDocument",
                "summary": "This document",
                "security": [],
                "responses": {
                    "200": {
                        "description": "OpenAPI 3.1",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        },
    }


def _pay() -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "A new UUID for each payment, the same again with every repeat of it: it becomes the "
        "`payment_request_id`. The same key and body get the same answer.",
        "schema": {"type": "string", "format": "uuid", "pattern": schemas.UUID_PATTERN},
    }
    return {
        "operationId": "createPayment",
        "summary": "Collect what a tap, or a tenant on it, owes",
        "description": "The wallet's owner is asked for the PIN. Refusals are not kept: the same key may try "
        "again. A payment above a limit is accepted as `failed`, with its `reason`.",
        "parameters": [key],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("PayRequest")}}},
        "responses": _responses(202, "Payment", "It stands.", (400, 403, 404, 409, 413, 415, 422)),
    }


def _list() -> dict[str, Any]:
    return {
        "operationId": "listPayments",
        "summary": "Payments, newest first",
        "parameters": [
            _query("tap_id", "TapID or tap number", maxLength=40),
            _query("msisdn", "the wallet, in any usual form", maxLength=32),
            _query("status", "", enum=list(PaymentStatus)),
            _query("since", "started at this moment or later", format="date-time"),
            _query("cursor", "`next_cursor` of the page before", maxLength=200),
            _query("limit", "", type="integer", minimum=1, maximum=pages.MOST, default=pages.USUAL),
        ],
        "responses": _responses(200, "PaymentPage", "A page.", (400,)),
    }


def _show_payment() -> dict[str, Any]:
    return {
        "operationId": "getPayment",
        "summary": "One payment with its trail",
        "parameters": [_path("payment_id", "`payment_id` or `payment_request_id`", format="uuid")],
        "responses": _responses(200, "PaymentStory", "The payment.", (404,)),
    }


def _show_tap() -> dict[str, Any]:
    return {
        "operationId": "getTapStatus",
        "summary": "What an agent sees of a tap",
        "parameters": [_path("tap_id", "TapID or tap number", minLength=1, maxLength=40)],
        "responses": _responses(200, "TapStatus", "The tap.", (404,)),
    }


def _zone() -> dict[str, Any]:
    return _path("zone", "the zone's code", minLength=1, maxLength=12)


def _list_gateways() -> dict[str, Any]:
    return {
        "operationId": "listGateways",
        "summary": "The gateway accounts by which a zone is paid",
        "description": "Needs the token of an operator, of finance, or of an admin.",
        "parameters": [_zone()],
        "responses": _responses(200, "ZoneGateways", "The accounts.", (403, 404)),
    }


def _show_gateway() -> dict[str, Any]:
    return {
        "operationId": "getGateway",
        "summary": "The account by which a zone is paid at one provider",
        "parameters": [_zone(), _path("provider", "a provider's id", maxLength=12)],
        "responses": _responses(200, "Gateway", "The account.", (403, 404)),
    }


def _change_gateway() -> dict[str, Any]:
    body = {"application/json": {"schema": _ref("GatewayChange")}}
    return {
        "operationId": "changeGateway",
        "summary": "Give a zone its own account at a provider, or switch it on or off",
        "description": "Needs the token of finance or of an admin. Secrets are kept encrypted and never "
        "shown again. New payments use the change within seconds; what was paid before is not touched.",
        "parameters": [_zone(), _path("provider", "a provider's id", maxLength=12)],
        "requestBody": {"required": True, "content": body},
        "responses": _responses(200, "Gateway", "It stands.", (400, 403, 404, 413, 415)),
    }


def _responses(status: int, model: str, description: str, problems: Sequence[int]) -> dict[str, Any]:
    good = {"description": description, "content": {"application/json": {"schema": _ref(model)}}}
    bad = {str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted((*problems, *_COMMON))}
    return {str(status): good, **bad}


def _problem(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _PROBLEMS[status],
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }
    return found | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _ref(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {**_parameter(name, description, schema), "in": "query", "allowEmptyValue": True}


def _path(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {**_parameter(name, description, schema), "in": "path", "required": True}


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": description, "schema": {"type": "string"} | schema}
