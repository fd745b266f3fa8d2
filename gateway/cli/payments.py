"""`madzi payment show`, `madzi payments export`."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from core.clock import rfc3339
from core.money import display
from gateway.cli import refunds, stories
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
    amount = display(story["amount"]["amount_minor"], story["amount"]["currency"])
    typer.echo(
        f"{story['payment_id']}: {amount} for {story['tap_id']} by {story['provider']}: {story['status']}"
    )
    if story["receipt"]:
        typer.echo(f"  receipt {story['receipt']}")
    for other in story["same_checkout"]:
        typer.echo(f"  together with {_other(other)}")
    if story["cash"]:
        typer.echo(f"  taken in cash by agent {story['cash']['agent']}")
    _tell(story)


def _tell(story: dict[str, Any]) -> None:
    for order in story["orders"]:
        part = display(order["amount"]["amount_minor"], order["amount"]["currency"])
        typer.echo(f"  {part} to {order['seller']}: {order['status']} {order['reason'] or ''}".rstrip())
    for move in story["transitions"]:
        detail = f" ({move['detail']})" if move["detail"] else ""
        typer.echo(f"  {move['at']} {move['from'] or '-'} -> {move['to']} by {move['cause']}{detail}")
    for item in story["suspense"]:
        typer.echo(f"  suspense {item['item_id']}: {item['kind']}, {item['status']}: {item['detail']}")
    for payout in story["payouts"]:
        typer.echo(f"  payout {refunds.line(payout)}")
        for line in refunds.moves(payout):
            typer.echo(f"    {line}")
    for sms in story["sms"]:
        typer.echo(f"  SMS {sms['status']}: {sms['text']}")


def _other(payment: dict[str, Any]) -> str:
    amount = display(payment["amount_minor"], payment["currency"])
    source = "from the payer's wallet" if payment["provider"] == "wallet" else f"by {payment['provider']}"
    return f"{payment['payment_id']}: {amount} {source}: {payment['status']}"


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
