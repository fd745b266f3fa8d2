"""`/pay/{token}`: our short link to the page of a provider on which a payment is paid.

Whoever has the link may pay; the page says nothing about anybody. Once the payment has ended the link leads
nowhere but says what there is to do.
"""

from collections.abc import Awaitable, Callable
from html import escape

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.runtime import Runtime
from payments import links
from payments.tables import payments

_PAID = frozenset({"success", "refunded", "reversed"})
_OPEN = frozenset({"initiated", "pending"})
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Madzi</title>
<meta name="viewport" content="width=device-width"><body style="font:1.1rem sans-serif;margin:2rem">
<p>{said}</p></body></html>
"""


def open_page(runtime: Runtime) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return what answers a link."""
    code, phone = runtime.settings.service_code, runtime.settings.support_phone

    async def answer(request: web.Request) -> web.Response:
        async with runtime.db.read() as connection:
            link = await links.find(connection, request.match_info["token"])
            status = await _status(connection, link.payment_id) if link else ""
        if link is None:
            return _says(404, f"There is no such link. To pay, dial {code}. Help: {phone}")
        if status in _PAID:
            return _says(200, "This is paid. Nothing to do.")
        if status not in _OPEN or runtime.clock.now() >= link.until:
            return _says(410, f"This link has ended. Nothing more can be paid here. To pay, dial {code}.")
        return web.Response(status=303, headers={"Location": link.url, **_HEADERS})

    return answer


async def _status(connection: AsyncConnection, payment_id: str) -> str:
    query = sa.select(payments.c.status).where(payments.c.payment_id == payment_id)
    return str((await connection.execute(query)).scalar_one())


def _says(status: int, said: str) -> web.Response:
    text = _PAGE.format(said=escape(said))
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)
