"""`madzi sms dead|replay|cost`, and `madzi sms MSISDN TEXT` beside them (contract §2)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.core import TyperGroup

from core import msisdn as numbers
from core.clock import SystemClock, rfc3339
from gateway.cli import phone
from gateway.cli.audited import Act, audited
from gateway.cli.common import database, moment, run, show_json
from sms import costs, queue
from taps import periods

_SEND = "send"
Since = Annotated[str | None, typer.Option("--since", help="made on or after, like 2026-11-21")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


class SmsGroup(TyperGroup):
    """A group whose first word may be a phone number: then an SMS is sent."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take anything that is no command of this group as the beginning of `send`."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_SEND, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        cls=SmsGroup,
        no_args_is_help=True,
        help="SMS: `madzi sms 0961234567 HELP` sends one to Madzi; the others look after those from Madzi.",
    )
    group.command(_SEND)(phone.sms)
    for command in (dead, replay, cost):
        group.command()(command)
    app.add_typer(group, name="sms")


def dead(since: Since = None, *, as_json: AsJson = False) -> None:
    """List SMS that could not be sent, oldest first. Example: madzi sms dead --since 2026-11-21."""
    found = [_letter(row) for row in run(_dead(moment(since) if since else None))]
    if as_json:
        show_json(found)
        return
    for letter in found:
        unsure = "may have arrived" if letter["may_have_arrived"] else ""
        what = f"{letter['msisdn']:<15}{letter['template']:<20}{letter['reason']:<16}"
        told = f"{letter['attempts']:>3} tries  {letter['said']}  {unsure}"
        typer.echo(f"{letter['sms_id']}  {letter['created_at'][:19]}Z  {what}{told}".rstrip())


async def _dead(since: datetime | None) -> list[Any]:
    async with database() as db, db.scan() as connection:
        return await queue.dead(connection, since=since)


def _letter(row: Any) -> dict[str, Any]:
    return {
        "sms_id": row.sms_id,
        "created_at": rfc3339(row.created_at),
        "msisdn": numbers.mask(row.msisdn),
        "template": row.template,
        "language": row.language,
        "payment_id": row.payment_id,
        "reason": row.reason or "other",
        "said": row.provider_status or row.last_error or "",
        "attempts": row.attempts,
        "may_have_arrived": queue.may_have_arrived(row),
    }


def replay(
    sms_ids: Annotated[list[str] | None, typer.Argument(help="ids as `madzi sms dead` shows them")] = None,
    since: Since = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="all that are dead")] = False,
    unknown_too: Annotated[
        bool,
        typer.Option("--unknown-too", help="also those that may have arrived: somebody may get it twice"),
    ] = False,
) -> None:
    """Send dead SMS again, once their cause is mended. Example: madzi sms replay --all --since 2026-11-21."""
    if bool(sms_ids) == everything or (since and not everything):
        raise typer.BadParameter("name ids, or --all, which alone takes --since")
    asked = tuple(dict.fromkeys(sms_ids or ()))
    start = moment(since) if since else None
    act = Act("sms.replay", " ".join(asked) or "all", {"since": since, "unknown_too": unknown_too})
    done = run(audited(act, lambda connection: _replay(connection, asked, start, unknown_too=unknown_too)))
    for sms_id in done.again:
        typer.echo(sms_id)
    alone = f"left alone: {len(done.may_have_arrived)} may have arrived, {len(done.not_dead)} are not dead"
    typer.echo(f"{len(done.again)} are on their way again; {alone}", err=True)
    if asked and len(done.again) < len(asked):
        raise typer.Exit(1)


async def _replay(
    connection: AsyncConnection, asked: tuple[str, ...], since: datetime | None, *, unknown_too: bool
) -> queue.Replayed:
    ids = [sms_id for sms_id in asked if _is_id(sms_id)]
    wanted = ids if asked else [row.sms_id for row in await queue.dead(connection, since=since)]
    done = await queue.replay(connection, wanted, now=SystemClock().now(), unknown_too=unknown_too)
    return replace(done, not_dead=(*done.not_dead, *(set(asked) - set(ids))))


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def cost(
    month: Annotated[str, typer.Option("--month", help="of Lusaka, like 2026-11")], *, as_json: AsJson = False
) -> None:
    """Add up what SMS cost in a month, by currency. Example: madzi sms cost --month 2026-11."""
    period = periods.check(month)

    async def work() -> list[costs.Cost]:
        async with database() as db, db.scan() as connection:
            return await costs.of_month(connection, period)

    found = [
        {"currency": c.currency, "amount": f"{c.amount:f}", "messages": c.messages, "segments": c.segments}
        for c in run(work())
    ]
    if as_json:
        show_json(found)
        return
    for one in found:
        price = f"{one['currency']} {one['amount']}" if one["currency"] else "no price told"
        typer.echo(f"{price}: {one['messages']} SMS, {one['segments']} segments")
