"""`madzi payment show`, `madzi payments export`."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from core.clock import rfc3339
from gateway.cli import stories, telling
from gateway.cli.common import database, moment, run, show_json, write_output
from payments.tables import payments

_COLUMNS = (
    "payment_id",
    "payment_request_id",
    "tap_id",
    "msisdn",
    "amount_minor",
    "currency",
    "provider",
    "provider_reference",
    "receipt",
    "status",
    "created_at",
    "updated_at",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    one = typer.Typer(no_args_is_help=True, help="One payment.")
    one.command("show")(show)
    one.callback()(lambda: None)
    many = typer.Typer(no_args_is_help=True, help="Payments.")
    many.command("export")(export)
    many.callback()(lambda: None)
    app.add_typer(one, name="payment")
    app.add_typer(many, name="payments")


def show(
    name: Annotated[
        str, typer.Argument(help="payment id, payment_request_id, receipt or provider reference")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Tell the story of a payment. Example: madzi payment show MP261121.0815.D08222."""

    async def work() -> dict[str, Any]:
        async with database() as db, db.scan() as connection:
            return await stories.payment(connection, name)

    story = run(work())
    if as_json:
        show_json(story)
        return
    for line in telling.lines(story):
        typer.echo(line)


def export(
    file: Annotated[str, typer.Argument(help="where to; - is stdout")] = "-",
    since: Annotated[str | None, typer.Option("--since", help="created on or after, like 2026-11-21")] = None,
) -> None:
    """Write payments as CSV, oldest first. Example: madzi payments export - --since 2026-11-01."""
    query = sa.select(*(payments.c[name] for name in _COLUMNS)).order_by(
        payments.c.created_at, payments.c.payment_id
    )
    if since:
        query = query.where(payments.c.created_at >= moment(since))

    async def work() -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_COLUMNS)
        async with database() as db, db.scan() as connection:
            writer.writerows([_cell(value) for value in row] for row in await connection.execute(query))
        return out.getvalue()

    write_output(file, run(work()))


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return "" if value is None else value
