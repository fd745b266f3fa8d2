"""Hubtel: the latest input and a sequence in, `Response` or `Release` out (reference §3).

Emergent speaks the same. `Message` is the input; that the first one is the dialled code is not verified, so
`json_fields.history` takes it both ways. `ClientState` comes back with the next request: we put the screen's
name there, and rely on nothing in it.
"""

from collections.abc import Mapping

from core.errors import BadInput
from gateway.channels import json_fields as j
from gateway.channels.ends import Ended
from gateway.channels.hop import Hop, Reply

NAME = "hubtel"
# Type by Type: does a call begin? AddToCart is Hubtel's way into its shop: for us an input as any other.
_IS_FIRST = {"initiation": True, "response": False, "addtocart": False}
# The person or the network ended the call. `timeout` is not in the reference; some of its clients know it.
_ENDS = frozenset({"release", "timeout"})


def read(_path: Mapping[str, str], fields: j.Fields, service_code: str) -> Hop | Ended:
    """Return the hop, or the end of a call; raises BadInput where a field is missing or cannot be one."""
    session_id = j.identity(j.text(fields, "SessionId", "bad_session_id"))
    kind = j.text(fields, "Type", "bad_type").strip().lower()
    if kind in _ENDS:
        return Ended(NAME, session_id, kind, j.text(fields, "ClientState"))
    if kind not in _IS_FIRST:
        raise BadInput("Type must be Initiation, Response, Release or AddToCart", code="bad_type")
    codes = service_code, j.echo(fields, "ServiceCode")
    text, is_first = j.opening(j.text(fields, "Message"), *codes, is_first=_IS_FIRST[kind])
    return Hop(
        channel=NAME,
        external_id=session_id,
        msisdn=j.phone(fields, "Mobile"),
        text=text,
        network_code=j.network(fields, "Operator"),
        is_latest=True,
        is_first=is_first,
        sequence=j.text(fields, "Sequence", "bad_sequence")[:20],
    )


def write(_fields: j.Fields, reply: Reply) -> j.Answer:
    """Return status, content type and body of the answer to a hop."""
    kind = "Release" if reply.is_end else "Response"
    return j.answer({"Message": reply.text, "Type": kind, "ClientState": reply.screen})


def write_ended(_fields: j.Fields) -> j.Answer:
    """Return the answer to the end of a call; nobody sees it."""
    return j.answer({"Message": "", "Type": "Release"})
