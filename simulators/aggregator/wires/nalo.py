"""Nalo: the latest input, with or without a session id; tells of no end (reference §3).

Assumed: the first `USERDATA` is the code as it was dialled.
"""

from typing import Any

from simulators.aggregator.networks import network_name
from simulators.aggregator.wires.base import JsonWire, Post, Shown, truth, words

_USER = "MADZI01"


class Nalo(JsonWire):
    """Keeps nothing but the session id."""

    channel = "nalo"

    def first(self, history: str) -> Post:
        """Return the first hop."""
        return self._hop(self.line.dialled(history), is_first=True)

    def typed(self, text: str) -> Post:
        """Return the hop after this input."""
        return self._hop(text, is_first=False)

    def screen(self, value: Any) -> Shown:
        """Return the screen of a reply, which must be about this phone."""
        if value["MSISDN"] != self.line.msisdn.lstrip("+") or "USERID" not in value:
            raise ValueError("the reply is for somebody else")
        return Shown(words(value["MSG"]), is_end=not truth(value["MSGTYPE"]))

    def session(self) -> dict[str, str]:
        """Return the field that names the call."""
        return {"SESSIONID": self.line.session_id}

    def _hop(self, text: str, *, is_first: bool) -> Post:
        fields = {
            "USERID": _USER,
            "MSISDN": self.line.msisdn.lstrip("+"),
            "USERDATA": text,
            "MSGTYPE": is_first,
            "NETWORK": network_name(self.line.network),
        }
        return self.post(fields | self.session())


class NaloByNumber(Nalo):
    """As some clients know it: no session id, so a call goes by its number."""

    def session(self) -> dict[str, str]:
        """Return nothing."""
        return {}
