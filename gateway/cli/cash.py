"""`madzi cash …`: what agents hold, and what they bring to the safe."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from core import money
from core.clock import rfc3339
from core.errors import BadInput, NotFound, Refused
from core.money import display
from gateway.cli.audited import Act
from gateway.cli.common import database, run, show_json
from gateway.cli.deciding import actor, submit
from payments import hand_in_store
from payments.commands import HandIn
from payments.hand_in import number_of
from payments.hand_in_store import Held
from payments.records import Agent
from payments.results import HandedIn, HoldsLess
from payments.stories import money as money_json
from taps import users
from taps.model import User

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
_LONGEST_NAME = 40
_OFFICE = "office"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Cash that agents hold and hand in.")
    group.command("list")(list_)
    group.command("hand-in")(hand_in)
    app.add_typer(group, name="cash")


def list_(*, as_json: AsJson = False) -> None:
    """List what each agent holds and has not handed in. Example: madzi cash list."""

    async def work() -> list[Held]:
        async with database() as db, db.scan() as connection:
            return list(await hand_in_store.held(connection))

    found = run(work())
    if as_json:
        show_json([_as_json(held) for held in found])
        return
    for held in found:
        last = f"{held.handed_in_at:%Y-%m-%d}" if held.handed_in_at else "never"
        typer.echo(f"{held.agent:<32}{display(held.amount_minor, held.currency):>16}  handed in: {last}")


def hand_in(
    agent: Annotated[str, typer.Argument(help="the agent's user name")],
    amount: Annotated[str, typer.Argument(help="what they bring, like 300 or 120.50")],
    currency: Annotated[str | None, typer.Option("--currency", help="where they hold several")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="the safe; without: the agent's zone, or office")
    ] = None,
) -> None:
    """Write down cash that an agent hands in; prints its number. Example: madzi cash hand-in joseph 300."""

    async def work() -> tuple[HandedIn, str, str]:
        async with database() as db:
            async with db.read() as connection:
                user = await _agent(connection, agent)
                name = currency.strip().upper() if currency else await _currency(connection, user)
            safe = _safe(to or (user.zones[0] if len(user.zones) == 1 else _OFFICE))
            command = HandIn(
                agent=Agent(user.name, user.msisdn or "", user.role.value),
                safe=safe,
                amount_minor=money.typed(amount, name),
                currency=name,
                actor=actor(),
            )
            answer = await submit(db, command, Act("cash.hand_in", user.name, {"amount": amount}))
            return _done(answer, user), name, safe

    done, name, safe = run(work())
    typer.echo(number_of(done.number))
    typer.echo(f"in the safe {safe}; still with {agent}: {display(done.left_minor, name)}", err=True)


def _done(answer: HandedIn | HoldsLess, user: User) -> HandedIn:
    if isinstance(answer, HoldsLess):
        held = display(answer.held_minor, answer.currency)
        raise Refused(f"{user.name} holds {held} only", code="holds_less")
    return answer


async def _agent(connection: AsyncConnection, name: str) -> User:
    found = (await users.by_names(connection, [name])).get(name)
    if found is None:
        raise NotFound(f"there is no user {name[:40]!r}; see madzi users list", code="unknown_user")
    return found


async def _currency(connection: AsyncConnection, user: User) -> str:
    mine = [held.currency for held in await hand_in_store.held(connection) if held.agent == user.name]
    if not mine:
        raise Refused(f"{user.name} holds no cash", code="holds_less")
    if len(mine) > 1:
        raise BadInput(f"say which of {', '.join(mine)}, with --currency", code="which_currency")
    return mine[0]


def _safe(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > _LONGEST_NAME or not plain.isprintable():
        raise BadInput(f"the name of a safe has 1 to {_LONGEST_NAME} letters", code="bad_safe")
    return plain


def _as_json(held: Held) -> dict[str, Any]:
    return {
        "agent": held.agent,
        "held": money_json(held.amount_minor, held.currency),
        "handed_in_at": rfc3339(held.handed_in_at) if held.handed_in_at else None,
    }
