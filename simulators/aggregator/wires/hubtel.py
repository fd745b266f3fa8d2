"""Hubtel: the latest input, counted; echoes `ClientState`; tells of calls the person ended (reference §3).

Assumed: the first `Message` is the code as it was dialled; `Sequence` counts from 1; `Release` comes only
where the call did not end by our answer.
"""

from typing import Any

from simulators.aggregator.networks import network_name
from simulators.aggregator.wires.base import SUCCESS, End, JsonWire, Line, Post, Shown, words

_IS_END = {"response": False, "release": True}


class Hubtel(JsonWire):
    """Keeps the sequence and the state that the last reply set."""

    channel = "hubtel"

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._sequence = 0
        self._state = ""

    def first(self, history: str) -> Post:
        """Return the initiation."""
        return self._hop("Initiation", self.line.dialled(history))

    def typed(self, text: str) -> Post:
        """Return the response that carries this input."""
        return self._hop("Response", text)

    def screen(self, value: Any) -> Shown:
        """Return the screen of a reply."""
        shown = Shown(words(value["Message"]), is_end=_IS_END[value["Type"].lower()])
        self._state = value.get("ClientState") or ""
        return shown

    def end(self, end: End) -> Post | None:
        """Return the release, where the person or the network ended the call."""
        return None if end.status == SUCCESS else self._hop("Release", "")

    def _hop(self, kind: str, message: str) -> Post:
        self._sequence += 1
        return self.post(
            {
                "SessionId": self.line.session_id,
                "Mobile": self.line.msisdn.lstrip("+"),
                "ServiceCode": self.line.service,
                "Operator": network_name(self.line.network).lower(),
                "Type": kind,
                "Message": message,
                "ClientState": self._state,
                "Sequence": self._sequence,
            }
        )
