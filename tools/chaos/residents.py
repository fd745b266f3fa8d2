"""The people: they dial, repeat hops, drop calls, approve too late, pay by hand, by card, in cash."""

import asyncio
import random
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from simulators.aggregator.dialler import Call, Dialler
from simulators.aggregator.gateway import Gateway
from tools.chaos.city import PLATFORM_TOKEN, City
from tools.chaos.people import AGENTS, DIALLED, ORDERED, Resident
from tools.chaos.plan import Plan
from tools.towns import TOKEN

_MOST_CALLERS = 64
_LOOKS = 40  # for the page of a payment by card
_NEVER_PAYS, _DECLINED = 0.04, 0.1  # of those who were sent a page
_BY_HAND_TOO = 0.08  # of M-PESA's payers pay by hand as well, right after the call


@dataclass(slots=True)
class Street:
    """What people use: telephones and the internet. `unpaid` are the pages that nobody will ever open."""

    city: City
    plan: Plan
    dialler: Dialler
    http: aiohttp.ClientSession
    callers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CALLERS))
    unpaid: set[str] = field(default_factory=set)


async def open_street(stack: AsyncExitStack, city: City, plan: Plan) -> Street:
    """Open the lines; the stack closes them."""
    gateway = await stack.enter_async_context(Gateway(city.gateway_url, TOKEN))
    patience = aiohttp.ClientTimeout(total=20)
    http = await stack.enter_async_context(aiohttp.ClientSession(timeout=patience))
    return Street(city, plan, Dialler(gateway), http)


async def live(street: Street) -> None:
    """Let everybody pay what they owe now, some twice at the same tap; they come one after the other."""
    rng = random.Random(street.plan.seed)
    late = [rng.random() < street.plan.late_share for _ in street.city.people]
    async with asyncio.TaskGroup() as group:
        for i, (person, is_late) in enumerate(zip(street.city.people, late, strict=True)):
            group.create_task(_come(street, person, i / street.plan.per_s, is_late=is_late))


async def _come(street: Street, person: Resident, after_s: float, *, is_late: bool) -> None:
    await asyncio.sleep(after_s)
    if is_late and person.way in DIALLED | ORDERED:
        await _approve_late(street, person)
    for attempt in range(2):
        async with street.callers:
            await _pay(street, person, is_again=attempt > 0)
        if attempt == 0:
            await asyncio.sleep(street.plan.expiry_s * (0.5 + person.rng.random()))


async def _approve_late(street: Street, person: Resident) -> None:
    """Let a person approve only after we have given up: the network is more patient than we are."""
    told = {
        "msisdn": person.msisdn,
        "answer": "approve",
        "after_s": street.plan.expiry_s * 1.3,
        "prompt_lifetime_s": street.plan.expiry_s * 3,
        "times": 1,
    }
    async with street.http.post(f"{street.city.providers.url}/_sim/people", json=told) as reply:
        reply.raise_for_status()


async def _pay(street: Street, person: Resident, *, is_again: bool) -> None:
    if person.way in DIALLED:
        await _call(street, person)
        if person.way == "daraja" and person.rng.random() < _BY_HAND_TOO:
            await _by_hand(street, person, person.tap, person.owes)
    elif person.way in ORDERED:
        await _order(street, person)
    elif person.way == "by_hand":
        if not is_again or person.rng.random() < 0.1:  # noqa: PLR2004 - some pay twice
            await _by_hand(street, person, *_as_typed(person))
    else:
        await _cash(street, person)


async def _call(street: Street, person: Resident) -> None:
    call = await street.dialler.dial(person.msisdn)
    for _ in range(8):
        if call.over:
            break
        if person.rng.random() < street.plan.repeat_share:
            await call.repeat()
        if person.rng.random() < 0.02:  # noqa: PLR2004 - now and then the line drops
            await call.hang_up()
            return
        if not call.over:
            await call.enter(_key(person, call))


def _key(person: Resident, call: Call) -> str:
    return person.tap if "Type the tap number" in call.screen.text else "1"


def _as_typed(person: Resident) -> tuple[str, str]:
    """Return the account and the amount that a person enters: right, loosely, or something else."""
    tap = person.tap
    loosely = f"{tap[:3].lower()} {tap[4:8]} {tap[-1]}"
    account = person.rng.choices([tap, loosely, "water", "12"], [60, 25, 10, 5])[0]
    amount = person.rng.choices([person.owes, "450", "120"], [65, 20, 15])[0]
    return account, amount


async def _by_hand(street: Street, person: Resident, account: str, amount: str) -> None:
    url = f"{street.city.providers.url}/daraja/_sim/payments"
    body = {"msisdn": person.msisdn, "account": account, "amount": amount}
    async with street.http.post(url, json=body) as reply:
        reply.raise_for_status()


async def _cash(street: Street, person: Resident) -> None:
    agent = person.rng.choice(sorted(AGENTS.values()))
    told = {"from": agent, "text": f"CASH {person.tap} {person.owes} 0{person.msisdn[4:]}"}
    async with street.http.post(f"{street.city.aggregator.url}/_sim/sms", json=told) as reply:
        reply.raise_for_status()


async def _order(street: Street, person: Resident) -> None:
    """Ask for a payment as the platform does; a lost answer is asked for again with the same key."""
    body = {"tap_id": person.tap, "msisdn": person.msisdn, "provider": person.way}
    key = str(uuid.UUID(int=person.rng.getrandbits(128), version=4))
    times = 2 if person.rng.random() < street.plan.repeat_share else 1
    answers = [await _ask(street, "POST", "/payments", key=key, body=body) for _ in range(times)]
    if person.way == "stripe" and "payment_id" in answers[-1]:
        await _visit(street, person, answers[-1]["payment_id"])


async def _ask(
    street: Street, method: str, path: str, *, key: str = "", body: dict[str, str] | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {PLATFORM_TOKEN}"} | ({"Idempotency-Key": key} if key else {})
    url = f"{street.city.gateway_url}/api/v1{path}"
    async with street.http.request(method, url, headers=headers, json=body) as reply:
        answer: dict[str, Any] = await reply.json(content_type=None)
        return answer


async def _visit(street: Street, person: Resident, payment_id: str) -> None:
    """Open the page when its link has come, try a card that is declined, pay; or never come."""
    for _ in range(_LOOKS):
        shown = await _ask(street, "GET", f"/payments/{payment_id}")
        if page := (shown.get("links") or {}).get("pay"):
            break
        await asyncio.sleep(0.25)
    else:
        return
    if person.rng.random() < _NEVER_PAYS:
        street.unpaid.add(payment_id)
        return
    async with street.http.get(page, allow_redirects=False) as reply:
        address = reply.headers.get("Location", "")
    cards = ["bad", "good"] if person.rng.random() < _DECLINED else ["good"]
    for card in cards if address else ():
        async with street.http.post(address, data={"card": card}, allow_redirects=False):
            pass
