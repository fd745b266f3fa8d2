"""Serves an aiohttp application on a port until it is closed."""

from dataclasses import dataclass

from aiohttp import web

_SHUTDOWN_S = 2.0


@dataclass(frozen=True, slots=True)
class Running:
    """An application that is being served; `url` has no slash at its end."""

    url: str
    runner: web.AppRunner

    async def close(self) -> None:
        """Stop serving and run the application's clean-up."""
        await self.runner.cleanup()


async def start(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve `app`; port 0 takes a free one. Raises OSError when the port is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
    except BaseException:  # also where it is stopped before it stands
        await runner.cleanup()
        raise
    return Running(f"http://{host}:{runner.addresses[0][1]}", runner)
