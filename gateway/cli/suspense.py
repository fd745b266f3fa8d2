"""`madzi suspense …`: money without a match, and what else a person must look at."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from core import msisdn as numbers
from core.clock import rfc3339
from core.errors import BadInput, NotFound
from core.ids import is_uuid
from core.money import display
from gateway.cli import refunds
from gateway.cli.audited import Act
from gateway.cli.common import database, run, show_json
from gateway.cli.deciding import actor, submit
from payments import suspense_views
from payments.commands import AssignItem, CloseItem
from payments.lifecycles import ItemStatus
from payments.results import Assigned, Closed
from payments.stories import money
from payments.suspense_views import Item
from taps import store as taps_store
from taps import tap_id as tap_ids
from taps.model import Tap, Tenant

Name = Annotated[str, typer.Argument(metavar="ITEM", help="the id of an item")]
Note = Annotated[str, typer.Option("--note", help="what was found, at most 160 characters")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
_LONGEST_NOTE = 160


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Money without a match, and doubts about money.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("assign")(assign)
    group.command("refund")(refunds.refund_item)
    group.command("close")(close)
    app.add_typer(group, name="suspense")


def list_(
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="only of this kind, like no_match")] = None,
    status: Annotated[ItemStatus, typer.Option("--status", help="only in this state")] = ItemStatus.OPEN,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="at most so many")] = 200,
    as_json: AsJson = False,
) -> None:
    """List what a person must look at, the oldest first; numbers are masked. Example: madzi suspense list."""

    async def work() -> list[Item]:
        async with database() as db, db.scan() as connection:
            return await suspense_views.find(connection, kind=kind, status=status.value, limit=limit)

    found = run(work())
    if as_json:
        show_json([item_json(item) for item in found])
        return
    for item in found:
        typer.echo(line(item))


def show(item: Name, *, as_json: AsJson = False) -> None:
    """Show an item with the payer's number as we were told it. Example: madzi suspense show ITEM."""

    async def work() -> Item:
        async with database() as db, db.scan() as connection:
            return await suspense_views.one(connection, _id(item))

    found = run(work())
    told = item_json(found) | {"payer": found.payer, "detail": found.detail}
    if as_json:
        show_json(told)
        return
    for name, value in told.items():
        shown = display(value["amount_minor"], value["currency"]) if isinstance(value, dict) else value
        typer.echo(f"{name:<18}{'' if shown is None else shown}".rstrip())


def assign(
    item: Name,
    tap: Annotated[str, typer.Argument(metavar="TAPID", help="the tap, or its number")],
    tenant: Annotated[str | None, typer.Option("--tenant", help="the phone of a tenant there")] = None,
    payer: Annotated[
        str | None, typer.Option("--payer", help="who paid, where that has become known")
    ] = None,
    note: Note = "",
) -> None:
    """Pay a tap's debts, or one tenant's, with what an item holds; again changes nothing.

    What is left over is kept for the payer, or is a new item where nobody knows who paid. Example:
    madzi suspense assign ITEM KNY-0417-1.
    """
    item_id, said = _id(item), _note(note)

    async def work() -> Assigned:
        async with database() as db:
            async with db.read() as connection:
                found = await _tap(connection, tap)
                person = await _tenant(connection, found, tenant) if tenant is not None else None
            command = AssignItem(
                item_id=item_id,
                tap_id=found.tap_id,
                tenant_id=person.tenant_id if person else None,
                msisdn=numbers.parse(payer, found.country) if payer is not None else None,
                contact_msisdn=person.msisdn if person else None,
                note=said,
                actor=actor(),
            )
            act = Act("suspense.assign", item_id, {"tap_id": found.tap_id})
            answer: Assigned = await submit(db, command, act)
            return answer

    done = run(work())
    payment = done.payment
    typer.echo(payment.payment_id)
    paid = display(payment.amount_minor, payment.currency)
    was = " (it was before)" if done.is_repeat else ""
    typer.echo(f"{paid} is paid for {payment.tap_id}{was}: madzi payment show {payment.payment_id}", err=True)


def close(item: Name, note: Note = "") -> None:
    """Close an item without money, once it is seen to. Example: madzi suspense close ITEM --note "seen"."""
    item_id, said = _id(item), _note(note)
    if not said:
        raise BadInput("say what was found, with --note", code="need_note")

    async def work() -> Closed:
        async with database() as db:
            act = Act("suspense.close", item_id, {"note": said})
            answer: Closed = await submit(db, CloseItem(item_id=item_id, note=said, actor=actor()), act)
            return answer

    done = run(work())
    typer.echo(f"{item_id} {'was' if done.is_repeat else 'is'} closed", err=True)


def line(item: Item) -> str:
    """Return an item in one line; numbers are masked."""
    amount = display(item.held_minor, item.currency) if item.held_minor else "-"
    told = [item.item_id, f"{item.kind:<18}", f"{amount:>12}", f"{item.created_at:%Y-%m-%d}"]
    told += [item.receipt or "-", repr(item.account_reference) if item.account_reference else "-"]
    return " ".join([*told, _masked(item.payer) or "-", numbers.mask_in(item.detail)])


def item_json(item: Item) -> dict[str, Any]:
    """Return an item as JSON carries it; numbers are masked."""
    return {
        "item_id": item.item_id,
        "kind": item.kind,
        "status": item.status,
        "held": money(item.held_minor, item.currency),
        "account_id": item.account_id,
        "receipt": item.receipt,
        "account_reference": item.account_reference,
        "payer": _masked(item.payer),
        "payment_id": item.payment_id,
        "into_payment_id": item.into_payment_id,
        "detail": numbers.mask_in(item.detail),
        "created_at": rfc3339(item.created_at),
        "resolved_by": item.resolved_by,
        "resolved_at": rfc3339(item.resolved_at) if item.resolved_at else None,
        "note": item.note,
    }


def _masked(payer: str | None) -> str | None:
    return payer if payer is None or "*" in payer else numbers.mask(payer)


def _id(item: str) -> str:
    if not is_uuid(item):
        raise BadInput(f"{item[:40]!r} is no id of an item: see madzi suspense list", code="bad_item")
    return item.lower()


def _note(note: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in note).split())
    if len(plain) > _LONGEST_NOTE:
        raise BadInput(f"the note is longer than {_LONGEST_NOTE} characters", code="note_too_long")
    return plain


async def _tap(connection: AsyncConnection, text: str) -> Tap:
    name = tap_ids.read(text)
    by = taps_store.taps_by_ids if isinstance(name, tap_ids.TapId) else taps_store.taps_by_numbers
    found = (await by(connection, [name.value])).get(name.value)
    if found is None:
        raise NotFound(f"no tap has the number {name.value}", code="no_such_tap")
    return found


async def _tenant(connection: AsyncConnection, tap: Tap, phone: str) -> Tenant:
    msisdn = numbers.parse(phone, tap.country)
    people = (await taps_store.tenancies_by_msisdn(connection, [msisdn]))[msisdn]
    here = [person for person in people if person.tap_id == tap.tap_id]
    if not here:
        raise NotFound(f"nobody with this phone is or was on {tap.tap_id}", code="no_such_tenant")
    return max(here, key=lambda person: person.active)
