"""What is counted, for Prometheus. Labels hold few values and no personal data."""

from prometheus_client import Counter, Gauge, Histogram

HOPS = Counter("madzi_ussd_hops_total", "USSD hops answered", ["channel", "screen"])
HOP_SECONDS = Histogram(
    "madzi_ussd_hop_seconds",
    "From a hop's arrival to its reply",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PAYMENTS = Counter("madzi_payments_total", "Payments by how they ended", ["provider", "status", "reason"])
PUSHES = Counter("madzi_pushes_total", "Prompts handed to providers", ["provider", "taken"])
REPORTS = Counter("madzi_provider_reports_total", "Answers of providers when asked", ["provider", "outcome"])
CALLBACKS = Counter("madzi_callbacks_total", "Callbacks by what they turned out to be", ["verdict"])
OUTBOX = Gauge("madzi_outbox_rows", "Outbox rows not done", ["kind", "status"])
OUTBOX_AGE_S = Gauge("madzi_outbox_oldest_seconds", "Age of the oldest due outbox row")
SMS = Gauge("madzi_sms_messages", "SMS by status", ["status"])
SUSPENSE = Gauge("madzi_suspense_open_items", "Open suspense items", ["kind"])
DEAD = Counter("madzi_outbox_dead_total", "Outbox rows given up", ["kind"])
