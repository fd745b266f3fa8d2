"""`madzi keys rotate`."""

import typer

from core.clock import SystemClock
from gateway import rotation
from gateway.cli.audited import Act, audited
from gateway.cli.common import database, run, settings
from gateway.master_key import masters


def register(app: typer.Typer) -> None:
    """Add the commands."""
    keys = typer.Typer(no_args_is_help=True, help="The keys that secrets in the database are sealed with.")
    keys.command("rotate")(rotate)
    # A group with one command would be that command.
    keys.callback()(lambda: None)
    app.add_typer(keys, name="keys")


def rotate() -> None:
    """Seal all secrets with a new key, while everything runs. Example: madzi keys rotate.

    Broken off, it goes on when it is run again. For a new master key: set MADZI_MASTER_KEY to it and
    MADZI_MASTER_KEY_OLD to the one before wherever Madzi runs, restart, rotate, then take the old one away.
    """
    unlocking = masters(settings())
    now = SystemClock().now()
    act = Act("keys.rotate", "gateway accounts")
    is_new = run(audited(act, lambda connection: rotation.begin(connection, unlocking, now)))

    async def rest() -> rotation.Rotated:
        async with database() as db:
            return await rotation.finish(db, unlocking)

    done = run(rest())
    how = "a new key seals now" if is_new else "went on with a rotation that was broken off"
    typer.echo(f"{how}: {done.sealed} secrets sealed anew, {done.dropped} old keys removed", err=True)
