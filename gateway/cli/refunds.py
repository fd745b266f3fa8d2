"""`madzi refund`, `madzi payouts …`: money back to people, and who may give it."""

import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from core import money
from core import msisdn as numbers
from core.errors import BadInput
from core.ids import is_uuid
from core.money import display
from gateway.cli.audited import whoami
from gateway.cli.common import database, run, settings, show_json
from gateway.runtime import Runtime, open_runtime
from payments import stories as payment_stories
from payments.payouts import store, stories
from payments.payouts.commands import (
    Act,
    Approve,
    By,
    RefundPayment,
    RefundSuspense,
    RefundWallet,
    Reject,
    Resolve,
)
from payments.payouts.lifecycle import PayoutStatus
from payments.payouts.records import Payout
from payments.providers.base import PayoutKind
from payments.wallet import views as wallet_views

Name = Annotated[str, typer.Argument(metavar="PAYOUT", help="the id of a payout")]
As = Annotated[str | None, typer.Option("--by", help="the user who does it; without: the system's user")]
Note = Annotated[str, typer.Option("--note", help="why, at most 160 characters")]
Amount = Annotated[str | None, typer.Option("--amount", help="like 12.50; without: all of it")]
To = Annotated[str | None, typer.Option("--msisdn", help="another number that gets it")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
_LONGEST_NOTE = 160


class Word(StrEnum):
    """What staff have seen at the provider."""

    SENT = "sent"
    NOT_SENT = "not-sent"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("refund")(refund)
    group = typer.Typer(no_args_is_help=True, help="Money that goes back to people.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("approve")(approve)
    group.command("reject")(reject)
    group.command("resolve")(resolve)
    group.command("wallet")(refund_wallet)
    app.add_typer(group, name="payouts")


def refund(
    payment: Annotated[
        str, typer.Argument(help="payment id, payment_request_id, receipt or provider reference")
    ],
    amount: Amount = None,
    note: Note = "",
    by: As = None,
    msisdn: To = None,
    way: Annotated[PayoutKind | None, typer.Option("--way", help="one way only")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a payment back to who paid it, or a part of it; above the limit a second person must approve.

    What still lies in suspense or in the payer's wallet goes first, then what paid debts, which are open
    again when the money has arrived. Cash goes back from the hand of the agent who took it. Example:
    madzi refund MP261121.0815.D08222 --amount 12.50.
    """

    async def work(runtime: Runtime) -> Payout:
        async with runtime.db.read() as connection:
            found = await payment_stories.find(connection, payment)
        asked = RefundPayment(
            payment_id=found.payment_id,
            by=_by(by),
            amount_minor=money.typed(amount, found.currency) if amount is not None else None,
            note=_note(note),
            msisdn=numbers.parse(msisdn) if msisdn is not None else None,
            way=way,
        )
        return await _submit(runtime, asked)

    _done(work, as_json=as_json)


def refund_wallet(
    msisdn: Annotated[str, typer.Argument(help="whose wallet")],
    amount: Amount = None,
    currency: Annotated[str | None, typer.Option("--currency", help="where there are several")] = None,
    note: Note = "",
    by: As = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Send a person what we keep for them. Example: madzi payouts wallet 0977123456."""
    phone = numbers.parse(msisdn)

    async def work(runtime: Runtime) -> Payout:
        name = currency.strip().upper() if currency else None
        if amount is not None and name is None:
            async with runtime.db.read() as connection:
                kept = (await wallet_views.kept(connection, [phone])).get(phone, {})
            name = next(iter(kept)) if len(kept) == 1 else None
        if amount is not None and name is None:
            raise BadInput("say in which currency, with --currency", code="which_currency")
        asked_minor = money.typed(amount, name) if amount is not None and name else None
        command = RefundWallet(
            msisdn=phone, by=_by(by), amount_minor=asked_minor, currency=name, note=_note(note)
        )
        return await _submit(runtime, command)

    _done(work, as_json=as_json)


def refund_item(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="the id of an item in suspense")],
    msisdn: To = None,
    note: Note = "",
    by: As = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Send back what is held for an item. Example: madzi suspense refund ITEM --msisdn 0977123456."""
    if not is_uuid(item):
        raise BadInput(f"{item[:40]!r} is no id of an item: see madzi suspense list", code="bad_item")
    phone = numbers.parse(msisdn) if msisdn is not None else None
    command = RefundSuspense(item_id=item.lower(), by=_by(by), msisdn=phone, note=_note(note))
    _done(lambda runtime: _submit(runtime, command), as_json=as_json)


def approve(payout: Name, by: As = None, *, as_json: AsJson = False) -> None:
    """Say yes to a payout that another person has asked for. Example: madzi payouts approve ID --by Grace."""
    _done(lambda runtime: _submit(runtime, Approve(_id(payout), _by(by))), as_json=as_json)


def reject(payout: Name, note: Note = "", by: As = None, *, as_json: AsJson = False) -> None:
    """Say no to a payout that waits, or withdraw it. Example: madzi payouts reject ID --by Grace."""
    _done(lambda runtime: _submit(runtime, Reject(_id(payout), _by(by), _note(note))), as_json=as_json)


def resolve(
    payout: Name,
    word: Annotated[Word, typer.Argument(help="sent or not-sent, as the provider's own pages say")],
    receipt: Annotated[str | None, typer.Option("--receipt", help="the network's receipt")] = None,
    note: Note = "",
    by: As = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what became of a payout of which the rail does not tell. Example: madzi payouts resolve ID sent."""
    command = Resolve(_id(payout), _by(by), word is Word.SENT, receipt, _note(note))
    _done(lambda runtime: _submit(runtime, command), as_json=as_json)


def list_(
    *,
    status: Annotated[PayoutStatus | None, typer.Option("--status", help="only in this state")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="at most so many")] = 200,
    as_json: AsJson = False,
) -> None:
    """List payouts, newest first. Example: madzi payouts list --status requested."""

    async def work() -> list[Payout]:
        async with database() as db, db.scan() as connection:
            return await store.newest(connection, status, limit)

    found = run(work())
    if as_json:
        show_json([stories.payout_json(payout) for payout in found])
        return
    for payout in found:
        typer.echo(line(stories.payout_json(payout)))


def show(payout: Name, *, as_json: AsJson = False) -> None:
    """Tell the story of a payout. Example: madzi payouts show ID."""

    async def work() -> dict[str, Any]:
        async with database() as db, db.scan() as connection:
            found = await stories.find(connection, payout)
            return (await stories.full(connection, [found]))[0]

    story = run(work())
    if as_json:
        show_json(story)
        return
    typer.echo(line(story))
    for move in moves(story):
        typer.echo(f"  {move}")


def line(story: dict[str, Any]) -> str:
    """Return a payout in one line; the number that gets it is masked."""
    amount = display(story["amount"]["amount_minor"], story["amount"]["currency"])
    who = story["requested_by"] + (f", {story['approved_by']}" if story["approved_by"] else "")
    end = story["failure"] or story["receipt"] or ""
    to = numbers.mask(story["msisdn"])
    told = f"{story['payout_id']} {amount} {story['kind']} by {story['provider']} to {to}: {story['status']}"
    return f"{told} {end} ({who})".replace("  ", " ")


def moves(story: dict[str, Any]) -> list[str]:
    """Return what happened to a payout, a line each."""
    return [
        f"{move['at']} {move['from'] or '-'} -> {move['to']} by {move['cause']}, {move['actor']}"
        + (f" ({move['detail']})" if move["detail"] else "")
        for move in story["transitions"]
    ]


def _by(name: str | None) -> By:
    if name is not None and not name.strip():
        raise BadInput("say who, after --by", code="bad_name")
    return By((name or whoami())[:60], is_named=name is not None, source=socket.gethostname())


def _id(payout: str) -> str:
    if not is_uuid(payout):
        raise BadInput(f"{payout[:40]!r} is no id of a payout: see madzi payouts list", code="bad_payout")
    return payout.lower()


def _note(note: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in note).split())
    if len(plain) > _LONGEST_NOTE:
        raise BadInput(f"the note is longer than {_LONGEST_NOTE} characters", code="note_too_long")
    return plain


async def _submit(runtime: Runtime, command: Act) -> Payout:
    answer: Payout = await runtime.payouts.service.submit(command)
    return answer


def _done(work: Callable[[Runtime], Awaitable[Payout]], *, as_json: bool) -> None:
    async def all_of_it() -> Payout:
        async with database():  # refuses a schema that is not current
            pass
        async with open_runtime(settings()) as runtime:
            return await work(runtime)

    payout = run(all_of_it())
    if as_json:
        show_json(stories.payout_json(payout))
        return
    typer.echo(line(stories.payout_json(payout)))
    typer.echo(_next(payout), err=True)


def _next(payout: Payout) -> str:
    match payout.status:
        case "requested":
            return f"a second person must approve it: madzi payouts approve {payout.payout_id} --by NAME"
        case "initiated":
            return f"it is on its way: madzi payouts show {payout.payout_id}"
        case _:
            return f"it is {payout.status}"
