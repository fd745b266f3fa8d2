"""`madzi db …`, `madzi menu …`, `madzi verify`."""

import sqlite3
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.clock import SystemClock
from core.db import Database
from core.errors import MadziError, Refused
from gateway import schema
from gateway import verify as invariants
from gateway.cli.common import (
    complain,
    complain_of_bug,
    database,
    moment,
    quiet,
    reaching,
    run,
    settings,
    show_json,
)
from gateway.sessions.dropoff import ScreenUse
from gateway.sessions.dropoff import read as read_uses
from payments.verify import Verdict

db_app = typer.Typer(no_args_is_help=True, help="The database: schema, backup, restore.")
menu_app = typer.Typer(no_args_is_help=True, help="The USSD menu: checks and its picture.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(db_app, name="db")
    app.add_typer(menu_app, name="menu")
    app.command("verify")(verify)


@db_app.command("upgrade")
def upgrade() -> None:
    """Bring the schema to the newest version. Example: madzi db upgrade."""

    async def work() -> None:
        db = Database(settings().db_url)
        try:
            with reaching():
                await db.ping()
            await schema.upgrade(db)
        finally:
            await db.close()

    quiet()
    run(work())
    typer.echo("schema is current", err=True)


def _sqlite_file() -> Path:
    url = Database(settings().db_url).url
    if url.get_backend_name() != "sqlite" or not url.database:
        raise Refused("this is PostgreSQL: use pg_dump and pg_restore", code="not_sqlite")
    return Path(url.database)


@db_app.command("backup")
def backup(file: Path) -> None:
    """Copy the database consistently while it runs. Example: madzi db backup madzi-2026-11-21.db."""
    if file.exists():
        raise Refused(f"{file} exists; name another file", code="file_exists")
    with (
        sqlite3.connect(f"file:{_sqlite_file()}?mode=ro", uri=True) as source,
        sqlite3.connect(file) as target,
    ):
        source.backup(target)
    target.close()
    source.close()


@db_app.command("restore")
def restore(file: Path) -> None:
    """Put a backup in place of the database; stop every process first. Example: madzi db restore FILE."""
    current = _sqlite_file()
    if not file.exists():
        raise Refused(f"{file} does not exist", code="cannot_read")
    source = sqlite3.connect(file)
    if source.execute("PRAGMA integrity_check").fetchone() != ("ok",):
        raise Refused(f"{file} is damaged", code="bad_backup")
    current.parent.mkdir(parents=True, exist_ok=True)
    target = sqlite3.connect(current)
    source.backup(target)
    target.close()
    source.close()


@menu_app.command("lint")
def lint() -> None:
    """Find dead ends, keys used twice, and texts that do not fit. Example: madzi menu lint."""
    from sms import lint as sms_lint
    from sms import templates
    from ussd_menus import lint as menu_lint

    problems = [str(p) for p in menu_lint.run()] + [str(p) for p in sms_lint.lint(templates.catalogues())]
    for problem in problems:
        complain("menu_problem", problem)
    raise typer.Exit(1 if problems else 0)


@menu_app.command("graph")
def graph() -> None:
    """Draw the menu as Mermaid. Example: madzi menu graph > menu.mmd."""
    from ussd_menus.lint import graph as draw

    typer.echo(draw())


@menu_app.command("dropoff")
def dropoff(
    since: Annotated[
        str | None, typer.Option("--since", help="calls that ended on or after, like 2026-11-21")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Show on which screens calls break off. Example: madzi menu dropoff --since 2026-11-01.

    It counts what the aggregator told at the end of calls, of the last 7 days; it is kept for 30.
    """
    start = moment(since) if since else SystemClock().now() - timedelta(days=7)
    uses = run(_uses(start))
    if as_json:
        show_json([asdict(use) | {"left_percent": round(use.left_percent, 1)} for use in uses])
        return
    typer.echo(f"{'screen':<24}{'reached':>10}{'ended':>10}{'left':>10}{'share':>9}")
    for use in uses:
        shares = f"{use.left_percent:>7.1f} %"
        typer.echo(f"{use.screen:<24}{use.reached:>10}{use.ended:>10}{use.left:>10}{shares}")


async def _uses(start: datetime) -> list[ScreenUse]:
    async with database() as db, db.scan() as connection:
        return await read_uses(connection, start)


def verify(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False
) -> None:
    """Check every money invariant over the whole database: exit 0 holds, 1 broken, 2 could not run.

    Example: madzi verify
    """
    try:
        verdicts = run(_verified())
    except MadziError as error:
        complain(error.reason, error.detail)
        raise typer.Exit(2) from None
    except Exception as error:  # 1 would say that the books are wrong
        complain_of_bug(error)
        raise typer.Exit(2) from None
    if as_json:
        show_json([asdict(verdict) | {"holds": verdict.holds} for verdict in verdicts])
    else:
        for verdict in verdicts:
            typer.echo(f"{'holds ' if verdict.holds else 'BROKEN'} {verdict.name}: {verdict.says}")
            for row in verdict.rows:
                typer.echo(f"       {row}")
    raise typer.Exit(0 if all(verdict.holds for verdict in verdicts) else 1)


async def _verified() -> list[Verdict]:
    async with database() as db:
        return await invariants.run(db)
