"""Who may give money back, and who is the same person as another (four eyes)."""

import unicodedata
from collections.abc import Iterable

from core.errors import Refused
from payments.payouts.commands import By
from taps.model import Role, User

_MAY = frozenset({Role.FINANCE, Role.ADMIN})
_WHO = "roles finance and admin give money back: madzi users add NAME --role finance, then --by NAME"


def folded(name: str) -> str:
    """Return a name so that its spellings are one: case, accents, dots, spaces and the order of its words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() else " " for c in plain.casefold()).split()
    return "".join(sorted(words))


def find(people: Iterable[User], name: str) -> User | None:
    """Return the user of a name: spelt so, else by any spelling of it."""
    same = [user for user in people if folded(user.name) == folded(name)]
    exact = [user for user in same if user.name == name]
    return next(iter(exact or same), None)


def asker(people: Iterable[User], by: By) -> str:
    """Return who asks; raises Refused where they may not.

    Whoever sits at the machine may ask, as they may run every other command there; named, or known as a user
    here, they need the role.
    """
    user = find(people, by.name)
    if user is None and not by.is_named:
        return by.name
    return _with_role(user, by)


def approver(people: Iterable[User], by: By, first: str) -> str:
    """Return who approves or resolves; raises Refused without the role, or where it is the first again."""
    known = list(people)
    user = find(known, by.name)
    name = _with_role(user, by)
    if is_same(known, name, first):
        raise Refused(f"{first} asked for it: a second person must decide", code="same_person")
    return name


def rejecter(people: Iterable[User], by: By, first: str) -> str:
    """Return who says no: whoever asked, or anybody with the role."""
    known = list(people)
    return first if is_same(known, by.name, first) else asker(known, by)


def is_same(people: Iterable[User], one: str, other: str) -> bool:
    """Say whether two names are one person: the same name in any spelling, or users with one phone."""
    if folded(one) == folded(other):
        return True
    known = list(people)
    phones = [user.msisdn for user in (find(known, one), find(known, other)) if user and user.msisdn]
    return len(phones) == 2 and phones[0] == phones[1]  # noqa: PLR2004 - both have one


def _with_role(user: User | None, by: By) -> str:
    if user is None:
        raise Refused(f"there is no user {by.name[:60]!r}; {_WHO}", code="not_allowed")
    if user.role not in _MAY:
        raise Refused(f"{user.name} has the role {user.role.value}; {_WHO}", code="not_allowed")
    return user.name
