"""`madzi flags …`: what is wrong at taps, who sees to it, what came of it."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from core import msisdn as numbers
from core.clock import SystemClock, rfc3339
from core.errors import NotFound
from core.ids import Ids
from gateway.cli.audited import Act, audited, whoami
from gateway.cli.common import database, run, show_json
from taps import flags, store
from taps.flags_model import Flag, FlagState, Step, clean_words, read_reference, reference

Reference = Annotated[str, typer.Argument(metavar="REF", help="a reference like F-0042, or its number alone")]


AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


class Outcome(StrEnum):
    """What may become of a flag."""

    VISITED = "visited"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Reported and detected trouble at taps.")
    group.command("list")(list_flags)
    group.command("show")(show)
    group.command("assign")(assign)
    group.command("resolve")(resolve)
    app.add_typer(group, name="flags")


def list_flags(
    *,
    zone: Annotated[list[str] | None, typer.Option("--zone", help="only this zone; may be repeated")] = None,
    state: Annotated[FlagState | None, typer.Option("--state", help="only in this state")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="at most so many")] = 200,
    as_json: AsJson = False,
) -> None:
    """List flags, newest first. Example: madzi flags list --zone KNY --state open."""
    zones = sorted({code.strip().upper() for code in zone or ()})
    found = run(_found(zones, state, limit))
    if as_json:
        show_json([_as_json(flag) for flag in found])
        return
    for flag in found:
        place = flag.tap_id or "another place"
        owner = flag.owner or "nobody"
        typer.echo(
            f"{flag.reference:<9}{flag.state:<11}{flag.kind:<14}{place:<15}{owner:<20}"
            f"{flag.created_at:%Y-%m-%d}  {flag.words}"
        )


async def _found(zones: list[str], state: FlagState | None, limit: int) -> list[Flag]:
    async with database() as db, db.scan() as connection:
        known = await store.zones_by_ids(connection, zones)
        for code in zones:
            if code not in known:
                raise NotFound(f"there is no zone {code[:20]!r}", code="unknown_zone")
        return await flags.find(connection, zones=zones, state=state, limit=limit)


def show(ref: Reference, *, as_json: AsJson = False) -> None:
    """Show a flag with who reported it and its history. Example: madzi flags show F-0042."""
    flag, steps = run(_story(read_reference(ref)))
    if as_json:
        show_json(
            _as_json(flag) | {"reported_by": flag.reported_by, "history": [_step(step) for step in steps]}
        )
        return
    place = f"{flag.tap_id}, {flag.zone}" if flag.tap_id else "another place"
    typer.echo(f"{flag.reference}: {flag.kind} at {place}, {flag.state}, {flag.owner or 'nobody'} sees to it")
    typer.echo(f"  {flag.words or 'no words'} ({flag.reported_by or flag.rule}, {flag.source})")
    for step in steps:
        note = f": {step.note}" if step.note else ""
        typer.echo(f"  {rfc3339(step.at)} {step.event} by {step.actor}{note}")


async def _story(number: int) -> tuple[Flag, list[Step]]:
    async with database() as db, db.read() as connection:
        flag = (await flags.by_numbers(connection, [number])).get(number)
        if flag is None:
            raise NotFound(f"there is no flag {reference(number)}", code="unknown_flag")
        return flag, await flags.history(connection, flag.flag_id)


def _step(step: Step) -> dict[str, Any]:
    return {**asdict(step), "at": rfc3339(step.at)}


def assign(
    ref: Reference, name: Annotated[str, typer.Argument(help="a user who sees to it from now on")]
) -> None:
    """Give a flag to a user. Example: madzi flags assign F-0042 "Ann Zulu"."""
    number = read_reference(ref)

    async def work(connection: AsyncConnection) -> Flag:
        clock = SystemClock()
        return await flags.assign(connection, number, name, actor=whoami(), ids=Ids(clock), now=clock.now())

    flag = run(audited(Act("flag.assign", reference(number), {"owner": name}), work))
    typer.echo(f"{flag.reference} is {flag.owner}'s now", err=True)


def resolve(
    ref: Reference,
    outcome: Annotated[Outcome, typer.Argument(help="visited, confirmed or cleared")],
    note: Annotated[str, typer.Option("--note", help="what was found, at most 160 characters")] = "",
) -> None:
    """Say what became of a flag. Example: madzi flags resolve F-0042 cleared --note "pipe mended"."""
    number = read_reference(ref)
    state = FlagState(outcome.value)

    async def work(connection: AsyncConnection) -> Flag:
        clock = SystemClock()
        how: dict[str, Any] = {"actor": whoami(), "ids": Ids(clock), "now": clock.now(), "note": note}
        return await flags.resolve(connection, number, state, **how)

    act = Act("flag.resolve", reference(number), {"state": state.value, "note": clean_words(note)})
    flag = run(audited(act, work))
    typer.echo(f"{flag.reference} is {flag.state} now", err=True)


def _as_json(flag: Flag) -> dict[str, Any]:
    return {
        "reference": flag.reference,
        "kind": flag.kind.value,
        "tap_id": flag.tap_id,
        "zone": flag.zone,
        "words": flag.words,
        "reported_by": numbers.mask(flag.reported_by) if flag.reported_by else None,
        "source": flag.source.value,
        "rule": flag.rule.value if flag.rule else None,
        "owner": flag.owner,
        "state": flag.state.value,
        "created_at": rfc3339(flag.created_at),
    }
