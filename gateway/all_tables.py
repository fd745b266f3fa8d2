"""Every module that declares tables, so that the schema is whole wherever it is looked at."""

import importlib

MODULES = (
    "core.outbox",
    "core.audit",
    "core.vault",
    "taps.tables",
    "taps.tenancies.tables",
    "payments.tables",
    "payments.payouts.tables",
    "payments.links",
    "payments.providers.tables",
    "payments.health_tables",
    "sms.tables",
    "gateway.sessions.tables",
    "gateway.api.tables",
)


def load() -> None:
    """Import them."""
    for module in MODULES:
        importlib.import_module(module)
