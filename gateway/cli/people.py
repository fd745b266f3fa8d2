"""`madzi users …`."""

from typing import Annotated, Any

import typer

from core import msisdn as numbers
from core.clock import SystemClock
from core.ids import Ids
from gateway.cli.audited import Act, audited
from gateway.cli.common import database, run, show_json
from taps import cells, users
from taps.model import Role, User

_TOKEN_BYTES = 32

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    people = typer.Typer(no_args_is_help=True, help="People: their roles, zones and API tokens.")
    people.command("add")(add)
    people.command("token")(token)
    people.command("list")(list_users)
    app.add_typer(people, name="users")


def add(
    name: str,
    role: Annotated[Role, typer.Option("--role")],
    zone: Annotated[list[str] | None, typer.Option("--zone", help="only this zone; may be repeated")] = None,
    msisdn: Annotated[str | None, typer.Option("--msisdn", help="their phone")] = None,
) -> None:
    """Add a person; without --zone they have every zone. Example: madzi users add bff --role operator."""
    zones = tuple(sorted({code.strip().upper() for code in zone or ()}))
    phone = numbers.parse(msisdn) if msisdn else None
    user = User(cells.name({"name": name}, "name"), role, zones, phone)
    act = Act("user.add", user.name, _shown(user))
    run(audited(act, lambda connection: users.add_user(connection, user, SystemClock().now())))
    where = f" in {', '.join(zones)}" if zones else ""
    typer.echo(f"{user.name} is {role.value} now{where}", err=True)


def token(name: str) -> None:
    """Make a new API token, printed once; the one before ends. Example: madzi users token bff."""
    made = Ids().token(_TOKEN_BYTES)
    run(audited(Act("user.token", name), lambda connection: users.set_token(connection, name, made)))
    typer.echo(made)


def list_users(*, as_json: AsJson = False) -> None:
    """List people with their roles and zones; phones are masked. Example: madzi users list."""
    found = [{"name": user.name, **_shown(user)} for user in run(_users())]
    if as_json:
        show_json(found)
        return
    for user in found:
        zones = ",".join(user["zones"]) or "every zone"
        typer.echo(f"{user['name']:<32}{user['role']:<12}{zones:<16}{user['msisdn'] or ''}")


async def _users() -> list[User]:
    async with database() as db, db.scan() as connection:
        return await users.all_users(connection)


def _shown(user: User) -> dict[str, Any]:
    phone = numbers.mask(user.msisdn) if user.msisdn else None
    return {"role": user.role.value, "zones": list(user.zones), "msisdn": phone}
