"""What really happened to people's money, kept apart from what the gateway is told."""

import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from core.clock import rfc3339

_MOST_REFUSALS = 10_000


@dataclass(slots=True)
class Push:
    """One request to pay that was accepted; `amount` is the decimal text of the request.

    `code` is empty while the payer decides, `paid` once debited, else the provider's reason.
    `extra` holds what only this provider's replies need. `outgoing` is empty where money comes in; money that
    goes out is a `transfer`, a `refund` or a `reversal`: then `msisdn` is who is paid, nobody is asked, and
    `original` is the reference of the payment that is given back, if one is.
    """

    provider: str
    reference: str
    external_id: str
    msisdn: str
    amount: str
    currency: str
    callback_url: str | None
    accepted_at: str
    extra: dict[str, str] = field(default_factory=dict)
    code: str = ""
    receipt: str | None = None
    settled_at: str | None = None
    faults: list[str] = field(default_factory=list)
    outgoing: str = ""
    original: str | None = None

    @property
    def open(self) -> bool:
        """Whether the payer has not decided yet."""
        return not self.code

    @property
    def paid(self) -> bool:
        """Whether the payer was debited."""
        return self.code == "paid"

    def row(self) -> dict[str, Any]:
        """Return the line of the book that others read."""
        out = {"kind": self.outgoing, "original": self.original} if self.outgoing else {}
        done = "paid_out" if self.outgoing else "debited"
        return {
            "provider": self.provider,
            "provider_reference": self.reference,
            "receipt": self.receipt,
            "external_id": self.external_id,
            "msisdn": self.msisdn,
            "amount": self.amount,
            "currency": self.currency,
            "at": self.settled_at or self.accepted_at,
            "status": {"": "open", "paid": done}.get(self.code, self.code),
            "faults": self.faults,
            **out,
        }


class Journal:
    """An append-only file of JSON lines, flushed to the system line by line: it survives a killed process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab+")
        self._cut_torn_line()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what was written, oldest first."""
        with self._path.open("rb") as file:
            for line in file:
                yield json.loads(line)

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """Append one line."""
        self._file.write(json.dumps({"kind": kind, **values}, separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _cut_torn_line(self) -> None:
        # A process killed inside a write leaves half a line; what was not whole was never told to anybody.
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        if whole != self._file.seek(0, os.SEEK_END):
            self._file.truncate(whole)


class Book:
    """All pushes of all providers, in memory and, with a journal, on disk."""

    def __init__(self, first_serial: int, journal: Journal | None = None) -> None:
        self._pushes: dict[tuple[str, str], Push] = {}
        self._facts: dict[str, str] = {}
        self._refused: deque[dict[str, Any]] = deque(maxlen=_MOST_REFUSALS)
        self._serial = first_serial
        self._journal = journal
        for line in journal.lines() if journal else ():
            self._replay(line)

    def next_serial(self) -> int:
        """Return a number no receipt or id was made from before, also after a restart."""
        self._serial += 1
        return self._serial

    def find(self, provider: str, reference: str) -> Push | None:
        """Return the push with this reference."""
        return self._pushes.get((provider, reference))

    def accept(self, push: Push) -> None:
        """Take in a new push."""
        self._pushes[(push.provider, push.reference)] = push
        self._note("accepted", asdict(push))

    def settle(self, push: Push, code: str, receipt: str | None, at: datetime) -> None:
        """Close a push for good: `code` is `paid` or the reason; only `paid` has a receipt."""
        push.code, push.receipt, push.settled_at = code, receipt, rfc3339(at)
        self._note(
            "settled",
            {
                "provider": push.provider,
                "reference": push.reference,
                "code": code,
                "receipt": receipt,
                "settled_at": push.settled_at,
            },
        )

    def refuse(self, provider: str, status: int, reply: str, asked: str, at: datetime) -> None:
        """Remember a push that was refused on the spot."""
        self._refused.append(
            {"provider": provider, "status": status, "reply": reply, "asked": asked, "at": rfc3339(at)}
        )

    def remember(self, name: str, value: str) -> None:
        """Keep what somebody registered, over a restart too."""
        self._facts[name] = value
        self._note("fact", {"name": name, "value": value})

    def recall(self, name: str) -> str | None:
        """Return what was registered under a name."""
        return self._facts.get(name)

    def open_pushes(self) -> list[Push]:
        """Return the pushes whose payer has not decided."""
        return [push for push in self._pushes.values() if push.open]

    def debited(self, provider: str | None = None) -> list[Push]:
        """Return the pushes whose payer paid."""
        return [push for push in self._mine(provider) if push.paid and not push.outgoing]

    def paid_out(self, provider: str | None = None) -> list[Push]:
        """Return the money that went out."""
        return [push for push in self._mine(provider) if push.paid and push.outgoing]

    def report(self, provider: str | None = None) -> dict[str, Any]:
        """Return the book for others.

        Lists of rows: `debited`, `paid_out`, `refused` (on the spot, by the payer, or no money went out),
        `open`; and `totals` of each provider and currency, `in` and `out`, as decimal text.
        """
        mine = self._mine(provider)
        declined = [push.row() for push in mine if push.code not in ("", "paid")]
        return {
            "debited": [push.row() for push in self.debited(provider)],
            "paid_out": [push.row() for push in self.paid_out(provider)],
            "refused": declined + [row for row in self._refused if provider in (None, row["provider"])],
            "open": [push.row() for push in mine if push.open],
            "totals": _totals(mine),
        }

    def close(self) -> None:
        """Close the journal."""
        if self._journal:
            self._journal.close()

    def _mine(self, provider: str | None) -> list[Push]:
        return [push for push in self._pushes.values() if provider in (None, push.provider)]

    def _note(self, kind: str, values: dict[str, Any]) -> None:
        if self._journal:
            self._journal.write(kind, {**values, "serial": self._serial})

    def _replay(self, line: dict[str, Any]) -> None:
        kind = line.pop("kind")
        self._serial = max(self._serial, line.pop("serial"))
        match kind:
            case "accepted":
                push = Push(**line)
                self._pushes[(push.provider, push.reference)] = push
            case "settled":
                push = self._pushes[(line["provider"], line["reference"])]
                push.code, push.receipt, push.settled_at = line["code"], line["receipt"], line["settled_at"]
            case "fact":
                self._facts[line["name"]] = line["value"]


def _totals(pushes: list[Push]) -> dict[str, dict[str, dict[str, str]]]:
    """Return what came in and went out, by provider and currency, as decimal text."""
    sums: dict[tuple[str, str], dict[str, Decimal]] = {}
    for push in pushes:
        if push.paid:
            both = sums.setdefault((push.provider, push.currency), {"in": Decimal(0), "out": Decimal(0)})
            both["out" if push.outgoing else "in"] += Decimal(push.amount)
    totals: dict[str, dict[str, dict[str, str]]] = {}
    for (provider, currency), both in sums.items():
        totals.setdefault(provider, {})[currency] = {way: str(sum_) for way, sum_ in both.items()}
    return totals
