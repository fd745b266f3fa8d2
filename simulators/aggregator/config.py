"""Everything about the aggregator that may be set; the defaults are the demo's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.aggregator.networks import LIMITS, Limits
from simulators.faults import Faults
from simulators.timing import Timing, WallTime


@dataclass(frozen=True, slots=True)
class Recipient:
    """What becomes of SMS to one number: the code on sending, then the delivery states in order."""

    code: int = 101
    delivery: tuple[str, ...] = ("Success",)
    failure_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """One account and the gateway behind it. `recipients` goes by E.164 number."""

    gateway_url: str = "http://127.0.0.1:8080"
    channel_token: str = "demo-channel"  # noqa: S105 - opens only a demo
    username: str = "madzi"
    api_key: str = "demo-africastalking-api-key"
    service_code: str = "*384*7#"
    wire: str = "africastalking"  # a name of `WIRES`
    short_code: str = "38407"
    recipients: Mapping[str, Recipient] = field(default_factory=dict)
    delivery_reports: bool = True
    delivery_after_s: float = 0.5
    send_s: float = 0.0
    end_events: bool = True
    limits: Mapping[str, Limits] = field(default_factory=lambda: LIMITS)  # by network code
    seed: int = 7
    faults: Faults = field(default_factory=Faults)
    timing: Timing = field(default_factory=WallTime)
    answer_within_s: float = 10.0
    most_messages: int = 100_000
    most_calls: int = 1_000
    most_reports: int = 10_000
