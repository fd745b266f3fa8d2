"""Infobip: what happens stands in the URL, `…/session/{session_id}/start|response|end` (reference §3).

Whether `text` of `start` is the dialled code is not verified; `json_fields.history` takes it both ways. What
`exitCode` and `reason` mean is not documented: they are stored as they come.
"""

from collections.abc import Mapping

from gateway.channels import json_fields as j
from gateway.channels.africastalking import clean
from gateway.channels.ends import Ended
from gateway.channels.hop import Hop, Reply

NAME = "infobip"
_OK = 200


def read(path: Mapping[str, str], fields: j.Fields, service_code: str) -> Hop | Ended:
    """Return the hop, or the end of a call; raises BadInput where a field is missing or cannot be one."""
    session_id = j.identity(path["session_id"])
    if path["method"] == "end":
        told = (j.echo(fields, "exitCode"), j.echo(fields, "reason"))
        return Ended(NAME, session_id, clean(" ".join(filter(None, told))))
    codes = service_code, j.echo(fields, "shortCode")
    text, is_first = j.opening(j.text(fields, "text"), *codes, is_first=path["method"] == "start")
    return Hop(
        channel=NAME,
        external_id=session_id,
        msisdn=j.phone(fields, "msisdn"),
        text=text,
        is_latest=True,
        is_first=is_first,
    )


def write(_fields: j.Fields, reply: Reply) -> j.Answer:
    """Return status, content type and body of the answer to a hop."""
    shown = {"ussdMenu": reply.text, "shouldClose": reply.is_end}
    return j.answer({**shown, "responseExitCode": _OK, "responseMessage": ""})


def write_ended(_fields: j.Fields) -> j.Answer:
    """Return the answer to the end of a call."""
    return j.answer({"responseExitCode": _OK, "responseMessage": ""})
