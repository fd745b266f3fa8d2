"""Every code of KCB Buni, each in one row (reference kcb-buni §1, §2).

Three layers answer: the WSO2 gateway in front, KCB's envelope, and Daraja inside it. Codes of a failure and
results of a callback are Daraja's, passed through: they stand in `daraja_codes`.
"""

from payments.providers import daraja_codes
from payments.providers.base import Taken
from payments.providers.daraja_codes import Error

TOKEN = Error(Taken.NOT_REACHED, is_config_fault=True, is_token=True)
GATEWAY = {
    "900901": TOKEN,
    "900908": Error(Taken.REFUSED, is_config_fault=True),  # our application is not subscribed
    "900800": Error(Taken.NOT_REACHED, is_rate=True),  # throttled
}
ACCEPTED = "0"  # the envelope's statusCode, a text, and Daraja's ResponseCode in it, a number
_UNAUTHORIZED = 401


def error(status: int, gateway_code: str, code: str, message: str, *, is_text: bool) -> Error:
    """Return what an answer says of a push that was not accepted: unknown where no row knows it.

    HTTP status alone proves little: only a 401 of the gateway itself, which a proxy does not make up.
    """
    known = GATEWAY.get(gateway_code)
    if known is not None:
        return known
    if code:
        return daraja_codes.error(status, code, message)
    if status == _UNAUTHORIZED and not is_text:
        return TOKEN
    return Error(Taken.UNKNOWN)
