"""`madzi zones|taps|tenants|tariffs import|export`, `usage import`, `bill`, `tap show|billing`."""

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from core.clock import SystemClock
from core.ids import Ids
from core.money import display
from gateway.cli import stories
from gateway.cli.common import complain, database, read_input, run, show_json, write_output
from taps import exporting, importing, raising, switching, tap_id
from taps.importing import Report
from taps.model import Billing

_KINDS = ("zones", "taps", "tenants", "tariffs")

File = Annotated[str, typer.Argument(help="a CSV file (taps also GeoJSON); - is stdin or stdout")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="check only, write nothing")]
ReportTo = Annotated[Path | None, typer.Option("--report", help="write bad rows here as CSV")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for kind in (*_KINDS, "usage"):
        app.add_typer(_group(kind), name=kind)
    tap = typer.Typer(no_args_is_help=True, help="One tap: what it owes, how it is billed.")
    tap.command("show")(tap_show)
    tap.command("billing")(tap_billing)
    app.add_typer(tap, name="tap")
    app.command("bill")(bill)


def _group(kind: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=f"Bring {kind} in from files, and out.")

    def import_(file: File, *, dry_run: DryRun = False, report: ReportTo = None) -> None:
        found = run(_import(kind, read_input(file), dry_run=dry_run))
        _tell(found, report)

    def export(file: File = "-") -> None:
        write_output(file, run(_export(kind, as_geojson=file.endswith((".geojson", ".json")))))

    group.command("import", help=_import_help(kind))(import_)
    if kind in _KINDS:
        group.command("export", help=f"Write {kind} as CSV. Example: madzi {kind} export {kind}.csv")(export)
    else:
        group.callback()(lambda: None)
    return group


def _import_help(kind: str) -> str:
    return (
        f"Read {kind}, good rows kept, bad rows named by line; exit 1 if any was bad. "
        f"Example: madzi {kind} import {kind}.csv --dry-run"
    )


async def _import(kind: str, source: bytes, *, dry_run: bool) -> Report:
    clock = SystemClock()
    async with database() as db, db.write() as connection:
        return await importing.import_file(
            connection, kind, source, ids=Ids(clock), clock=clock, dry_run=dry_run
        )


async def _export(kind: str, *, as_geojson: bool) -> str:
    async with database() as db, db.scan() as connection:
        if kind == "taps" and as_geojson:
            return await exporting.export_geojson(connection)
        return await exporting.export_csv(connection, kind)


def _tell(report: Report, report_to: Path | None) -> None:
    for bad in report.bad:
        complain(bad.code, f"line {bad.line}: {bad.message}")
    if report_to is not None:
        write_output(str(report_to), _report_csv(report))
    done = "would be" if report.dry_run else "were"
    typer.echo(
        f"{report.kind}: {report.added} {done} added, {report.changed} changed, {report.unchanged} the same, "
        f"{len(report.bad)} bad",
        err=True,
    )
    if report.bad:
        raise typer.Exit(1)


def _report_csv(report: Report) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["line", "code", "message"])
    writer.writerows([bad.line, bad.code, bad.message] for bad in report.bad)
    return out.getvalue()


def bill(
    period: Annotated[str, typer.Argument(help="a month, like 2026-11")],
    zone: Annotated[str | None, typer.Option("--zone", help="only this zone")] = None,
) -> None:
    """Raise the debts of a period; again changes nothing. Example: madzi bill 2026-11 --zone KNY."""

    async def work() -> raising.Raised:
        clock = SystemClock()
        async with database() as db, db.write() as connection:
            return await raising.raise_debts(connection, period, ids=Ids(clock), clock=clock, zone=zone)

    raised = run(work())
    typer.echo(f"{raised.debts} debts with {raised.parts} parts were raised for {period}", err=True)


def tap_show(
    tap: Annotated[str, typer.Argument(help="a TapID or tap number, typed loosely")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Show a tap's billing, tenants, debts and payments. Example: madzi tap show kny-0417-1."""
    story = run(_tap_story(tap))
    if as_json:
        show_json(story)
        return
    typer.echo(f"{story['tap_id']} ({story['tap_number']}), {story['zone_name']}: {story['billing']} billing")
    for debt in story["debts"]:
        owner = f" {debt['tenant_id'][:8]}" if debt["tenant_id"] else ""
        amount = display(debt["amount"]["amount_minor"], debt["amount"]["currency"])
        paid = display(debt["paid"]["amount_minor"], debt["paid"]["currency"])
        typer.echo(
            f"  {debt['period']}{owner} {debt['component']:<7}{debt['seller']:<30}{amount:>12} paid {paid}"
        )
    for tenant in story["tenants"]:
        typer.echo(f"  tenant {tenant['name']}, {tenant['msisdn']}, {tenant['occupants']} people")
    for payment in story["payments"]:
        amount = display(payment["amount"]["amount_minor"], payment["amount"]["currency"])
        typer.echo(f"  payment {payment['payment_id']} {amount} {payment['status']} {payment['created_at']}")


async def _tap_story(text: str) -> dict[str, Any]:
    async with database() as db, db.scan() as connection:
        return await stories.tap(connection, text)


def tap_billing(
    tap: Annotated[str, typer.Argument(help="a TapID")],
    billing: Annotated[Billing, typer.Argument(help="shared or individualized")],
    from_period: Annotated[
        str | None, typer.Option("--from", help="a month; the next one if left out")
    ] = None,
) -> None:
    """Switch how a tap is billed; what was paid is kept. Example: madzi tap billing KNY-0417-1 shared."""

    async def work() -> switching.Switched:
        async with database() as db, db.write() as connection:
            return await switching.switch_billing(
                connection, tap_id.parse(tap), billing, clock=SystemClock(), from_period=from_period
            )

    switched = run(work())
    already = "; what was billed for that month already stays" if switched.billed else ""
    typer.echo(
        f"{switched.tap_id} is billed {switched.billing} from {switched.from_period}{already}", err=True
    )
