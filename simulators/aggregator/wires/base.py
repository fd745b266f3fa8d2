"""What every wire has: it turns what a person does into a post, and an answer into a screen."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

SUCCESS, INCOMPLETE, FAILED = "Success", "Incomplete", "Failed"
_OK = 200


@dataclass(frozen=True, slots=True)
class Line:
    """What stays the same during a call."""

    session_id: str
    msisdn: str  # E.164
    service: str  # the code that was dialled, without its deep part
    network: str  # Africa's Talking's code

    def dialled(self, history: str) -> str:
        """Return the code as it was dialled, with its deep part."""
        return f"{self.service.rstrip('#')}*{history}#" if history else self.service


@dataclass(frozen=True, slots=True)
class Post:
    """What is posted to `/ussd/{channel}/{token}{rest}`: a form, or else JSON."""

    channel: str
    rest: str = ""
    form: Mapping[str, str] | None = None
    value: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    text: str
    hop_metadata: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What comes up on the handset."""

    text: str
    is_end: bool


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended."""

    status: str  # in Africa's Talking's words
    error: str
    at: datetime
    duration_ms: int
    hops: int


class Unreadable(Exception):
    """The answer is none that this aggregator understands."""


class Wire(ABC):
    """One call on one aggregator. All hops go through it, one at a time."""

    channel: ClassVar[str]

    def __init__(self, line: Line) -> None:
        self.line = line

    @abstractmethod
    def first(self, history: str) -> Post:
        """Return the first hop; `history` is the deep part of what was dialled."""

    @abstractmethod
    def typed(self, text: str) -> Post:
        """Return the hop after this input."""

    @abstractmethod
    def read(self, answer: Answer) -> Shown:
        """Return the screen of an answer. Raises Unreadable."""

    def end(self, _end: End) -> Post | None:
        """Return what tells the gateway that the call is over; None where this aggregator tells nothing."""
        return None


class JsonWire(Wire):
    """A wire whose posts and answers are JSON objects."""

    def read(self, answer: Answer) -> Shown:
        """Return the screen of an answer. Raises Unreadable."""
        try:
            shown = self.screen(json.loads(answer.text))
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(type(error).__name__) from None
        if answer.status != _OK or not shown.text:
            raise Unreadable
        return shown

    @abstractmethod
    def screen(self, value: Any) -> Shown:
        """Return the screen of a reply; KeyError, TypeError or ValueError where it is none."""

    def post(self, value: Mapping[str, Any], rest: str = "") -> Post:
        """Return a post to this aggregator's channel."""
        return Post(self.channel, rest, value=value)


def words(value: Any) -> str:
    """Return a text of a reply; TypeError where it is none."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def truth(value: Any) -> bool:
    """Return a flag of a reply; TypeError where it is none."""
    if not isinstance(value, bool):
        raise TypeError(value)
    return value
