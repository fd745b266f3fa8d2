"""`madzi gateways set|list|test|register`: the accounts at providers by which zones are paid."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import SystemClock, rfc3339
from core.errors import MadziError, NotFound
from core.ids import Ids
from gateway import account_acts, credentials, registering
from gateway.accounts import Configured, Gateways
from gateway.cli.audited import Act, audited
from gateway.cli.common import complain, database, read_input, run, settings, show_json
from gateway.master_key import masters
from gateway.runtime import open_runtime
from payments import health
from payments.providers.accounts import State, default_id, urls, zone_id

_LONGEST_SHOWN = 60
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Gateway accounts at providers, by zone.")
    group.command("set")(set_)
    group.command("list")(list_)
    group.command("test")(check)
    group.command("register")(register_addresses)
    app.add_typer(group, name="gateways")


def set_(
    zone: Annotated[str, typer.Argument(help="a zone's code; `default` for --new-token only")],
    provider: Annotated[str, typer.Argument(help="mtn, airtel, zamtel, daraja, kcb …")],
    file: Annotated[
        str | None, typer.Option("--file", help="JSON, or a NAME=value a line; stdin if left out")
    ] = None,
    *,
    enable: Annotated[bool, typer.Option("--enable", help="offer it again, as it was set")] = False,
    disable: Annotated[bool, typer.Option("--disable", help="offer this provider no more there")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="let the zone use the default again")] = False,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="new callback addresses; the old ones hold for a while")
    ] = False,
) -> None:
    """Give a zone its own account at a provider. Example: madzi gateways set KNY mtn --file kny.env.

    The file has the names of the settings without their prefix (base_url, api_key …), and all of them: what
    was set before is replaced. What was paid by an account is asked about in every state.
    """
    states = [s for s, is_asked in _asked(enable=enable, disable=disable, remove=remove).items() if is_asked]
    if len(states) > 1 or (states and file):
        raise typer.BadParameter("one of --file, --enable, --disable, --remove at a time")
    code, name = zone.strip().upper(), provider.strip().lower()
    if states:
        _set_state(code, name, states[0])
    elif file or not new_token:
        _set_credentials(code, name, _given(file, name))
    if new_token:
        _new_token(code, name)


def _asked(*, enable: bool, disable: bool, remove: bool) -> Mapping[State, bool]:
    return {State.ENABLED: enable, State.DISABLED: disable, State.REMOVED: remove}


def _given(file: str | None, provider: str) -> dict[str, Any]:
    credentials.model(provider)
    if file is None and sys.stdin.isatty():
        typer.echo("NAME=value lines, or JSON; Ctrl-D ends:", err=True)
    return credentials.read(provider, read_input(file or "-"))


def _set_credentials(zone: str, provider: str, fields: dict[str, Any]) -> None:
    given, now = settings(), SystemClock().now()
    unlocking, ids = masters(given), Ids()

    async def work(connection: AsyncConnection) -> None:
        await account_acts.set_credentials(connection, unlocking, zone, provider, fields, given.env, ids, now)

    act = Act("gateway.set", f"{provider}:{zone}", {"fields": sorted(name[:40] for name in fields)})
    run(audited(act, work))
    typer.echo(f"{zone} is paid by its own {provider} account now; try: madzi gateways test {zone}", err=True)
    if provider in registering.PROVIDERS:
        typer.echo(f"for payments by hand: madzi gateways register {zone} {provider}", err=True)


def _set_state(zone: str, provider: str, state: State) -> None:
    now = SystemClock().now()

    async def work(connection: AsyncConnection) -> None:
        await account_acts.set_state(connection, zone, provider, state, now)

    run(audited(Act("gateway.state", f"{provider}:{zone}", {"state": state.value}), work))
    typer.echo(f"{provider} of {zone} is {state.value} now", err=True)


def _new_token(zone: str, provider: str) -> None:
    given, now = settings(), SystemClock().now()
    unlocking, ids = masters(given), Ids()

    async def work(connection: AsyncConnection) -> Any:
        overlap_s = given.callback_overlap_s
        return await account_acts.new_token(connection, unlocking, zone, provider, overlap_s, ids, now)

    ends_at = run(audited(Act("gateway.address", f"{provider}:{zone}"), work))
    typer.echo(
        f"{provider} of {zone} has new callback addresses; the old ones are taken until {rfc3339(ends_at)}. "
        "Register the new ones: madzi gateways list --urls",
        err=True,
    )


def list_(
    zone: Annotated[str | None, typer.Argument(help="only accounts that this zone uses")] = None,
    *,
    with_urls: Annotated[bool, typer.Option("--urls", help="show the addresses that providers call")] = False,
    as_json: AsJson = False,
) -> None:
    """List gateway accounts, secrets masked. Example: madzi gateways list KNY --urls."""
    found = run(_configured(zone.strip().upper() if zone is not None else None))
    public_url = settings().public_url
    rows: list[dict[str, Any]] = [
        {
            "zone": one.account.zone,
            "provider": one.account.provider,
            "account": one.account.account_id,
            "healthy": is_healthy,
            "urls": urls(public_url, one.account),
        }
        for one, is_healthy in found
    ]
    if as_json:
        show_json(rows)
        return
    for row, (one, _) in zip(rows, found, strict=True):
        typer.echo(
            f"{row['provider']:<10}{row['zone'] or 'all zones':<12}{row['account']:<24}{_state(row, one)}"
        )
        for kind, url in row["urls"].items() if with_urls else ():
            typer.echo(f"    {kind:<18}{url}")


def _state(row: Mapping[str, Any], one: Configured) -> str:
    """Return what a person wants to know of an account, with its settings but none of its secrets."""
    if one.settings is None:
        return f"cannot be used: {one.fault}" if one.fault else "no settings"
    if one.account.state is not State.ENABLED:
        return one.account.state.value
    shown = " ".join(f"{name}={_brief(value)}" for name, value in credentials.masked(one.settings).items())
    return f"{'up' if row['healthy'] else 'down'}  {shown}"


def _brief(value: Any) -> str:
    """Return a value in one line; of a key in PEM its beginning."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


