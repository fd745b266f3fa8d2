"""When a gateway account is left alone for a while: closed, open, half open. Pure.

closed ── enough failures in the window ──► open ── its wait is over, one probe ──► half open
   ▲                                          ▲                                        │
   └──────────────── the probe was good ──────│── the probe failed: a longer wait ◄────┘

Only failures of the provider count, never a payer's refusal (`payments.health` tells them apart). Half open
means that one caller has the probe's place; everybody else waits. A place whose holder died is free again
when its lease ends. Time and randomness come from outside.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class State(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Policy(Struct, frozen=True):
    """When a breaker opens and how long it waits; times in seconds."""

    failures: int = 5  # in the window, and at least half of the calls in it
    window_s: float = 60.0
    wait_s: float = 10.0  # before the first probe; doubles with each one that fails
    most_wait_s: float = 300.0
    lease_s: float = 60.0  # longer than a probe can take


class Breaker(Struct, frozen=True):
    """The state of one account. The window slides in two halves: the current one and the one before."""

    account_id: str
    state: str = State.CLOSED
    half_since: datetime | None = None
    good: int = 0
    bad: int = 0
    good_before: int = 0
    bad_before: int = 0
    opened: int = 0  # times in a row without a good call in between: what the wait grows by
    probe_at: datetime | None = None  # while open: when a probe may be made
    probe_id: str | None = None  # who has the probe's place
    probe_until: datetime | None = None  # the end of its lease
    changed_at: datetime | None = None  # of the state
    version: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether everybody may call."""
        return self.state == State.CLOSED


def heard(breaker: Breaker, policy: Policy, good: int, bad: int, now: datetime, jitter: float) -> Breaker:
    """Return the breaker after calls that went well and calls that the provider failed.

    While it is not closed they are of calls that began before, and change nothing: the probe decides.
    `jitter`, of 0 to 1, takes off up to half of a wait.
    """
    if not breaker.is_closed:
        return breaker
    counted = _count(_slide(breaker, policy, now), good, bad)
    failed = counted.bad + counted.bad_before
    if failed >= policy.failures and failed >= counted.good + counted.good_before:
        return _open(counted, policy, now, jitter)
    return counted


def _slide(breaker: Breaker, policy: Policy, now: datetime) -> Breaker:
    half = timedelta(seconds=policy.window_s / 2)
    since = breaker.half_since
    if since is not None and now < since + half:
        return breaker
    if since is None or now >= since + 2 * half:  # nothing of it is left in the window
        return replace(breaker, half_since=now, good=0, bad=0, good_before=0, bad_before=0)
    before = {"good_before": breaker.good, "bad_before": breaker.bad}
    return replace(breaker, half_since=since + half, good=0, bad=0, **before)


def _count(breaker: Breaker, good: int, bad: int) -> Breaker:
    opened = 0 if good else breaker.opened
    return replace(breaker, good=breaker.good + good, bad=breaker.bad + bad, opened=opened)


def _open(breaker: Breaker, policy: Policy, now: datetime, jitter: float) -> Breaker:
    longest_s = min(policy.most_wait_s, policy.wait_s * 2 ** min(breaker.opened, 16))
    return replace(
        breaker,
        state=State.OPEN,
        half_since=None,
        good=0,
        bad=0,
        good_before=0,
        bad_before=0,
        opened=breaker.opened + 1,
        probe_at=now + timedelta(seconds=longest_s * (1 - jitter / 2)),
        probe_id=None,
        probe_until=None,
        changed_at=now,
    )


def is_due(breaker: Breaker, now: datetime) -> bool:
    """Say whether the probe's place can be taken now."""
    if breaker.state == State.OPEN:
        return _is_over(breaker, breaker.probe_at, now)
    return breaker.state == State.HALF_OPEN and _is_over(breaker, breaker.probe_until, now)


def _is_over(breaker: Breaker, at: datetime | None, now: datetime) -> bool:
    """Say whether a wait is over; a clock that was set back by more than the wait has lost its end."""
    if at is None or now >= at:
        return True
    return breaker.changed_at is not None and breaker.changed_at - now > at - breaker.changed_at


def probing(breaker: Breaker, policy: Policy, probe_id: str, now: datetime) -> Breaker | None:
    """Return the breaker with the probe's place given to `probe_id`; None where it is not to be had."""
    if not is_due(breaker, now):
        return None
    return replace(
        breaker,
        state=State.HALF_OPEN,
        probe_id=probe_id,
        probe_until=now + timedelta(seconds=policy.lease_s),
        changed_at=now,
    )


def probed(
    breaker: Breaker, policy: Policy, probe_id: str, now: datetime, jitter: float, *, is_good: bool | None
) -> Breaker | None:
    """Return the breaker after a probe; None where its place was given to another meanwhile.

    `is_good` is None where the probe told nothing: its place is given back.
    A probe that went well does not forget how often the account was opened: only calls that follow do.
    """
    if breaker.state != State.HALF_OPEN or breaker.probe_id != probe_id:
        return None
    if is_good is None:
        return replace(
            breaker, state=State.OPEN, probe_at=now, probe_id=None, probe_until=None, changed_at=now
        )
    if not is_good:
        return _open(breaker, policy, now, jitter)
    return replace(
        breaker, state=State.CLOSED, probe_at=None, probe_id=None, probe_until=None, changed_at=now
    )
