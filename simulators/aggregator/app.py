"""The aggregator's simulator: Africa's Talking's messaging endpoint, callers and phones under `/_sim`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from simulators.aggregator.calls import Calls
from simulators.aggregator.config import Config
from simulators.aggregator.control import Control
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway
from simulators.aggregator.inbound import Inbound
from simulators.aggregator.inbox import Inbox
from simulators.aggregator.sms import Messaging, World
from simulators.faults import FaultPlan

WORLD: web.AppKey[World] = web.AppKey("world", World)


def create(config: Config | None = None) -> web.Application:
    """Return the application; a gateway's `AT_BASE_URL` is where it is served."""
    config = config or Config()
    gateway = Gateway(config.gateway_url, config.channel_token, config.answer_within_s)
    inbox = Inbox(config.most_messages, int(config.timing.now().timestamp() * 1000))
    faults = FaultPlan(config.faults, config.seed)
    world = World(config, config.timing, faults, gateway, inbox, dict(config.recipients))
    dialler = Dialler(
        gateway,
        config.service_code,
        config.timing,
        end_events=config.end_events,
        limits=config.limits,
        wire=config.wire,
    )
    messaging, inbound, calls = Messaging(world), Inbound(world), Calls(dialler, config.most_calls)
    app = web.Application()
    app[WORLD] = world
    app.add_routes([*messaging.routes(), *Control(world, inbound, calls).routes()])

    async def life(_app: web.Application) -> AsyncIterator[None]:
        async with gateway:
            watch = asyncio.create_task(calls.watch())
            yield
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            await inbound.close()
            await messaging.close()

    app.cleanup_ctx.append(life)
    return app