async def _configured(zone: str | None) -> list[tuple[Configured, bool]]:
    given, clock = settings(), SystemClock()
    async with database() as db:
        gateways = Gateways(db, clock, Ids(clock), given, masters(given), lambda *_: None, ())
        await gateways.look()
        async with db.read() as connection:
            if zone is not None:
                await account_acts.check_zone(connection, zone)
            return [(one, await _is_healthy(connection, one)) for one in _wanted(gateways, zone)]


def _wanted(gateways: Gateways, zone: str | None) -> list[Configured]:
    every = [one for one in gateways.configured if one.account.state is not State.REMOVED]
    return account_acts.of_zone(every, zone) if zone is not None else every


async def _is_healthy(connection: AsyncConnection, one: Configured) -> bool:
    can_be_used = one.settings is not None and one.account.state is State.ENABLED
    return can_be_used and await health.is_healthy(connection, one.account.account_id)


def check(
    zone: Annotated[str | None, typer.Argument(help="only accounts that this zone uses")] = None,
    provider: Annotated[str | None, typer.Argument(help="only this provider")] = None,
) -> None:
    """Ask providers for a token: do the keys work? Example: madzi gateways test KNY mtn.

    At M-PESA (daraja) a new token ends the one before: running processes fetch another at their next call.
    """
    code = zone.strip().upper() if zone is not None else None
    name = provider.strip().lower() if provider is not None else None
    if name is not None:
        credentials.model(name)
    if not run(_tested(code, name)):
        raise typer.Exit(1)


async def _tested(zone: str | None, provider: str | None) -> bool:
    async with database() as db:  # says what is wrong with it before anything else does
        if zone is not None:
            async with db.read() as connection:
                await account_acts.check_zone(connection, zone)
    async with open_runtime(settings()) as runtime:
        wanted = [one for one in _wanted(runtime.gateways, zone) if provider in (None, one.account.provider)]
        if not wanted:
            complain("no_such_account", "there is no such gateway account")
        return all([await _works(runtime.gateways, one) for one in wanted]) and bool(wanted)


async def _works(gateways: Gateways, one: Configured) -> bool:
    account_id = one.account.account_id
    found = gateways.get(account_id)
    if found is None:
        complain(one.fault or "no_settings", f"{account_id}: there are no settings that can be used")
        return False
    try:
        await found.check()
    except MadziError as wrong:
        complain(wrong.reason, f"{account_id}: {wrong.detail}")
        return False
    typer.echo(f"{account_id}: ok")
    return True


def register_addresses(
    zone: Annotated[str, typer.Argument(help="a zone's code, or `default`")],
    provider: Annotated[str, typer.Argument(help="daraja: the others take no addresses by a call")],
) -> None:
    """Have a provider tell us of what people pay by hand. Example: madzi gateways register KNY daraja.

    In production M-PESA takes the addresses of a short code once; its support changes them.
    """
    code, name = zone.strip().upper(), provider.strip().lower()
    credentials.model(name)
    answer = run(_registered(code, name))

    async def note(_: AsyncConnection) -> bool:
        if isinstance(answer, MadziError):
            raise answer
        return answer

    is_new = run(audited(Act("gateway.register", f"{name}:{code}"), note))
    if is_new:
        told = "tells us of payments by hand now"
    else:
        told = "had addresses before and keeps them; if they are not ours, its support changes them"
    typer.echo(f"{name} of {code} {told}", err=True)


async def _registered(zone: str, provider: str) -> bool | MadziError:
    """Ask outside of a transaction: a provider takes its time."""
    account_id = default_id(provider) if zone == account_acts.DEFAULT else zone_id(provider, zone)
    async with database() as db:
        if zone != account_acts.DEFAULT:
            async with db.read() as connection:
                await account_acts.check_zone(connection, zone)
    async with open_runtime(settings()) as runtime:
        found = runtime.gateways.get(account_id)
        try:
            if found is None:
                raise NotFound(
                    f"{account_id}: there is no such account that can be used", code="no_such_account"
                )
            account = runtime.gateways.account_of(account_id)
            return await registering.register(found, urls(settings().public_url, account))
        except MadziError as wrong:
            return wrong
