"""The database schema: migrations travel inside the package and run on a connection that is given."""

from importlib import resources

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.db import Database


def config() -> Config:
    """Return Alembic's configuration."""
    settings = Config()
    settings.set_main_option("script_location", str(resources.files("gateway") / "migrations"))
    return settings


async def upgrade(db: Database) -> None:
    """Bring the schema to the newest version; again changes nothing."""

    def run(connection: sa.Connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")

    async with db.write() as connection:
        await connection.run_sync(run)


async def is_current(db: Database) -> bool:
    """Say whether the schema is at the newest version."""

    def version(connection: sa.Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with db.read() as connection:
        return await connection.run_sync(version) == newest()


_newest: list[str | None] = []


def newest() -> str | None:
    """Return the newest version there is; looked up once."""
    if not _newest:
        _newest.append(ScriptDirectory.from_config(config()).get_current_head())
    return _newest[0]
