"""The one form in which every aggregator's request reaches the menu."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hop:
    """One exchange. `text` is the whole history of the call, joined by `*`."""

    channel: str
    external_id: str  # the aggregator's session id
    msisdn: str  # E.164
    text: str
    network_code: str

    @property
    def key(self) -> tuple[str, str]:
        """What finds the call."""
        return self.channel, self.external_id


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: `body` exactly as stored, `screen` for the aggregator's analytics."""

    body: str
    screen: str
