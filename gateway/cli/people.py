"""`madzi users …`, `madzi gateways …`."""

from typing import Annotated, Any

import sqlalchemy as sa
import typer

from core import msisdn as numbers
from core.clock import SystemClock
from core.errors import MadziError
from core.ids import Ids
from gateway.cli.common import complain, database, run, settings, show_json
from gateway.runtime import open_runtime
from payments.providers.accounts import Account, urls
from payments.providers.tables import gateway_accounts
from taps import users
from taps.model import Role, User

_TOKEN_BYTES = 32


def register(app: typer.Typer) -> None:
    """Add the commands."""
    people = typer.Typer(no_args_is_help=True, help="Staff, agents, caretakers.")
    people.command("add")(add)
    people.command("token")(token)
    app.add_typer(people, name="users")
    gateways = typer.Typer(no_args_is_help=True, help="Gateway accounts at providers.")
    gateways.command("list")(list_)
    gateways.command("test")(test)
    app.add_typer(gateways, name="gateways")


def add(
    name: str,
    role: Annotated[Role, typer.Option("--role")],
    zone: Annotated[str | None, typer.Option("--zone", help="only this zone")] = None,
    msisdn: Annotated[str | None, typer.Option("--msisdn", help="their phone")] = None,
) -> None:
    """Add a person. Example: madzi users add bff --role staff."""
    user = User(name, role, zone, numbers.parse(msisdn) if msisdn else None)

    async def work() -> None:
        async with database() as db, db.write() as connection:
            await users.add_user(connection, user, SystemClock().now())

    run(work())
    typer.echo(f"{name} is {role.value} now", err=True)


def token(name: str) -> None:
    """Make a new API token, printed once; the one before ends. Example: madzi users token bff."""
    made = Ids().token(_TOKEN_BYTES)

    async def work() -> None:
        async with database() as db, db.write() as connection:
            await users.set_token(connection, name, made)

    run(work())
    typer.echo(made)


def list_(
    zone: Annotated[str | None, typer.Argument(help="only accounts that this zone uses")] = None,
    *,
    with_urls: Annotated[bool, typer.Option("--urls", help="show the addresses that providers call")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
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
