"""Nalo: the latest input in, `MSG` out; `MSGTYPE` true begins a call, or lets it go on (reference §3).

A call without `SESSIONID` goes by its MSISDN, as one client does: then `MSGTYPE` alone tells a new call from
the one before. Whether the first `USERDATA` is the dialled code is not verified; both are taken.
"""

from collections.abc import Mapping

from gateway.channels import json_fields as j
from gateway.channels.hop import Hop, Reply

NAME = "nalo"


def read(_path: Mapping[str, str], fields: j.Fields, service_code: str) -> Hop:
    """Return the hop; raises BadInput where a field is missing or cannot be one."""
    msisdn = j.phone(fields, "MSISDN")
    told = j.flag(fields, "MSGTYPE")
    text, is_first = j.opening(j.text(fields, "USERDATA"), service_code, is_first=told)
    return Hop(
        channel=NAME,
        external_id=j.identity(j.text(fields, "SESSIONID", "bad_session_id").strip() or msisdn),
        msisdn=msisdn,
        text=text,
        network_code=j.network(fields, "NETWORK"),
        is_latest=True,
        is_first=is_first,
    )


def write(fields: j.Fields, reply: Reply) -> j.Answer:
    """Return status, content type and body of the answer to a hop."""
    same = {name: j.echo(fields, name) for name in ("USERID", "MSISDN", "USERDATA")}
    return j.answer({**same, "MSG": reply.text, "MSGTYPE": not reply.is_end})
