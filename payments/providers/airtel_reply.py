"""The parts of Airtel Money's replies, whatever was asked (reference airtel-money §2 to §4)."""

import re
from collections.abc import Mapping
from typing import Any

from payments.providers import airtel_codes
from payments.providers.base import Reason
from payments.providers.http import Answer
from payments.providers.reading import code_of

_CODE = re.compile(r"(?:DP|ESB|ROUTER)\w+", re.ASCII)


def _member(answer: Answer, *names: str) -> Mapping[str, Any]:
    value: Any = answer.body
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def transaction(answer: Answer) -> Mapping[str, Any]:
    """Return `data.transaction`; empty where there is none."""
    return _member(answer, "data", "transaction")


def says_success(answer: Answer) -> bool:
    """Say whether the reply calls itself one of success; refusals come under HTTP 200 too."""
    return _member(answer, "status").get("success") in (True, "true")


def meaning(answer: Answer) -> airtel_codes.Code:
    """Return what a reply says that is no success."""
    words = answer.text or _words(answer)
    return airtel_codes.of_reply(answer.status, codes(answer), words, is_text=bool(answer.text))


def codes(answer: Answer) -> tuple[str, ...]:
    """Return Airtel's codes in a reply; `code` beside them is an HTTP status, but a router's code as well."""
    status = _member(answer, "status")
    # Where the router's errors put their code is not said (assumed: in one of these).
    found = [status.get("response_code"), status.get("result_code"), status.get("code")]
    found += [answer.says("status_code"), answer.says("code")]
    return tuple(code for code in found if isinstance(code, str) and _CODE.fullmatch(code))


def _words(answer: Answer) -> str:
    words = (
        _member(answer, "status").get("message") or answer.says("message") or answer.says("status_message")
    )
    return words if isinstance(words, str) else ""


def reason(answer: Answer, said: airtel_codes.Code) -> Reason:
    """Return why, for the ears of the person: by the words, else by the code."""
    heard = airtel_codes.failure(_words(answer))
    return said.reason or Reason.OTHER if heard is Reason.OTHER else heard


def shown_code(answer: Answer) -> str:
    """Return the code as operators may see it."""
    found = codes(answer)
    return code_of(found[0]) if found else f"http_{answer.status}"
