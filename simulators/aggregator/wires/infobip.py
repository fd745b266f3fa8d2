"""Infobip: start, response and end stand in the URL (reference §3).

Assumed: `text` of `start` is the code as it was dialled; `end` comes for every call, with made-up exit codes.
"""

from typing import Any

from simulators.aggregator.wires.base import SUCCESS, End, JsonWire, Post, Shown, truth, words

_OK, _BROKEN_OFF = 200, 500


class Infobip(JsonWire):
    """Keeps nothing but the session id."""

    channel = "infobip"

    def first(self, history: str) -> Post:
        """Return the start."""
        return self._hop("start", self.line.dialled(history))

    def typed(self, text: str) -> Post:
        """Return the response that carries this input."""
        return self._hop("response", text)

    def screen(self, value: Any) -> Shown:
        """Return the screen of a reply."""
        if value["responseExitCode"] != _OK or not isinstance(value["responseMessage"], str):
            raise ValueError(value["responseMessage"])
        return Shown(words(value["ussdMenu"]), is_end=truth(value["shouldClose"]))

    def end(self, end: End) -> Post:
        """Return the end of the call."""
        code = _OK if end.status == SUCCESS else _BROKEN_OFF
        fields = {"msisdn": self._msisdn(), "exitCode": code, "reason": end.error}
        return self.post(fields, f"/session/{self.line.session_id}/end")

    def _hop(self, method: str, text: str) -> Post:
        fields = {"msisdn": self._msisdn(), "text": text, "shortCode": self.line.service}
        return self.post(fields, f"/session/{self.line.session_id}/{method}")

    def _msisdn(self) -> str:
        return self.line.msisdn.lstrip("+")
