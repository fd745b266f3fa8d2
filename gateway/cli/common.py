"""What commands share: settings that find a demo beside them, output, running asynchronous code."""

import asyncio
import json
import os
import shutil
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import sqlalchemy as sa
import typer

from core import logs
from core.db import Database
from core.errors import BadInput, Refused
from core.msisdn import mask_in
from gateway import schema
from gateway.settings import Settings

Result = TypeVar("Result")
DEMO_FILE = "demo.json"
_LONGEST_SAYING = 200


def complain(code: str, detail: str) -> None:
    """Write an error in one line, with its code, to stderr."""
    typer.echo(f"madzi: {code}: {' '.join(detail.split())}", err=True)


def complain_of_bug(error: Exception) -> None:
    """Write in one line what nobody expected; with the log level DEBUG where it happened, before that.

    Numbers of people are masked: an error's text may hold what it stumbled over.
    """
    if _wants_traces():
        typer.echo(mask_in("".join(traceback.format_exception(error))), err=True)
    said = (str(error).strip().splitlines() or [""])[0][:_LONGEST_SAYING]
    told = f"{type(error).__name__}: {mask_in(said)}" if said else type(error).__name__
    complain("internal_error", f"{told}; MADZI_LOG_LEVEL=DEBUG shows where")


def _wants_traces() -> bool:
    try:
        return settings().log_level.upper() == "DEBUG"
    except Exception:  # whatever is wrong, the error itself must be told
        return False


def own_name() -> str:
    """Return what to type for this `madzi`: its name where the shell finds it, else the file that was run."""
    given = Path(sys.argv[0])
    if given.stem != "madzi":  # run as a module, or by a test
        return "madzi"
    found = shutil.which(given.name)
    if found and given.exists() and Path(found).samefile(given):
        return given.name
    try:
        return str(given.absolute().relative_to(Path.cwd()))
    except ValueError:  # somewhere else
        return str(given)


def demo_file(data_dir: Path | None = None) -> Path:
    """Return where a demo says what it uses."""
    return (data_dir or Path(os.environ.get("MADZI_DATA_DIR", "var"))) / DEMO_FILE


def read_demo() -> dict[str, Any]:
    """Return what a demo beside this command has written; empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(demo_file().read_text())
    except (OSError, ValueError):
        return {}
    return found


def settings() -> Settings:
    """Return settings from the environment, completed by a demo's where nothing is set."""
    given = _read_settings()
    if {"env", "database_url"} & given.model_fields_set:
        return given
    for name, value in read_demo().get("env", {}).items():
        os.environ.setdefault(name, value)
    return _read_settings()


def _read_settings() -> Settings:
    try:
        return Settings()
    except pydantic.ValidationError as wrong:
        first = wrong.errors()[0]
        where = (
            "MADZI_" + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else "settings"
        )
        raise Refused(f"{where}: {first['msg']}", code="bad_settings") from None


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run asynchronous code to its end."""
    return asyncio.run(work)


def quiet() -> None:
    """Log warnings only: a command's stdout is data, its stderr is for people."""
    logs.configure("WARNING", human=True)


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """Open the database of the settings; refuse one whose schema is not current."""
    quiet()
    db = Database(settings().db_url)
    try:
        with reaching():
            is_current = await schema.is_current(db)
        if not is_current:
            raise Refused("the database has no current schema; run: madzi db upgrade", code="schema_behind")
        yield db
    except (OSError, sa.exc.OperationalError) as unreachable:
        raise _unreachable(unreachable) from None
    finally:
        await db.close()


@contextmanager
def reaching() -> Iterator[None]:
    """Turn whatever goes wrong with a first look at the database into one error; drivers have their own."""
    try:
        yield
    except Exception as wrong:
        raise _unreachable(wrong) from None


def _unreachable(wrong: Exception) -> Refused:
    why = getattr(wrong, "orig", None) or wrong
    return Refused(f"the database cannot be reached: {why}", code="database_unreachable")


def moment(text: str) -> datetime:
    """Return the moment that a date or a time means, UTC where it names no zone; raises BadInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no date; write it like 2026-11-21", code="bad_date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def show_json(data: Any) -> None:
    """Write one JSON document to stdout."""
    typer.echo(json.dumps(data, indent=2, default=str))


def read_input(file: str) -> bytes:
    """Return a file's bytes, `-` being stdin; raises Refused where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as wrong:
        raise Refused(f"{file}: {wrong.strerror}", code="cannot_read") from None


def write_output(file: str, text: str) -> None:
    """Write text to a file, `-` being stdout; a file is replaced only when all of it is there."""
    if file == "-":
        sys.stdout.write(text)
        return
    target = Path(file)
    draft = target.with_name(target.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(target)
    except OSError as wrong:
        raise Refused(f"{file}: {wrong.strerror}", code="cannot_write") from None
