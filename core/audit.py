"""Who did what, from where, and what came of it: rows that are added and never changed (requirement B6).

A row is written in the transaction of the act itself. A refused try is written as well, in a transaction of
its own, because that of the act was rolled back.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import Id, UtcDateTime, metadata
from core.ids import Ids

DONE = "done"
_MOST_DETAIL = 2000
_SECRET = ("token", "pin", "password", "secret", "key")


class Channel(StrEnum):
    """By which way an act came in."""

    USSD = "ussd"
    SMS = "sms"
    CLI = "cli"
    API = "api"
    CONSOLE = "console"


audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("audit_id", Id, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("actor", sa.String(60), nullable=False, comment="a user's name, or a phone"),
    sa.Column("role", sa.String(12), nullable=False, comment="empty where the actor has none"),
    sa.Column("channel", sa.String(8), nullable=False, comment="ussd, sms, cli, api, console"),
    sa.Column("source", sa.String(80), nullable=False, comment="address, session, or SMS id"),
    sa.Column("action", sa.String(40), nullable=False, comment="tenant.register, flag.assign …"),
    sa.Column("subject", sa.String(60), nullable=False, comment="a TapID, a reference, a user's name"),
    sa.Column("detail", sa.Text, nullable=False, comment="JSON without secrets"),
    sa.Column("result", sa.String(40), nullable=False, comment="done, or the code of the error"),
    sa.Index("ix_audit_log_actor_at", "actor", "at"),
    sa.Index("ix_audit_log_subject_at", "subject", "at"),
)
_TEXTS = ("actor", "role", "channel", "source", "action", "subject", "result")


def row(  # noqa: PLR0913 - one argument a column
    *,
    ids: Ids,
    at: datetime,
    actor: str,
    channel: str,
    action: str,
    role: str = "",
    source: str = "",
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    result: str = DONE,
) -> dict[str, Any]:
    """Return a row; texts are cut to their columns, values under secret-sounding names are left out.

    What comes from outside may be a subject (a phone types anything): it is cut, and what cannot be shown
    is dropped. `result` is the `reason` of a MadziError where the act was refused.
    """
    given = {
        "actor": actor, "role": role, "channel": channel, "source": source, "action": action,
        "subject": subject, "result": result,
    }  # fmt: skip
    texts = {name: _fit(given[name], audit_log.c[name].type) for name in _TEXTS}
    return {"audit_id": ids.new(), "at": at, **texts, "detail": _as_json(detail or {})}


async def write(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows; there is no way to change or remove one."""
    await bulk.insert(connection, audit_log, rows)


def _fit(text: str, column: Any) -> str:
    shown = "".join(character for character in text if character.isprintable())
    return shown[: column.length]


def _as_json(detail: Mapping[str, Any]) -> str:
    safe = {name: value for name, value in detail.items() if not _is_secret(name)}
    text = json.dumps(safe, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    return text if len(text) <= _MOST_DETAIL else json.dumps({"too_long": len(text)})


def _is_secret(name: str) -> bool:
    return any(part in _SECRET for part in name.lower().split("_"))
