"""`/phone`: the simulated phone on the gateway's own port, in demo and test only (contract §4)."""

import csv
import ipaddress
from collections.abc import Iterator, Sequence
from importlib import resources

from aiohttp import web
from yarl import URL

from core.msisdn import local_form
from gateway.settings import Env, Settings
from simulators.phone import browser
from simulators.phone.browser import Number
from simulators.phone.watch import Addresses

_TAP = "KNY-0417-1"
_ENDINGS = {
    "0961239901": "types a wrong PIN",
    "0961239902": "cancels the PIN prompt",
    "0961239903": "ignores the PIN prompt",
    "0961239904": "has too little money",
    "0961239905": "approves after 10 s",
    "0961239908": "has no wallet",
    "0961239909": "cannot be reached",
}


def add_phone(app: web.Application, settings: Settings, numbers: Sequence[Number] = ()) -> None:
    """Serve `/phone` where that is permitted; in production there is no such address."""
    if settings.env is not Env.PRODUCTION:
        browser.add_to(app, simulators_of(settings), numbers)


def simulators_of(settings: Settings) -> Addresses:
    """Return where the simulators are: where the gateway's own settings say aggregator and providers are.

    An address on the internet is a real party's, which has no `/_sim`: it is never asked.
    """
    rails = [rail.base_url for rail in (settings.mtn, settings.airtel, settings.daraja) if rail]
    found = [_beside(url) for url in rails if _is_near(url)]
    at = settings.at.base_url.rstrip("/") if settings.at and _is_near(settings.at.base_url) else None
    return Addresses(providers_url=next(iter(found), None), aggregator_url=at)


def _beside(base_url: str) -> str:
    """Return the address under which `…/mtn`, `…/airtel` and `…/daraja` are served."""
    return base_url.rstrip("/").removesuffix("/mtn").removesuffix("/airtel").removesuffix("/daraja")


def _is_near(url: str) -> bool:
    """Whether a host is this machine, a private address, or a bare name as containers have them."""
    host = URL(url).host or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private


def demo_numbers() -> list[Number]:
    """Return phones of the demo city that are worth picking up: one of each role, then those with a habit."""
    return [
        Number("0961234567", "somebody new"),
        *_people_of_the_tap(),
        Number("+254712345678", "somebody in Nairobi"),
        *(Number(number, habit, answers_itself=True) for number, habit in _ENDINGS.items()),
    ]


def _people_of_the_tap() -> Iterator[Number]:
    tenant = next(row for row in _rows("tenants") if row["tap_id"] == _TAP)
    yield Number(local_form(tenant["msisdn"]), f"tenant on {_TAP}")
    tap = next(row for row in _rows("taps") if row["tap_id"] == _TAP)
    yield Number(local_form(tap["caretaker_msisdn"]), f"caretaker of {_TAP}")
    agent = next(row for row in _rows("users") if (row["role"], row["zone"]) == ("agent", tap["zone"]))
    yield Number(local_form(agent["msisdn"]), f"agent in {tap['zone']}")


def _rows(kind: str) -> Iterator[dict[str, str]]:
    text = (resources.files("fixtures") / f"{kind}.csv").read_text("utf-8")
    yield from csv.DictReader(text.splitlines())
