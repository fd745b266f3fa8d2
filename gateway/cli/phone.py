"""`madzi dial`, `madzi sms`: a low-end phone in the terminal, by way of the aggregator's wire format."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Annotated

import aiohttp
import typer
from rich.console import Console

from core import msisdn as numbers
from core.clock import SystemClock, rfc3339
from core.errors import Unavailable
from core.ids import Ids
from gateway.cli.common import run, settings
from gateway.cli.reaching import (
    GatewayUrl,
    NetworkName,
    channel_token,
    gateway_url,
    network_code,
    patience,
    simulators,
)
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Gateway, Unanswered
from simulators.phone import terminal
from simulators.phone.keyboard import ask
from simulators.phone.views import Boxes, Document, Plain, View
from simulators.phone.watch import Handset

_LOOK_EVERY_S = 0.2
Msisdn = Annotated[str, typer.Argument(help="who calls, in any usual form")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("dial", context_settings={"ignore_unknown_options": True})(dial)


def dial(
    msisdn: Msisdn,
    words: Annotated[list[str] | None, typer.Argument(help="[CODE] [INPUT …]; CODE starts with *")] = None,
    gateway: GatewayUrl = None,
    network: NetworkName = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
) -> None:
    """Call: with inputs prints every screen and ends; without, you type. Then PIN prompt and SMS come.

    Example: madzi dial 0961234567 1 1 KNY-0417-1 1 1
    """
    code, inputs = _split(words or [])
    view: View = Document(sys.stdout) if as_json else (Plain(sys.stdout) if inputs else Boxes(Console()))
    by_hand = None if inputs or as_json else ask
    caller = numbers.parse(msisdn)
    on = network_code(network, caller)

    async def work() -> int:
        async with Gateway(gateway_url(gateway), channel_token()) as reached:
            dialler = Dialler(reached, settings().service_code, limits=patience(settings()), network=on)
            at = simulators(gateway)
            return await terminal.call(dialler, at, caller, code, inputs or None, view, by_hand)

    raise typer.Exit(run(work()))


def _split(words: list[str]) -> tuple[str | None, list[str]]:
    if words and words[0].startswith("*"):
        return words[0], words[1:]
    return None, words


def sms(
    msisdn: Msisdn,
    text: str,
    gateway: GatewayUrl = None,
    wait_s: Annotated[float, typer.Option("--wait", help="how long to wait for replies, in seconds")] = 5,
) -> None:
    """Send an SMS to Madzi and print what comes back; `send` itself may be left out.

    Example: madzi sms send 0961234567 HELP --wait 3
    """

    async def work() -> None:
        sender = numbers.parse(msisdn)
        since = SystemClock().now()
        async with Gateway(gateway_url(gateway), channel_token()) as reached:
            form = {
                "from": sender,
                "to": "",
                "text": text,
                "date": rfc3339(since),
                "id": f"cli-{Ids().new()}",
            }
            try:
                answer = await reached.post("sms", "/inbound", form)
            except Unanswered as silent:
                raise Unavailable(f"the gateway does not answer: {silent}", code="no_gateway") from None
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise Unavailable(f"the gateway answered {answer.status}", code="sms_not_taken")
        async with aiohttp.ClientSession() as http:
            async for said in replies(Handset(http, simulators(gateway), sender, since), wait_s):
                typer.echo(said)

    run(work())


async def replies(handset: Handset, wait_s: float) -> AsyncIterator[str]:
    """Yield what comes to a phone within so many seconds, as it comes: a reply may have others behind it."""
    end = time.monotonic() + wait_s
    while handset.at.aggregator_url:
        is_over = time.monotonic() >= end
        for message in await handset.new_sms():
            yield message["text"]
        if is_over:
            return
        await asyncio.sleep(min(_LOOK_EVERY_S, max(0.0, end - time.monotonic())))
