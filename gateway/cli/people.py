"""`madzi users …`, `madzi gateways …`."""

from typing import Annotated, Any

import sqlalchemy as sa
import typer

from core import msisdn as numbers
from core.clock import SystemClock
from core.errors import MadziError
from core.ids import Ids
from gateway.cli.audited import Act, audited
from gateway.cli.common import complain, database, run, settings, show_json
from gateway.runtime import open_runtime
from payments.providers.accounts import Account, urls
from payments.providers.tables import gateway_accounts
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
    gateways = typer.Typer(no_args_is_help=True, help="Gateway accounts at providers.")
    gateways.command("list")(list_)
    gateways.command("test")(test)
    app.add_typer(gateways, name="gateways")


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


def list_(
    zone: Annotated[str | None, typer.Argument(help="only accounts that this zone uses")] = None,
    *,
    with_urls: Annotated[bool, typer.Option("--urls", help="show the addresses that providers call")] = False,
    as_json: AsJson = False,
) -> None:
    """List gateway accounts. Example: madzi gateways list --urls."""
    accounts = [a for a in run(_accounts()) if zone is None or a.zone in (None, zone)]
    public_url = settings().public_url
    rows: list[dict[str, Any]] = [
        {
            "zone": a.zone,
            "provider": a.provider,
            "account": a.account_id,
            "healthy": getattr(settings(), a.provider, None) is not None,
            "urls": urls(public_url, a),
        }
        for a in accounts
    ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        state = "configured" if row["healthy"] else "no settings"
        typer.echo(f"{row['provider']:<10}{row['zone'] or 'all zones':<12}{row['account']:<24}{state}")
        if with_urls:
            for kind, url in row["urls"].items():
                typer.echo(f"    {kind:<18}{url}")


async def _accounts() -> list[Account]:
    async with database() as db, db.read() as connection:
        rows = await connection.execute(sa.select(gateway_accounts).order_by(gateway_accounts.c.account_id))
        return [Account(r.account_id, r.provider, r.zone, r.callback_token) for r in rows]


def test() -> None:
    """Ask every configured provider for a token. Example: madzi gateways test."""

    async def work() -> bool:
        ok = True
        async with database():
            pass  # says what is wrong with it before anything else does
        async with open_runtime(settings()) as runtime:
            for account_id, provider in runtime.providers.items():
                try:
                    await provider.check()
                    typer.echo(f"{account_id}: ok")
                except MadziError as wrong:
                    ok = False
                    complain(wrong.reason, f"{account_id}: {wrong.detail}")
        return ok

    if not run(work()):
        raise typer.Exit(1)
