"""Looks at both simulators for what reaches one handset: PIN prompts and SMS."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from core.clock import rfc3339

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_SHOWN = frozenset({"open", "answered", "expired"})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the simulators are; without one, its side stays silent."""

    providers_url: str | None = None
    aggregator_url: str | None = None


@dataclass(slots=True)
class Handset:
    """What one number has been shown since a moment."""

    http: aiohttp.ClientSession
    at: Addresses
    msisdn: str
    since: datetime
    _prompts: dict[str, str] = field(default_factory=dict)
    _sms: set[str] = field(default_factory=set)

    @property
    def prompt_is_open(self) -> bool:
        """Whether a prompt waits for an answer."""
        return "open" in self._prompts.values()

    @property
    def prompted(self) -> bool:
        """Whether any prompt came."""
        return bool(self._prompts)

    async def new_prompts(self) -> list[dict[str, Any]]:
        """Return prompts that came up or changed since the last look."""
        query = {"msisdn": self.msisdn}
        found = await self._get(self.at.providers_url, "/_sim/prompts", query)
        news = [shown for row in found if self._is_news(row) for shown in self._steps(row)]
        self._prompts.update((row["id"], row["state"]) for row in news)
        return news

    async def new_sms(self) -> list[dict[str, Any]]:
        """Return messages that came since the last look."""
        query = {"to": self.msisdn, "since": rfc3339(self.since)}
        found = await self._get(self.at.aggregator_url, "/_sim/sms", query)
        news = [row for row in found if row["id"] not in self._sms]
        self._sms.update(row["id"] for row in news)
        return news

    async def answer(self, prompt_id: str, answer: str) -> None:
        """Answer a prompt as its owner; too late is no error."""
        await self._send("POST", f"/_sim/prompts/{prompt_id}/answer", {"answer": answer})

    async def hold_prompts(self) -> None:
        """Let prompts of this number wait for `answer`."""
        await self._send("POST", "/_sim/people", {"msisdn": self.msisdn, "answer": "ask"})

    async def release_prompts(self) -> None:
        """Let this number answer by itself again."""
        await self._send("DELETE", f"/_sim/people/{self.msisdn.lstrip('+')}", None)

    def _steps(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the prompt; one that was answered between two looks is shown as it came up, too."""
        if row["id"] in self._prompts or row["state"] == "open":
            return [row]
        return [row | {"state": "open", "answer": None}, row]

    def _is_news(self, row: dict[str, Any]) -> bool:
        recent = datetime.fromisoformat(row["at"]) >= self.since or row["id"] in self._prompts
        return recent and row["state"] in _SHOWN and self._prompts.get(row["id"]) != row["state"]

    async def _get(self, base: str | None, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        if base is None:
            return []
        try:
            async with self.http.get(base + path, params=query, timeout=_TIMEOUT) as reply:
                rows: Any = await reply.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return []
        return rows if isinstance(rows, list) else []  # what answers may be no simulator

    async def _send(self, method: str, path: str, value: dict[str, str] | None) -> None:
        if self.at.providers_url is None:
            return
        try:
            url = self.at.providers_url + path
            async with self.http.request(method, url, json=value, timeout=_TIMEOUT) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError):
            return
