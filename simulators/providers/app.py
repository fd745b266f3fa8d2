"""The providers' simulator: each provider under its name, `/mtn`, `/daraja` …; controls under `/_sim`."""

from collections.abc import AsyncIterator

from aiohttp import web

from simulators.providers.airtel import AirtelMoney
from simulators.providers.config import Config
from simulators.providers.control import Control
from simulators.providers.daraja import Daraja
from simulators.providers.kcb import Kcb
from simulators.providers.kcb_multi import KcbMulti
from simulators.providers.mtn import MtnMomo
from simulators.providers.network import Network, Provider
from simulators.providers.stripe import Stripe
from simulators.providers.zamtel import Zamtel

NETWORK: web.AppKey[Network] = web.AppKey("network", Network)
_LARGEST_BODY = 64 * 1024


def create(config: Config | None = None) -> web.Application:
    """Return the application; a gateway's base URLs are `…/mtn`, `…/daraja` and so on.

    Raises OSError when the journal cannot be opened.
    """
    network = Network(config or Config())
    rails = (
        MtnMomo(network),
        AirtelMoney(network),
        Zamtel(network),
        Daraja(network),
        Kcb(network),
        KcbMulti(network),
        Stripe(network),
    )
    providers: dict[str, Provider] = {rail.name: rail for rail in rails}
    app = web.Application(client_max_size=_LARGEST_BODY)
    app[NETWORK] = network
    for rail in rails:
        app.add_routes(rail.routes(f"/{rail.name}"))
    app.add_routes(Control(network).routes())

    async def life(_app: web.Application) -> AsyncIterator[None]:
        await network.open(providers)
        yield
        await network.close()

    app.cleanup_ctx.append(life)
    return app
