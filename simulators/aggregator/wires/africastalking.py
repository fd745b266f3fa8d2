"""Africa's Talking: the whole history at every hop, an end event for every call (reference §1)."""

from core.clock import rfc3339
from simulators.aggregator.wires.base import Answer, End, Line, Post, Shown, Unreadable, Wire

_COST = "ZMW 0.1000"
_OK = 200
_METADATA = "at-ussd-hop-metadata"


class AfricasTalking(Wire):
    """Keeps the history, and the metadata that replies carried."""

    channel = "africastalking"

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._history = ""
        self._metadata: list[str] = []
        self._answer = ""

    def first(self, history: str) -> Post:
        """Return the first hop; a deep dial looks as if its keys had been typed."""
        self._history = history
        return self._hop()

    def typed(self, text: str) -> Post:
        """Return the hop after this input."""
        self._history = f"{self._history}*{text}" if self._history else text
        return self._hop()

    def read(self, answer: Answer) -> Shown:
        """Return the screen of an answer that begins with `CON ` or `END `. Raises Unreadable."""
        self._answer = answer.text
        if answer.hop_metadata:
            self._metadata.append(answer.hop_metadata)
        kind, text = answer.text[:4], answer.text[4:]
        if answer.status != _OK or kind not in ("CON ", "END ") or not text:
            raise Unreadable
        return Shown(text, is_end=kind == "END ")

    def end(self, end: End) -> Post:
        """Return the end event."""
        form = self._same() | {
            "date": rfc3339(end.at.replace(microsecond=0)),
            "status": end.status,
            "cost": _COST,
            "durationInMillis": str(end.duration_ms),
            "hopsCount": str(end.hops),
            "hopsMetadata": "|".join(self._metadata),
            "input": self._history,
            "lastAppResponse": self._answer,
        }
        error = {"errorMessage": end.error} if end.error else {}
        return Post(self.channel, "/events", form=form | error)

    def _hop(self) -> Post:
        headers = {_METADATA: self._metadata[-1]} if self._metadata else {}
        return Post(self.channel, form=self._same() | {"text": self._history}, headers=headers)

    def _same(self) -> dict[str, str]:
        return {
            "sessionId": self.line.session_id,
            "phoneNumber": self.line.msisdn,
            "networkCode": self.line.network,
            "serviceCode": self.line.service,
        }
