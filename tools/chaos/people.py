"""Who lives in the city: each has a number, a tap, and a way of paying."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from taps.tap_id import make
from tools.chaos.plan import WAYS, Plan

# By way: the letters of the settlement, and how the number begins that five digits follow.
_HOME = {
    "mtn": ("KNY", "+2609600"),
    "airtel": ("KNY", "+2609770"),
    "zamtel": ("KNY", "+2609550"),
    "garden": ("GDN", "+2609610"),
    "daraja": ("NRB", "+2547080"),
    "by_hand": ("NRB", "+2547081"),
    "kcb": ("NRB", "+2547082"),
    "kcb_multi": ("KLA", "+2567720"),
    "stripe": ("KNY", "+2609620"),
    "cash": ("KNY", "+2609630"),
}
DIALLED = frozenset({"mtn", "airtel", "zamtel", "garden", "daraja"})
ORDERED = frozenset({"kcb", "kcb_multi", "stripe"})  # through the platform, over REST
AGENTS = {f"Agent {name}": f"+26097800000{i}" for i, name in enumerate(("Mwila", "Bwalya", "Zulu"))}
ZONES = {
    "zones": "GDN,Garden,ZM,ZMW,,\nKLA,Kampala,UG,UGX,,\n",
    "tariffs": "GDN,water,GARDEN WATER TRUST,tap_month,40.00,ZMW,2026-01-01\n"
    "KLA,water,KAMPALA WATER TRUST,tap_month,9000,UGX,2026-01-01\n"
    "KLA,refuse,KAMPALA WASTE,tap_month,2500,UGX,2026-01-01\n",
}
OWED = {"KNY": "30.05", "GDN": "40", "NRB": "300", "KLA": "11500"}  # a month, as people write it


@dataclass(slots=True)
class Resident:
    """A person; `rng` is theirs alone, so that a day repeats whatever the order of things."""

    number: int
    way: str
    tap: str
    rng: random.Random

    @property
    def msisdn(self) -> str:
        """Return their number, E.164."""
        return f"{_HOME[self.way][1]}{self.number:05d}"

    @property
    def owes(self) -> str:
        """Return what a month costs at their tap."""
        return OWED[self.tap[:3]]


def residents(plan: Plan) -> list[Resident]:
    """Return everybody, in the order in which they come."""
    rng = random.Random(f"residents|{plan.seed}")
    people = [
        Resident(i + 1, way, make(_HOME[way][0], i + 1), random.Random(rng.random()))
        for i, way in enumerate(_ways(plan.people))
    ]
    rng.shuffle(people)
    return people


def _ways(count: int) -> Iterator[str]:
    """Yield a way for each person, by the shares; every way at least once."""
    owed = dict.fromkeys(WAYS, 0.0)
    for _ in range(count):
        owed = {way: owed[way] + share for way, share in WAYS.items()}
        most = max(owed, key=lambda way: owed[way])
        owed[most] -= 1
        yield most
