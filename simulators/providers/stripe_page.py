"""The hosted page, as plain as can be: a card that is good and one that is declined."""

from html import escape

from aiohttp import web

from simulators.providers.book import Push

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Pay {payee}</title>
<body style="font:1.1rem sans-serif;max-width:24rem;margin:2rem auto">
<p>{payee} <small>(simulated Stripe)</small></p><h1>{amount}</h1><p>{name}</p>{said}</body></html>
"""
_BUTTONS = """<form method="post"><button name="card" value="good">Pay with a good card</button>
<button name="card" value="bad">Pay with a card that is declined</button></form>"""


def show(push: Push, payee: str, *, declined: bool = False) -> web.Response:
    """Return the page of a session: open, paid or closed."""
    if push.open:
        said = ("<p>Your card was declined. Try another one.</p>" if declined else "") + _BUTTONS
    else:
        said = "<p>Paid.</p>" if push.paid else "<p>This page is closed.</p>"
    amount, name = f"{push.currency} {push.amount}", push.extra["name"]
    text = _PAGE.format(payee=escape(payee), amount=escape(amount), name=escape(name), said=said)
    return web.Response(text=text, content_type="text/html")
