"""How often one token may ask: a token bucket for each, in memory."""

from collections import OrderedDict

from core.clock import Clock

_MOST_REMEMBERED = 10_000


class Rates:
    """Each name has `burst` requests at once and gets `per_s` more every second."""

    def __init__(self, clock: Clock, *, per_s: float, burst: int, most: int = _MOST_REMEMBERED) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, at which second

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._left)

    def take(self, name: str) -> float:
        """Count a request; return 0 where it may go on, else the seconds after which one may."""
        now_s = self._clock.now().timestamp()
        left, at_s = self._left.get(name, (float(self._burst), now_s))
        # A clock that was set back gives nothing, and takes nothing either.
        left = min(self._burst, left + max(0.0, now_s - at_s) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._left[name] = (left if wait_s else left - 1, now_s)
        self._left.move_to_end(name)
        while len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait_s
