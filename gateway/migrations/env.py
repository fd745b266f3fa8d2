"""Alembic's entry: the connection comes from outside (`gateway.schema`), so there is no configuration file."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from core.db import Id, UtcDateTime, metadata
from gateway import all_tables


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types by name in generated migrations."""
    if kind == "type" and item is Id:
        autogen.imports.add("from core.db import Id")
        return "Id"
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from core.db import UtcDateTime")
        return "UtcDateTime()"
    return False


connection = context.config.attributes["connection"]
all_tables.load()
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_item=render_item,
    # Batch mode is how SQLite changes tables; it keeps partial indexes and drops triggers (design §8).
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
