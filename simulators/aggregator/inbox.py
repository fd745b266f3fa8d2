"""The SMS that were sent, and whether each reached its handset."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

RECEIVED = frozenset({"Success"})
_FINAL = frozenset({"Success", "Failed", "Rejected", "Expired"})


@dataclass(slots=True)
class Message:
    """One SMS to one number; `code` is the code on sending, `delivery` the last state reported."""

    id: str
    to: str
    sender: str
    text: str
    at: datetime
    code: int
    delivery: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def received(self) -> bool:
        """Whether the handset shows it: it was taken, and nothing says that it got lost."""
        return self.code < 200 and (self.delivery in RECEIVED or self.delivery not in _FINAL)  # noqa: PLR2004 - 1xx

    def row(self) -> dict[str, Any]:
        """Return the message for others."""
        values = asdict(self)
        values["from"] = values.pop("sender")
        return values | {"at": self.at.isoformat().replace("+00:00", "Z")}


class Inbox:
    """The latest messages of everybody, bounded."""

    def __init__(self, most: int, first_serial: int) -> None:
        self._messages: deque[Message] = deque(maxlen=most)
        self._serial = first_serial

    def put(self, to: str, sender: str, text: str, at: datetime, code: int) -> Message:
        """Keep a message under a new id."""
        self._serial += 1
        message = Message(f"ATXid_{self._serial}", to, sender, text, at, code)
        self._messages.append(message)
        return message

    def find(
        self, to: str | None = None, since: datetime | None = None, *, lost_too: bool = False
    ) -> Iterator[Message]:
        """Yield messages, oldest first, from the moment `since` on; `lost_too` adds what never arrived."""
        for message in self._messages:
            fits = to in (None, message.to) and (since is None or message.at >= since)
            if fits and (lost_too or message.received):
                yield message
