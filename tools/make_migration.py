"""Writes a migration from what the tables say beyond them: `python -m tools.make_migration WHAT`."""

import asyncio
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from core.db import Database
from gateway import schema


async def make(message: str) -> None:
    """Bring an empty database to the newest version, then write down the difference."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite+aiosqlite:///{Path(folder) / 'empty.db'}")
        await schema.upgrade(db)

        def compare(connection: sa.Connection) -> None:
            config = schema.config()
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True)

        async with db.write() as connection:
            await connection.run_sync(compare)
        await db.close()


if __name__ == "__main__":
    asyncio.run(make(" ".join(sys.argv[1:]) or "change"))
