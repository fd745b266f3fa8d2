"""What happens after a push was accepted: prompt, answer, debit, callbacks. The same for every provider."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from simulators.edge import Refusals, Reply
from simulators.faults import Fault, FaultPlan
from simulators.providers.book import Book, Journal, Push
from simulators.providers.callbacks import Forger, Sender, plan
from simulators.providers.config import Config
from simulators.providers.people import WITHOUT_PROMPT, Answer, People, Person
from simulators.providers.prompts import Handsets, Prompt
from simulators.timing import first_of

_LONGEST_HELD_REPLY_S = 30.0
_EPOCH_2025 = 1_735_689_600
_CANNOT_BE_PAID = frozenset({Answer.NO_WALLET, Answer.REFUSED})


class Provider(Forger, Protocol):
    """What only one provider knows about its pushes."""

    name: str
    callback_method: str
    lifetime_s: float

    def prompt_text(self, push: Push) -> str:
        """Return what the handset shows."""
        ...

    def payee(self) -> str:
        """Return the name that the handset shows."""
        ...

    def reason(self, answer: Answer, person: Person) -> str:
        """Return the provider's own code for an answer that is no approval."""
        ...

    def receipt(self) -> str:
        """Return a receipt number that was never used."""
        ...

    def notice(self, push: Push) -> bytes:
        """Return the body of the callback that claims `push`; empty where the provider tells nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out beside a callback: another channel's word on the same money."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    after_s: float = 0.0  # below zero: before the callback


@runtime_checkable
class HasPage(Protocol):
    """A provider that asks no handset: whoever opens its page decides."""

    def visitor(self, push: Push) -> Person:
        """Return who may open the page of a push."""
        ...


@runtime_checkable
class TellsOfMoney(Protocol):
    """A provider that has more to do once a push was paid than to call back."""

    def took(self, push: Push) -> None:
        """Hear that this push was paid."""
        ...


@runtime_checkable
class SecondChannel(Protocol):
    """A provider that tells of money twice."""

    def second(self, push: Push) -> Letter | None:
        """Return the other notice that claims `push`, if there is one."""
        ...


class Network:
    """The state that all providers of one simulator share, and the tasks of open pushes."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.timing = config.timing
        started_ms = int((config.timing.now().timestamp() - _EPOCH_2025) * 1000)
        self.book = Book(started_ms, Journal(config.journal) if config.journal else None)
        self.people = People(config.person, config.number_rules, config.mix, config.seed)
        self.faults = FaultPlan(config.faults, config.seed)
        self.handsets = Handsets(config.timing)
        self.sender = Sender(config.timing, config.most_callbacks, config.callback_timeout_s)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """Whether no more pushes are taken for now."""
        return len(self._tasks) >= self.config.most_open

    def latency_s(self, operation: str) -> float:
        """Return how long an operation takes to answer."""
        seconds: float = getattr(self.config.latency, f"{operation}_s")
        return seconds

    def note_refusal(self, provider: str) -> Refusals:
        """Return what puts a provider's refused pushes into the book."""

        def note(operation: str, reply: Reply, asked: str) -> None:
            if operation in ("push", "payout"):
                now = self.timing.now()
                self.book.refuse(provider, reply.status, reply.body.decode(), asked, now)

        return note

    async def open(self, providers: dict[str, Provider]) -> None:
        """Start; prompts that were open when the last process died are shown again."""
        await self.sender.open()
        for push in self.book.open_pushes():
            self._start(providers[push.provider], push, None)

    async def close(self) -> None:
        """Stop; open pushes stay open in the journal."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sender.close()
        self.book.close()

    async def accept(self, provider: Provider, push: Push) -> None:
        """Take a push, or money out, into the book and start what follows from it."""
        is_told = push.callback_url or not push.outgoing
        fault = self.faults.draw(provider.name, "callback", push.msisdn, push.reference) if is_told else None
        if fault:
            push.faults.append(f"callback.{fault.name}")
        self.book.accept(push)
        told = self._start(provider, push, fault)
        if fault and fault.name == "before_reply":
            await first_of(self.timing, asyncio.shield(told), _LONGEST_HELD_REPLY_S)

    async def decide(self, provider: Provider, push: Push) -> None:
        """Take a push, or money out, of which nobody is called back, and wait until it is decided."""
        self.book.accept(push)
        await asyncio.shield(self._start(provider, push, None))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something go on beside; it ends with the network."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _start(self, provider: Provider, push: Push, fault: Fault | None) -> asyncio.Task[None]:
        return self.spawn(self._run(provider, push, fault))

    async def _run(self, provider: Provider, push: Push, fault: Fault | None) -> None:
        await self.timing.sleep(self.config.latency.prompt_s)
        if fault and fault.name == "forged_early":
            await self._tell(provider, push, provider.forged_success(push))
        self._settle(provider, push, await self._decide(provider, push))
        await self.timing.sleep(self.config.latency.callback_s)
        for notice in plan(push, fault, provider):
            if notice.delay_s:
                await self.timing.sleep(notice.delay_s)
            await self._tell(provider, push, notice.claims)

    async def _decide(self, provider: Provider, push: Push) -> str:
        """Return `paid` or the provider's reason."""
        if preset := push.extra.get("preset"):
            return preset
        person = provider.visitor(push) if isinstance(provider, HasPage) else self.people.meet(push.msisdn)
        answer = person.answer
        if push.outgoing:  # whoever is paid is asked nothing
            answer = answer if answer in _CANNOT_BE_PAID else Answer.APPROVE
            return "paid" if answer is Answer.APPROVE else provider.reason(answer, person)
        if answer not in WITHOUT_PROMPT:
            answer = await self.handsets.ask(self._prompt(provider, push), person, provider.lifetime_s)
        return "paid" if answer is Answer.APPROVE else provider.reason(answer, person)

    def _prompt(self, provider: Provider, push: Push) -> Prompt:
        return Prompt(
            f"pr_{self.book.next_serial()}",
            push.provider,
            push.reference,
            push.msisdn,
            provider.prompt_text(push),
            push.amount,
            push.currency,
            provider.payee(),
            push.extra.get("account", push.external_id),
        )

    def _settle(self, provider: Provider, push: Push, code: str) -> None:
        receipt = (push.extra.get("receipt") or provider.receipt()) if code == "paid" else None
        self.book.settle(push, code, receipt, self.timing.now())
        if push.paid and not push.outgoing and isinstance(provider, TellsOfMoney):
            provider.took(push)

    async def _tell(self, provider: Provider, push: Push, claims: Push) -> None:
        letter = provider.second(claims) if isinstance(provider, SecondChannel) else None
        if letter and letter.after_s < 0:
            await self.sender.send("POST", letter.url, letter.body, letter.headers)
        if push.callback_url and (body := provider.notice(claims)):
            await self.sender.send(provider.callback_method, push.callback_url, body)
        if letter and letter.after_s >= 0:
            await self.timing.sleep(letter.after_s)
            await self.sender.send("POST", letter.url, letter.body, letter.headers)
