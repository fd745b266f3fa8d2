"""A person's SMS on its way to the gateway: repeated until it is taken (reference africastalking §2)."""

import asyncio
import itertools
from typing import Any

from core.clock import rfc3339
from simulators.aggregator.gateway import Unanswered
from simulators.aggregator.sms import World

_RETRY_S = 60.0
_MOST_RETRIES = 720  # twelve hours
_MOST_WAITING = 1_000
_OK = 200


class Inbound:
    """Sends people's SMS to the gateway."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._serial = itertools.count(int(world.timing.now().timestamp() * 1000))
        self._waiting: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop repeating."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def send(self, sender: str, text: str, given: dict[str, str], copies: int = 1) -> dict[str, Any]:
        """Post one SMS, `copies` times under the same id; when it is not taken, go on in the background."""
        form = self._form(sender, text) | given
        statuses = [await self._post("/inbound", form) for _ in range(copies)]
        retrying = statuses[-1] != _OK and len(self._waiting) < _MOST_WAITING
        if retrying:
            task = asyncio.create_task(self._repeat(form))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        return {"id": form["id"], "statuses": statuses, "retrying": retrying}

    async def opt_out(self, msisdn: str, sender_id: str) -> int | str:
        """Tell the gateway that a person wants no more messages of a sender; return its status."""
        return await self._post("/optout", {"senderId": sender_id, "phoneNumber": msisdn})

    def _form(self, sender: str, text: str) -> dict[str, str]:
        return {
            "from": sender,
            "to": self._world.config.short_code,
            "text": text,
            "date": rfc3339(self._world.timing.now().replace(microsecond=0)),
            "id": f"in-{next(self._serial)}",
        }

    async def _repeat(self, form: dict[str, str]) -> None:
        for _ in range(_MOST_RETRIES):
            await self._world.timing.sleep(_RETRY_S)
            if await self._post("/inbound", form) == _OK:
                return

    async def _post(self, rest: str, form: dict[str, str]) -> int | str:
        try:
            return (await self._world.gateway.post("sms", rest, form)).status
        except Unanswered as error:
            return str(error)
