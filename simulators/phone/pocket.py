"""A phone in the terminal that stays on: calls, SMS, and whose phone it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from core.clock import rfc3339
from core.errors import BadMsisdn
from core.msisdn import local_form, parse
from simulators.aggregator import networks
from simulators.aggregator.dialler import Dialler
from simulators.aggregator.gateway import Unanswered
from simulators.phone import terminal
from simulators.phone.terminal import Ask, Patience
from simulators.phone.views import View
from simulators.phone.watch import Addresses, Handset

HELP = """*384*7#         dials; so does call
sms WORDS       writes an SMS and waits for what comes back
inbox           shows every SMS of this number
number 0961…    picks up another phone
network mtn     changes the network; network auto: by the number
language ny     asks Madzi by SMS for en, ny or bem
quit            puts the phone away"""
LANGUAGES = ("en", "ny", "bem")
_SHORT_CODE = "38407"
_TAKEN = 200
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Hands:
    """What the phone is held with: who types, where boxes are drawn, where plain lines are written."""

    ask: Ask
    view: View
    say: _Say


class Pocket:
    """One phone; `run` serves the person who holds it until they put it away."""

    def __init__(
        self,
        dialler: Dialler,
        at: Addresses,
        msisdn: str,
        hands: Hands,
        new_id: Callable[[], str],
        patience: Patience | None = None,
    ) -> None:
        self._dialler = dialler
        self._at = at
        self._msisdn = msisdn
        self._hands = hands
        self._new_id = new_id
        self._patience = patience or Patience()
        self._acts: dict[str, Callable[[str], Awaitable[None]]] = {
            "call": self._call,
            "sms": self._write,
            "inbox": self._inbox,
            "number": self._pick_up,
            "network": self._change_network,
            "language": self._change_language,
            "help": self._help,
        }

    async def run(self) -> None:
        """Do what is typed, line by line, until `quit` or the end of input."""
        await self._help("")
        while (typed := await self._hands.ask(self._question())) is not None:
            word, _, rest = typed.strip().partition(" ")
            if word and "quit".startswith(word.lower()):
                return
            if word.startswith("*"):
                await self._call(word)
            elif word:
                await self._act(word.lower())(rest.strip())

    def _question(self) -> str:
        code = self._dialler.network or networks.network_code(self._msisdn)
        name = next((str(row["name"]) for row in networks.table() if row["code"] == code), code)
        return f"{local_form(self._msisdn)} {name}: "

    def _act(self, word: str) -> Callable[[str], Awaitable[None]]:
        return next((act for name, act in self._acts.items() if name.startswith(word)), self._help)

    async def _help(self, _rest: str) -> None:
        self._hands.say(HELP.replace("*384*7#", self._dialler.service_code))

    async def _call(self, code: str) -> None:
        hands = self._hands
        await terminal.call(
            self._dialler, self._at, self._msisdn, code or None, None, hands.view, hands.ask, self._patience
        )

    async def _write(self, text: str) -> None:
        if not text:
            self._hands.say("Write something: sms BAL")
            return
        now = self._dialler.timing.now()
        form = {
            "from": self._msisdn,
            "to": _SHORT_CODE,
            "text": text,
            "date": rfc3339(now),
            "id": self._new_id(),
        }
        try:
            status = (await self._dialler.gateway.post("sms", "/inbound", form)).status
        except Unanswered as error:
            self._hands.say(f"Not sent: {error}")
            return
        self._hands.say("Sent." if status == _TAKEN else f"Not taken: the gateway answered {status}.")
        await self._show_sms(now, wait_s=self._patience.first_s)

    async def _inbox(self, _rest: str) -> None:
        if not await self._show_sms(_LONG_AGO):
            self._hands.say("No SMS yet.")

    async def _pick_up(self, typed: str) -> None:
        try:
            self._msisdn = parse(typed)
        except BadMsisdn as wrong:
            self._hands.say(wrong.detail)

    async def _change_network(self, name: str) -> None:
        try:
            self._dialler.network = None if name == "auto" else networks.find(name, self._msisdn)
        except LookupError as unknown:
            self._hands.say(str(unknown.args[0]))

    async def _change_language(self, code: str) -> None:
        if code.lower() in LANGUAGES:
            await self._write(f"LANG {code.upper()}")
        else:
            self._hands.say(f"Languages: {', '.join(LANGUAGES)}")

    async def _show_sms(self, since: datetime, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """Show what came since a moment, waiting at most `wait_s` for the first."""
        timing = self._dialler.timing
        began = timing.now()
        async with aiohttp.ClientSession() as http:
            handset = Handset(http, self._at, self._msisdn, since)
            while not (found := await handset.new_sms()) and (timing.now() - began).total_seconds() < wait_s:
                await timing.sleep(self._patience.look_s)
        for message in found:
            self._hands.view.sms(message)
        return found
