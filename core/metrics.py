"""What is counted, for Prometheus. Labels hold few values and no personal data."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read from the database when somebody looks: no process holds it, so none is added up."""

    name: str
    says: str
    labels: tuple[str, ...] = ()

    def of(self, rows: Iterable[Iterable[Any]]) -> GaugeMetricFamily:
        """Return the gauge of rows that hold a value of each label, then the number."""
        family = GaugeMetricFamily(self.name, self.says, labels=self.labels)
        for *values, number in rows:
            family.add_metric([str(value) for value in values], float(number))
        return family


def observe_all(histogram: Histogram, amounts: Sequence[float]) -> None:
    """Observe many amounts as `observe` would each, with one lock for each bucket: hops come in batches.

    prometheus_client has no call for it.
    """
    bounds, buckets = histogram._upper_bounds, histogram._buckets  # noqa: SLF001
    for place, count in Tally([bisect_left(bounds, amount) for amount in amounts]).items():
        buckets[place].inc(count)
    histogram._sum.inc(sum(amounts))  # noqa: SLF001


HOPS = Counter("madzi_ussd_hops_total", "USSD hops answered", ["channel", "screen"])
HOP_SECONDS = Histogram(
    "madzi_ussd_hop_seconds",
    "From a hop's arrival until its reply is kept",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CALLS_ENDED = Counter(
    "madzi_ussd_calls_ended_total",
    "Calls that aggregators told the end of, by its status and the last screen",
    ["status", "screen"],
)
SESSIONS_LOST = Counter("madzi_sessions_lost_total", "Calls that Redis did not give or take", ["operation"])
PAYMENTS = Counter("madzi_payments_total", "Payments by how they ended", ["provider", "status", "reason"])
PUSHES = Counter("madzi_pushes_total", "Prompts handed to providers", ["provider", "taken"])
GATEWAY_UP = Reading(
    "madzi_gateway_healthy",
    "1 while pushes go to a gateway account, 0 while its breaker is open",
    ("account",),
)
BREAKER_CHANGES = Counter(
    "madzi_gateway_breaker_changes_total",
    "How often a breaker changed to closed, open or half_open",
    ["account", "state"],
)
REPORTS = Counter("madzi_provider_reports_total", "Answers of providers when asked", ["provider", "outcome"])
UNKNOWN_CODES = Counter(
    "madzi_provider_unknown_codes_total", "Codes of providers that no table knows", ["provider"]
)
CALLBACKS = Counter("madzi_callbacks_total", "Callbacks by what they turned out to be", ["verdict"])
OUTBOX = Reading("madzi_outbox_rows", "Outbox rows not done", ("kind", "status"))
OUTBOX_AGE_S = Reading("madzi_outbox_oldest_seconds", "Age of the oldest due outbox row")
SMS = Reading("madzi_sms_messages", "SMS by status", ("status",))
SMS_LOST = Reading("madzi_sms_lost", "SMS that are dead or failed, by reason", ("status", "reason"))
SMS_QUEUE_AGE_S = Reading("madzi_sms_oldest_seconds", "How long the oldest SMS to hand over has waited")
SMS_HANDED = Counter(
    "madzi_sms_handed_total", "Hand-overs of SMS by what became of them", ["outcome", "reason"]
)
SMS_ENDED = Counter(
    "madzi_sms_ended_total", "SMS sent, delivered, failed, dead or dropped, by reason", ["status", "reason"]
)
SMS_ACCOUNT_FAULTS = Counter(
    "madzi_sms_account_faults_total",
    "Hand-overs that our account at the aggregator is to blame for",
    ["reason"],
)
SUSPENSE = Reading("madzi_suspense_open_items", "Open suspense items", ("kind",))
DEAD = Counter("madzi_outbox_dead_total", "Outbox rows given up", ["kind"])
