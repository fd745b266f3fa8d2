"""The floor: an aiohttp handler that parses the same form and answers a fixed text; nothing is kept."""

import sys

import uvloop
from aiohttp import web


async def _answer(request: web.Request) -> web.Response:
    form = await request.post()
    return web.Response(text=f"CON {form['sessionId']!s} {form['text']!s}")


def main(port: int) -> None:
    """Serve until a signal."""
    app = web.Application()
    app.router.add_post("/ussd/africastalking/{token}", _answer)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
