"""Arkesel: the latest input; tells of no end (reference §3).

Assumed: the first `userData` is the code as it was dialled.
"""

from typing import Any

from simulators.aggregator.networks import network_name
from simulators.aggregator.wires.base import JsonWire, Post, Shown, truth, words

_USER = "MADZI_USER"


class Arkesel(JsonWire):
    """Keeps nothing but the session id."""

    channel = "arkesel"

    def first(self, history: str) -> Post:
        """Return the first hop."""
        return self._hop(self.line.dialled(history), is_first=True)

    def typed(self, text: str) -> Post:
        """Return the hop after this input."""
        return self._hop(text, is_first=False)

    def screen(self, value: Any) -> Shown:
        """Return the screen of a reply, which must be about this call."""
        if (value["sessionID"], value["userID"]) != (self.line.session_id, _USER) or "msisdn" not in value:
            raise ValueError("the reply is for another call")
        return Shown(words(value["message"]), is_end=not truth(value["continueSession"]))

    def _hop(self, text: str, *, is_first: bool) -> Post:
        return self.post(
            {
                "sessionID": self.line.session_id,
                "userID": _USER,
                "newSession": is_first,
                "msisdn": self.line.msisdn.lstrip("+"),
                "userData": text,
                "network": network_name(self.line.network),
            }
        )
