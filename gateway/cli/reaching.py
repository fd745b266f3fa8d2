"""What phones and simulators are told: where the gateway and the others are, how long a network waits."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from core.errors import Refused
from gateway.channels.networks import Networks
from gateway.cli.common import read_demo, settings
from gateway.settings import Settings
from simulators.aggregator import networks
from simulators.aggregator.networks import UNKNOWN, Limits
from simulators.phone.watch import Addresses

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
GatewayUrl = Annotated[
    str | None, typer.Option("--gateway", help="a gateway's address; a demo's if left out")
]
NetworkName = Annotated[
    str | None, typer.Option("--network", help="a network's name or code; by the number if left out")
]


def gateway_url(given: str | None) -> str:
    """Return the gateway's address: as given, a demo's, or as set."""
    return (given or read_demo().get("gateway_url") or settings().public_url).rstrip("/")


def channel_token() -> str:
    """Return the token by which the gateway knows its aggregator."""
    return settings().channel_token.get_secret_value()


def simulators(given: str | None) -> Addresses:
    """Return where the simulators are: a demo's, else the SMS aggregator of the settings if it runs here.

    Nowhere when another gateway than the demo's is given. The real aggregator has no inbox to look into.
    """
    demo = read_demo()
    if demo:
        is_other = given and given.rstrip("/") != demo.get("gateway_url")
        return Addresses() if is_other else Addresses(demo.get("providers_url"), demo.get("aggregator_url"))
    account = settings().at
    is_here = account is not None and urlsplit(account.base_url).hostname in _HERE
    return Addresses(None, account.base_url.rstrip("/") if account and is_here else None)


def network_code(name: str | None, msisdn: str) -> str | None:
    """Return a network's code; raises Refused where no network is called so."""
    try:
        return networks.find(name, msisdn) if name else None
    except LookupError as unknown:
        raise Refused(str(unknown.args[0]), code="no_such_network") from None


def patience(given: Settings) -> dict[str, Limits]:
    """Return how long each network waits; what is not known stays the simulator's guess."""
    return {
        code: Limits(bound.session_s or UNKNOWN.session_s, bound.idle_s or UNKNOWN.idle_s)
        for code, bound in Networks(given.networks).items()
    }
