"""Who asks: bearer tokens, remembered for a few seconds, and what their owners may see."""

from collections import OrderedDict
from datetime import datetime, timedelta

from core.clock import Clock
from core.db import Database
from core.errors import Refused
from taps.model import Role, User
from taps.users import hash_token, user_by_token

REMEMBER = timedelta(seconds=3)
_MOST_REMEMBERED = 1000
_LONGEST_TOKEN = 200
_PAYERS = frozenset({Role.OPERATOR, Role.ADMIN})


class Tokens:
    """Finds the user of a token; an answer holds for three seconds, so a revoked token ends soon."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._known: OrderedDict[str, tuple[User | None, datetime]] = OrderedDict()

    async def user(self, token: str) -> User | None:
        """Return whose token this is; None where it is nobody's."""
        if not token or not token.isascii() or len(token) > _LONGEST_TOKEN:
            return None
        key = hash_token(token)
        known = self._known.get(key)
        if known and self._clock.now() < known[1]:
            return known[0]
        async with self._db.read() as connection:
            user = await user_by_token(connection, token)
        self._remember(key, user)
        return user

    def _remember(self, key: str, user: User | None) -> None:
        self._known[key] = (user, self._clock.now() + REMEMBER)
        self._known.move_to_end(key)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)


def bearer(header: str) -> str:
    """Return the token of an `Authorization` header (RFC 6750 §2.1); empty where it holds none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_may_pay(user: User) -> None:
    """Raise Refused (not_allowed) for anybody but operators and admins: the others read only."""
    if user.role not in _PAYERS:
        raise Refused("this token may read only; a payment needs an operator's", code="not_allowed")
