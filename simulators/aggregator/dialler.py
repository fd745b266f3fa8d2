"""A call, over the wire of any aggregator: dialling, typing, repeating, the end."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.aggregator.gateway import Gateway, Unanswered
from simulators.aggregator.networks import LIMITS, Limits, limits, network_code
from simulators.aggregator.wires import WIRES
from simulators.aggregator.wires.base import FAILED, INCOMPLETE, SUCCESS, Answer, End, Line, Post, Unreadable
from simulators.timing import Timing, WallTime

PROBLEM = "Connection problem or invalid MMI code."


@dataclass(frozen=True, slots=True)
class Screen:
    """What the handset shows. Once the session is over `status` says how; `error` says what broke it."""

    text: str
    continues: bool
    status: str = ""
    error: str = ""


class CallOver(Exception):
    """The call is over; nothing more can be typed."""


class Dialler:
    """Dials a gateway over a wire of `WIRES`. `end_events` False loses every end event, as networks do.

    `network` is the code of the network that calls are made on; None lets each number's prefix decide.
    """

    def __init__(
        self,
        gateway: Gateway,
        service_code: str = "*384*7#",
        timing: Timing | None = None,
        session_ids: Callable[[], str] | None = None,
        *,
        end_events: bool = True,
        limits: Mapping[str, Limits] = LIMITS,
        wire: str = "africastalking",
        network: str | None = None,
    ) -> None:
        self.gateway = gateway
        self.service_code = service_code
        self.timing = timing or WallTime()
        self.end_events = end_events
        self.limits = limits
        self.network = network
        self.wire = wire
        self._session_ids = session_ids or self._counted_ids()

    async def dial(
        self, msisdn: str, code: str | None = None, network: str | None = None, wire: str | None = None
    ) -> "Call":
        """Dial `code` (default: the service code) from an E.164 number; `.screen` is what comes up.

        A longer code is a deep dial: over Africa's Talking `*384*7*1#` arrives with the history `1` in its
        first hop, over the others as it was dialled. Raises KeyError for a wire that is not in `WIRES`.
        """
        service, history = self._split(code or self.service_code)
        line = Line(self._session_ids(), msisdn, service, network or self.network or network_code(msisdn))
        call = Call(self, line, wire or self.wire)
        await call.start(history)
        return call

    def _split(self, code: str) -> tuple[str, str]:
        stem = self.service_code.rstrip("#") + "*"
        if code.startswith(stem):
            return self.service_code, code[len(stem) :].rstrip("#")
        return code, ""

    def _counted_ids(self) -> Callable[[], str]:
        start = int(self.timing.now().timestamp() * 1_000_000)
        counter = itertools.count(start)
        return lambda: f"ATUid_{next(counter):x}"


class Call:
    """One session. All hops go through it, one at a time."""

    def __init__(self, dialler: Dialler, line: Line, wire: str) -> None:
        self.session_id = line.session_id
        self.msisdn = line.msisdn
        self.network = line.network
        self.history = ""
        self.hops = 0
        self.screen = Screen("", continues=True)
        self._dialler = dialler
        self._wire = WIRES[wire](line)
        self._post: Post | None = None
        self._began = self._shown = dialler.timing.now()

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        return not self.screen.continues

    @property
    def timed_out(self) -> bool:
        """Whether the network's patience is over: the whole session's, or the person's."""
        return not self.over and self.left_s < 0

    @property
    def left_s(self) -> float:
        """For how many more seconds the network waits; below zero when it has waited long enough."""
        bound, now = self.limits, self._dialler.timing.now()
        idle_s, session_s = (now - self._shown).total_seconds(), (now - self._began).total_seconds()
        return min(bound.idle_s - idle_s, bound.session_s - session_s)

    @property
    def limits(self) -> Limits:
        """How long the caller's network lets a session and a thought last."""
        return limits(self.network, self._dialler.limits)

    async def start(self, history: str) -> Screen:
        """Send the first hop."""
        self.history = history
        return await self._hop(self._wire.first(history))

    async def enter(self, text: str) -> Screen:
        """Type `text` and send it. Raises CallOver when there is nobody to type to."""
        self._must_be_open()
        if self.timed_out:
            return await self.time_out()
        self.history = f"{self.history}*{text}" if self.history else text
        return await self._hop(self._wire.typed(text))

    async def repeat(self) -> Screen:
        """Send the last hop again, as networks do: the very same bytes."""
        self._must_be_open()
        return await self._hop(self._post or self._wire.first(self.history))

    async def hang_up(self) -> None:
        """End the call from the handset; nothing happens when it is over."""
        await self._finish(INCOMPLETE)

    async def time_out(self) -> Screen:
        """End the call because nothing was typed."""
        await self._finish(INCOMPLETE, "session timed out")
        return self.screen

    async def _hop(self, post: Post) -> Screen:
        self.hops += 1
        self._post = post
        try:
            answer = await self._dialler.gateway.send(post)
        except Unanswered as error:
            return await self._break(str(error))
        return await self._show(answer)

    async def _show(self, answer: Answer) -> Screen:
        try:
            shown = self._wire.read(answer)
        except Unreadable:
            return await self._break(f"HTTP {answer.status}: {answer.text[:60]!r}")
        self._shown = self._dialler.timing.now()
        self.screen = Screen(shown.text, continues=True)
        if shown.is_end:
            await self._finish(SUCCESS)
        return self.screen

    async def _break(self, error: str) -> Screen:
        self.screen = Screen(PROBLEM, continues=True)
        await self._finish(FAILED, error)
        return self.screen

    async def _finish(self, status: str, error: str = "") -> None:
        if self.over:
            return
        self.screen = Screen(self.screen.text, continues=False, status=status, error=error)
        now = self._dialler.timing.now()
        duration_ms = int((now - self._began).total_seconds() * 1000)
        post = self._wire.end(End(status, error, now, duration_ms, self.hops))
        if not self._dialler.end_events or post is None:
            return
        try:
            await self._dialler.gateway.send(post)
        except Unanswered:
            return  # nobody repeats an end event

    def _must_be_open(self) -> None:
        if self.over:
            raise CallOver(self.session_id)
