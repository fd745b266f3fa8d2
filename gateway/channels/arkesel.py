"""Arkesel: the latest input in, `message` and `continueSession` out (reference §3).

Whether the first `userData` is the dialled code is not verified; both are taken.
"""

from collections.abc import Mapping

from gateway.channels import json_fields as j
from gateway.channels.hop import Hop, Reply

NAME = "arkesel"


def read(_path: Mapping[str, str], fields: j.Fields, service_code: str) -> Hop:
    """Return the hop; raises BadInput where a field is missing or cannot be one."""
    told = j.flag(fields, "newSession")
    text, is_first = j.opening(j.text(fields, "userData"), service_code, is_first=told)
    return Hop(
        channel=NAME,
        external_id=j.identity(j.text(fields, "sessionID", "bad_session_id")),
        msisdn=j.phone(fields, "msisdn"),
        text=text,
        network_code=j.network(fields, "network"),
        is_latest=True,
        is_first=is_first,
    )


def write(fields: j.Fields, reply: Reply) -> j.Answer:
    """Return status, content type and body of the answer to a hop."""
    same = {name: j.echo(fields, name) for name in ("sessionID", "userID", "msisdn")}
    return j.answer({**same, "message": reply.text, "continueSession": not reply.is_end})
