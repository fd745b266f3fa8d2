"""Handsets: one PIN prompt at a time on each; the next one waits until the first is gone."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from weakref import WeakValueDictionary

from core.clock import rfc3339
from simulators.providers.people import Answer, Person
from simulators.timing import Timing, first_of

_RECENT = 1_000


class State(StrEnum):
    """Where a prompt is."""

    QUEUED = "queued"
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"


@dataclass(slots=True)
class Prompt:
    """What one handset shows: who asks, how much, for whom, for which account."""

    id: str
    provider: str
    reference: str
    msisdn: str
    text: str
    amount: str
    currency: str
    payee: str
    account: str
    state: State = State.QUEUED
    answer: Answer | None = None
    at: str = ""
    reply: asyncio.Future[Answer] | None = field(default=None, repr=False)

    def row(self) -> dict[str, Any]:
        """Return the prompt for others."""
        names = (
            "id", "provider", "reference", "msisdn", "text", "amount", "currency", "payee", "account",
            "state", "answer", "at",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


class Handsets:
    """All prompts, open and recent."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._live: dict[str, Prompt] = {}
        self._recent: deque[Prompt] = deque(maxlen=_RECENT)

    def prompts(self, msisdn: str | None = None) -> Iterator[Prompt]:
        """Yield the prompts of a handset (or of all): those that are over first, then those that are live."""
        for prompt in (*self._recent, *self._live.values()):
            if msisdn in (None, prompt.msisdn):
                yield prompt

    def reply(self, prompt_id: str, answer: Answer) -> Prompt | None:
        """Answer an open prompt as the person; None when it is not open."""
        prompt = self._live.get(prompt_id)
        if prompt is None or prompt.reply is None or prompt.reply.done():
            return None
        prompt.reply.set_result(answer)
        return prompt

    async def ask(self, prompt: Prompt, person: Person, lifetime_s: float) -> Answer:
        """Show the prompt when the handset is free; IGNORE when nobody answered in time."""
        prompt.at = rfc3339(self._timing.now())
        self._live[prompt.id] = prompt
        try:
            async with self._lock(prompt.msisdn):
                return await self._show(prompt, person, lifetime_s)
        finally:
            self._live.pop(prompt.id, None)
            self._recent.append(prompt)

    async def _show(self, prompt: Prompt, person: Person, lifetime_s: float) -> Answer:
        prompt.reply = asyncio.get_running_loop().create_future()
        prompt.state, prompt.at = State.OPEN, rfc3339(self._timing.now())
        lifetime_s = person.prompt_lifetime_s or lifetime_s
        decides_itself = person.answer not in (Answer.ASK, Answer.IGNORE) and person.after_s < lifetime_s
        said = await self._wait(prompt.reply, person.after_s if decides_itself else lifetime_s)
        if said is None and decides_itself:
            said = person.answer
        prompt.answer = said
        prompt.state = State.ANSWERED if said else State.EXPIRED
        return said or Answer.IGNORE

    async def _wait(self, reply: asyncio.Future[Answer], seconds: float) -> Answer | None:
        if seconds <= 0:
            return None
        return await first_of(self._timing, reply, seconds)

    def _lock(self, msisdn: str) -> asyncio.Lock:
        lock = self._locks.get(msisdn)
        if lock is None:
            lock = self._locks[msisdn] = asyncio.Lock()
        return lock
