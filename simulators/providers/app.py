"""The providers' simulator: MTN MoMo under `/mtn`, M-PESA Daraja under `/daraja`, controls under `/_sim`."""

from collections.abc import AsyncIterator

from aiohttp import web

from simulators.providers.config import Config
from simulators.providers.control import Control
from simulators.providers.daraja import Daraja
from simulators.providers.mtn import MtnMomo
from simulators.providers.network import Network, Provider

NETWORK: web.AppKey[Network] = web.AppKey("network", Network)
_LARGEST_BODY = 64 * 1024


def create(config: Config | None = None) -> web.Application:
    """Return the application; a gateway's base URLs are `…/mtn` and `…/daraja`.

    Raises OSError when the journal cannot be opened.
    """
    network = Network(config or Config())
    mtn, daraja = MtnMomo(network), Daraja(network)
    providers: dict[str, Provider] = {mtn.name: mtn, daraja.name: daraja}
    app = web.Application(client_max_size=_LARGEST_BODY)
    app[NETWORK] = network
    app.add_routes([*mtn.routes("/mtn"), *daraja.routes("/daraja"), *Control(network).routes()])

    async def life(_app: web.Application) -> AsyncIterator[None]:
        await network.open(providers)
        yield
        await network.close()

    app.cleanup_ctx.append(life)
    return app
