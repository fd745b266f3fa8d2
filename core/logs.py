"""Structured logs, one JSON object a line, with numbers of people masked."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from core.msisdn import mask_in

Event = MutableMapping[str, Any]


def configure(level: str = "INFO", *, human: bool = False, to: TextIO | None = None) -> None:
    """Send logs to stderr (stdout carries data only) or a file: JSON, or lines for people where `human`."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False) if human else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_numbers,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=True,
    )


def mask_numbers(_logger: Any, _method: str, event: Event) -> Event:
    """Mask every phone number in every text of an event."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask_in(value)
        elif isinstance(value, dict | list | tuple):
            event[key] = mask_in(str(value))
    return event
