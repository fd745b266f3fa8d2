"""`madzi demo|serve|worker|clock|simulate`: what runs until it is stopped."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core import logs
from core.errors import Refused
from gateway.cli.browser_phone import add_phone
from gateway.cli.common import database, run, settings
from gateway.cli.reaching import patience
from gateway.runtime import Runtime, build_reminders, build_worker, open_runtime
from gateway.serving import listen
from gateway.settings import Settings
from gateway.web import create_app
from simulators.serve import start

_PATIENCE = 20

Port = Annotated[int, typer.Option("--port", min=0, max=65535)]
MetricsHost = Annotated[str, typer.Option("--metrics-host", help="which address of this machine")]
MetricsPort = Annotated[
    int | None, typer.Option("--metrics-port", min=1, max=65535, help="serve /metrics; not if left out")
]


class Party(StrEnum):
    """Other parties that can be simulated alone."""

    PROVIDERS = "providers"
    AGGREGATOR = "aggregator"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (demo, serve, worker, clock, simulate):
        app.command()(command)


def demo(
    port: Port = 8080,
    data: Annotated[Path, typer.Option("--data", help="where the database and logs go")] = Path("var"),
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=100, help="every waiting time ÷ this")] = 1,
) -> None:
    """Run gateway, worker, clock, simulated networks here. Example: madzi demo --port 8080."""
    from gateway.cli.demo import run_demo

    run_loop(run_demo(port, data, speed))


def serve(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Port = 8080,
    processes: Annotated[int, typer.Option("--processes", min=1, max=64)] = 1,
) -> None:
    """Answer USSD, callbacks and the interface. Example: madzi serve --host 0.0.0.0 --processes 2."""
    logs.configure(settings().log_level)
    if processes > 1:
        from gateway.cli.children import supervise

        supervise(host, port, processes)
        return
    run_loop(serve_here(host, port))


async def serve_here(host: str, port: int, *, processes: int = 1) -> None:
    """Serve in this process until a signal comes."""
    async with opened(settings(), processes=processes) as runtime:
        calm_garbage_collector()
        app = create_app(runtime)
        add_phone(app, runtime.settings)
        runner = await listen(app, host, port, reuse_port=processes > 1)
        await stop_signal()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def opened(given: Settings, *, processes: int = 1) -> AsyncIterator[Runtime]:
    """Open a runtime; raises Refused where the database cannot be reached or has no schema yet."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            runtime = await stack.enter_async_context(open_runtime(given, processes=processes))
        except Exception:
            async with database():  # says what is wrong with it, if that is what is wrong
                raise
        yield runtime


def patient(given: Settings) -> Settings:
    """Return settings for a process that looks through the whole database while nobody waits."""
    return given.model_copy(update={"statement_timeout_s": _PATIENCE * given.statement_timeout_s})


def calm_garbage_collector() -> None:
    """Look for cycles less often: what is built at the start stays, and hops leave none behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def worker(metrics_port: MetricsPort = None, metrics_host: MetricsHost = "127.0.0.1") -> None:
    """Send prompts, SMS and checks. Run as many as you like. Example: madzi worker --metrics-port 9101."""
    logs.configure(settings().log_level)
    run_loop(work_here(metrics_host, metrics_port))


async def work_here(metrics_host: str = "127.0.0.1", metrics_port: int | None = None) -> None:
    """Work in this process until a signal comes."""
    async with opened(settings()) as runtime, measured(runtime, metrics_host, metrics_port):
        hands = build_worker(runtime)
        hands.start()
        await stop_signal()
        await hands.stop()


def clock(metrics_port: MetricsPort = None, metrics_host: MetricsHost = "127.0.0.1") -> None:
    """Do what is due by the calendar: bill, clean up, find trouble, remind. Run one. Example: madzi clock."""
    from gateway.housekeeping import tick_forever

    logs.configure(settings().log_level)

    async def work() -> None:
        async with opened(patient(settings())) as runtime, measured(runtime, metrics_host, metrics_port):
            reminders, day = build_reminders(runtime), runtime.settings.bill_day
            await until_stopped(lambda: tick_forever(runtime.db, runtime.clock, reminders, bill_day=day))

    run_loop(work())


@contextlib.asynccontextmanager
async def measured(runtime: Runtime, host: str, port: int | None) -> AsyncIterator[None]:
    """Show on a port of its own what this process counts; nowhere without a port."""
    if port is None:
        yield
        return
    from gateway.exposition import create_app as create_metrics_app

    runner = await listen(create_metrics_app(runtime.settings.metrics_token), host, port)
    try:
        yield
    finally:
        await runner.cleanup()


def simulate(
    party: Party,
    port: Port = 8090,
    gateway: Annotated[
        str, typer.Option("--gateway", help="the gateway's address")
    ] = "http://127.0.0.1:8080",
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=100)] = 1,
) -> None:
    """Run one of the other parties alone. Example: madzi simulate providers --port 8090."""
    logs.configure("WARNING")

    async def work() -> None:
        app = simulated(party, gateway, speed)
        try:
            running = await start(app, port=port)
        except OSError as taken:
            raise Refused(
                f"port {port} cannot be used: {os.strerror(taken.errno or 0)}; choose another",
                code="port_taken",
            ) from None
        typer.echo(f"{party.value} on {running.url}, controls under {running.url}/_sim", err=True)
        await stop_signal()
        await running.close()

    run_loop(work())


def simulated(party: Party, gateway: str, speed: float, journal: Path | None = None) -> Any:
    """Return the application of another party."""
    from simulators.aggregator import app as aggregator
    from simulators.aggregator.config import Config as AggregatorConfig
    from simulators.providers import app as providers
    from simulators.providers.config import Config as ProvidersConfig
    from simulators.timing import WallTime

    timing = WallTime(speed)
    if party is Party.PROVIDERS:
        return providers.create(ProvidersConfig(timing=timing, journal=journal))
    token = settings().channel_token.get_secret_value()
    return aggregator.create(
        AggregatorConfig(
            gateway_url=gateway,
            channel_token=token,
            service_code=settings().service_code,
            limits=patience(settings()),
            timing=timing,
        )
    )


async def stop_signal() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()


async def until_stopped(work: Callable[[], Awaitable[None]], goodbye: str = "") -> None:
    """Run something until it ends or a signal comes; raises what it raises."""
    task = asyncio.ensure_future(work())
    signalled = asyncio.ensure_future(stop_signal())
    await asyncio.wait({task, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if signalled.done() and goodbye:
        typer.echo(goodbye, err=True)
    for one in (task, signalled):
        one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await one


def run_loop(work: Any) -> None:
    """Run asynchronous code to its end, on the quicker loop where there is one."""
    try:
        import uvloop
    except ImportError:  # not on this platform
        run(work)
    else:
        uvloop.run(work)
