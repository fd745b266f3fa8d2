"""Reads what a client sends, strictly: what is wrong is said by field, with a code."""

from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from core.errors import BadInput
from core.ids import is_uuid
from gateway.api.schemas import Input
from gateway.problems import problem

MOST_BODY_BYTES = 16 * 1024
_MOST_ERRORS = 10
_CODES = {"tap_id": "bad_tap_id", "msisdn": "bad_msisdn", "amount": "bad_amount"}
Model = TypeVar("Model", bound=Input)


class WrongType(BadInput):
    """Send the body as application/json."""

    code = "unsupported_media_type"

    def answer(self) -> web.Response:
        """Return the problem."""
        return problem(web.HTTPUnsupportedMediaType.status_code, self.reason, self.detail)


class BadFields(BadInput):
    """One or more fields do not have the form that is needed."""

    def __init__(self, wrong: ValidationError) -> None:
        found = wrong.errors(include_url=False, include_input=False, include_context=False)[:_MOST_ERRORS]
        self.errors = [
            {"field": ".".join(str(step) for step in error["loc"])[:100], "detail": error["msg"]}
            for error in found
        ]
        first = str(found[0]["loc"][0]) if found[0]["loc"] else "body"
        shown = self.errors[0]["field"] or "body"
        super().__init__(f"{shown}: {self.errors[0]['detail']}", code=_CODES.get(first, "bad_input"))

    def answer(self) -> web.Response:
        """Return the problem, with every field that is wrong."""
        return problem(400, self.reason, self.detail, errors=self.errors)


def idempotency_key(headers: Mapping[str, str]) -> str:
    """Return the key in lower case; raises BadInput (idempotency_key_needed) where it is no UUID."""
    key = headers.get("Idempotency-Key", "").strip()
    if not is_uuid(key):
        raise BadInput(
            "send the header Idempotency-Key with a new UUID, the same again with every repeat",
            code="idempotency_key_needed",
        )
    return key.lower()


async def body(request: web.Request, model: type[Model]) -> Model:
    """Return the JSON body as a model; raises WrongType, BadFields, BadInput, or HTTP's own 413."""
    if request.content_type != "application/json":
        raise WrongType
    size = request.content_length or 0
    if size > MOST_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BODY_BYTES, size)
    try:
        raw = await request.read()
    except web.RequestPayloadError:
        raise BadInput("the body could not be read", code="bad_input") from None
    if len(raw) > MOST_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BODY_BYTES, len(raw))
    return checked_json(raw, model)


def checked_json(raw: bytes, model: type[Model]) -> Model:
    """Return a model; raises BadFields."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as wrong:
        raise BadFields(wrong) from None
