"""A code that no table knows: it settles nothing, and somebody should look it up."""

import structlog

from core.metrics import UNKNOWN_CODES
from payments.providers.reading import code_of

_log = structlog.get_logger(__name__)


def note_unknown(provider: str, code: str) -> None:
    """Count and log a provider's code that is not in its table; an empty one is none."""
    if code:
        UNKNOWN_CODES.labels(provider).inc()
        _log.warning("unknown_code", provider=provider, code=code_of(code))
