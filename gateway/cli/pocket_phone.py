"""`madzi phone`: a phone in the terminal that stays on, by way of the aggregator's wire format."""

from typing import Annotated

import typer
from rich.console import Console

from core import msisdn as numbers
from core.ids import Ids
from gateway.cli.common import run, settings
from gateway.cli.reaching import (
    GatewayUrl,
    NetworkName,
    channel_token,
    gateway_url,
    network_code,
    patience,
    simulators,
)
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway
from simulators.phone.keyboard import ask
from simulators.phone.pocket import Hands, Pocket
from simulators.phone.views import Boxes


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("phone")(phone)


def phone(
    msisdn: Annotated[str, typer.Argument(help="whose phone, in any usual form")] = "0961234567",
    gateway: GatewayUrl = None,
    network: NetworkName = None,
) -> None:
    """Hold a phone: dial, write and read SMS, answer PIN prompts. Example: madzi phone 0961234567."""
    caller = numbers.parse(msisdn)
    code = network_code(network, caller)

    async def work() -> None:
        async with Gateway(gateway_url(gateway), channel_token()) as reached:
            dialler = Dialler(reached, settings().service_code, limits=patience(settings()), network=code)
            hands = Hands(ask, Boxes(Console()), typer.echo)
            await Pocket(dialler, simulators(gateway), caller, hands, lambda: f"cli-{Ids().new()}").run()

    run(work())
