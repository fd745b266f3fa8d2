"""The one form in which every aggregator's request reaches the menu, and in which the answer leaves it."""

from msgspec import Struct


class Hop(Struct, frozen=True, gc=False):
    """One exchange.

    Aggregators send the whole history of the call, joined by `*`, or only the latest input (`is_latest`).
    """

    channel: str
    external_id: str  # the aggregator's session id, or what stands for it
    msisdn: str  # E.164
    text: str
    network_code: str = ""
    is_latest: bool = False
    is_first: bool | None = None  # whether a call begins; None: the aggregator does not say
    sequence: str = ""  # what tells two hops of a call apart, where the aggregator sends it

    @property
    def key(self) -> tuple[str, str]:
        """What finds the call."""
        return self.channel, self.external_id

    @property
    def mark(self) -> str:
        """What is the same for a hop and its repetition; of a bare input only the time tells them apart."""
        return f"#{self.sequence} {self.text}" if self.sequence else self.text


class Reply(Struct, frozen=True, array_like=True, gc=False):
    """What goes back: the screen's words, whether they are the last, and the screen's name for analytics."""

    text: str
    is_end: bool
    screen: str
