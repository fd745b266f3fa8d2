"""A phone in the terminal: a call, then the PIN prompt and the SMS as they come."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from simulators.aggregator.dialler import Call, Dialler
from simulators.aggregator.wires.base import FAILED, SUCCESS
from simulators.phone.views import View
from simulators.phone.watch import Addresses, Handset


class Ask(Protocol):
    """Asks the person at the keyboard."""

    async def __call__(self, question: str, seconds: float | None = None) -> str | None:
        """Return what was typed; None when there is nothing more. Raises TimeoutError after `seconds`."""
        ...


PIN = "1234"
_CHOICES = {"a": "approve", "c": "cancel", "w": "wrong_pin", "n": "no_balance"}
_QUESTION = f"PIN ({PIN} is right), or [a]pprove, [c]ancel, [w]rong PIN, [n]o money, [i]gnore? "


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to look for what comes after the call, in seconds.

    In all; until the first prompt or SMS (longer than PUSH_DELAY_S); after an answered prompt and its SMS;
    between two looks.
    """

    all_s: float = 30.0
    first_s: float = 5.0
    after_s: float = 1.0
    look_s: float = 0.25


async def call(
    dialler: Dialler,
    at: Addresses,
    msisdn: str,
    code: str | None,
    inputs: Sequence[str] | None,
    view: View,
    ask: Ask | None = None,
    patience: Patience | None = None,
) -> int:
    """Make a call and show everything; return 0, or 1 when the call broke.

    With `inputs` they are typed one by one and the call is hung up if it still goes on after the last.
    Without, the person behind `ask` types (None hangs up) for as long as the network waits, and answers the
    PIN prompts of this number.
    """
    by_hand = ask if inputs is None else None
    async with aiohttp.ClientSession() as http:
        handset = Handset(http, at, msisdn, dialler.timing.now())
        if by_hand:
            await handset.hold_prompts()
        try:
            made = await _talk(dialler, msisdn, code, _typing(inputs, by_hand), view)
            if made.screen.status == SUCCESS:
                await _Aftermath(dialler, handset, view, by_hand, patience or Patience()).watch()
        finally:
            if by_hand:
                await handset.release_prompts()
    view.close(made)
    return 1 if made.screen.status == FAILED else 0


_NextInput = Callable[[Call], Awaitable[str | None]]


def _typing(inputs: Sequence[str] | None, ask: Ask | None) -> _NextInput:
    left = iter(inputs or ())

    async def next_input(made: Call) -> str | None:
        return await ask("> ", max(0.0, made.left_s)) if ask else next(left, None)

    return next_input


async def _talk(dialler: Dialler, msisdn: str, code: str | None, next_input: _NextInput, view: View) -> Call:
    made = await dialler.dial(msisdn, code)
    view.screen(code or dialler.service_code, made)
    while not made.over:
        try:
            typed = await next_input(made)
        except TimeoutError:
            await made.time_out()
            break
        if typed is None:
            await made.hang_up()
        else:
            await made.enter(typed)
            view.screen(typed, made)
    return made


def _answer(typed: str | None) -> str | None:
    """Return what a person does with the prompt; None leaves it alone."""
    said = (typed or "").strip().lower()
    if said.isdecimal():
        return "approve" if said == PIN else "wrong_pin"
    return _CHOICES.get(said[:1])


class _Aftermath:
    """Shows what reaches the handset after the call, until there is no more to expect."""

    def __init__(
        self, dialler: Dialler, handset: Handset, view: View, ask: Ask | None, patience: Patience
    ) -> None:
        self._timing = dialler.timing
        self._handset = handset
        self._view = view
        self._ask = ask
        self._patience = patience
        self._sms_after_prompt = False
        self._began = self._last = self._timing.now()

    async def watch(self) -> None:
        """Look again and again."""
        while not self._enough():
            if await self._look():
                self._last = self._timing.now()
            await self._timing.sleep(self._patience.look_s)

    async def _look(self) -> bool:
        # Messages are fetched first and shown last: none then seems to precede the answer it is about.
        messages = await self._handset.new_sms()
        prompts = await self._handset.new_prompts()
        for prompt in prompts:
            self._view.prompt(prompt)
            if prompt["state"] == "open" and self._ask:
                await self._let_answer(prompt["id"], self._ask)
        for message in messages:
            self._view.sms(message)
        if messages and self._handset.prompted and not self._handset.prompt_is_open:
            self._sms_after_prompt = True
        return bool(prompts or messages)

    async def _let_answer(self, prompt_id: str, ask: Ask) -> None:
        choice = _answer(await ask(_QUESTION))
        if choice:
            await self._handset.answer(prompt_id, choice)
        self._began = self._timing.now()  # the person's own time does not count

    def _enough(self) -> bool:
        now = self._timing.now()
        if (now - self._began).total_seconds() >= self._patience.all_s:
            return True
        quiet_s = (now - self._last).total_seconds()
        if self._sms_after_prompt:
            return quiet_s >= self._patience.after_s
        return not self._handset.prompted and quiet_s >= self._patience.first_s
