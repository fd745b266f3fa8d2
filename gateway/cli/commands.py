"""The command `madzi`: names and options in contract §2."""

import typer

from gateway.cli import (
    cash,
    data,
    flags,
    gateways,
    keys,
    payments,
    people,
    phone,
    pocket_phone,
    processes,
    refunds,
    schema,
    sms_queue,
    suspense,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Madzi: pay shared water taps from any phone. `madzi demo` starts everything on this machine.",
)
for room in (
    processes,
    phone,
    pocket_phone,
    sms_queue,
    schema,
    data,
    payments,
    people,
    flags,
    gateways,
    keys,
    refunds,
    suspense,
    cash,
):
    room.register(app)
