"""`/metrics`: what processes have counted, and what the database shows, as Prometheus reads it.

A process counts for itself. Web processes that share one port count in files of one folder besides, so that
whichever of them is asked shows what all of them have counted (prometheus_client's multiprocess mode, which
is on where its environment variable is set before anything is imported). What the database shows is read
anew each time, by web processes alone: were it shown by workers too, somebody would add it up.
"""

import hmac
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from pydantic import SecretStr

from gateway import problems

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name
Look = Callable[[], Awaitable[Sequence[Metric]]]


async def nothing_else() -> Sequence[Metric]:
    """Look at nothing but what is counted."""
    return ()


def page(token: SecretStr | None, look: Look) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers Prometheus; behind a bearer token where one is set."""

    async def metrics(request: web.Request) -> web.Response:
        """Show what is counted."""
        if token is not None:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(errors="replace"), token.get_secret_value().encode()):
                raise web.HTTPUnauthorized
        body = generate_latest(_counted()) + generate_latest(_registry_of(await look()))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


def create_app(token: SecretStr | None) -> web.Application:
    """Return the application of a process that serves nothing else."""
    app = web.Application()
    app.add_routes(problems.guarded([web.get("/metrics", page(token, nothing_else))]))
    app.router.add_route("*", "/{unknown:.*}", problems.guard(problems.nowhere))
    return app


def _counted() -> CollectorRegistry:
    """Return what this process has counted, or all that share its folder, dead ones included."""
    if FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return registry


def _registry_of(found: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Found(found))
    return registry


class _Found(Collector):
    """Metrics that were looked up already."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._found
