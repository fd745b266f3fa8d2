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
    """Mask every phone number in every value of an event: texts, and whatever is written as text."""
    for key, value in event.items():
        if value is not None and not isinstance(value, bool | int | float):
            event[key] = mask_in(str(value))
    return event
