"""Writes the demo city, `fixtures/*.csv`: invented people and taps in real settlements, from one seed.

Settlements, their coordinates and the price rules are those of Lusaka's bundling of water and refuse as
press and authority pages describe them (2016 to 2019 level); see `fixtures/README.md`. The files are in the
order in which Madzi exports them, so that an import and an export give back the same bytes.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from taps.tap_id import make, tap_number_for

FOLDER = Path(__file__).parent.parent / "fixtures"
SEED: Final = 417
PERIODS: Final = ("2026-10", "2026-11")
VALID_FROM: Final = "2019-07-01"
TAPS_A_ZONE: Final = 19
# Documented examples stand in the city too; the first has the plate that texts and contract show.
FIXED_TAPS: Final = {"KNY": (417, 533), "NRB": (1,)}
FIXED_NUMBERS: Final = {"KNY-0417-1": "241703"}

# Code, name, latitude, longitude, how it is priced.
LUSAKA: Final = (
    ("BLN", "Bauleni", -15.437, 28.370, "tap"),
    ("CPT", "Chipata Compound", -15.350, 28.285, "tap"),
    ("CSA", "Chaisa", -15.375, 28.285, "container"),
    ("CWM", "Chawama", -15.460, 28.280, "tap"),
    ("CZG", "Chazanga", -15.325, 28.285, "container"),
    ("GDN", "Garden", -15.3878, 28.2947, "tenant"),
    ("GEO", "George", -15.380, 28.240, "tap"),
    ("KLG", "Kalingalinga", -15.405, 28.335, "tenant"),
    ("KMG", "Kamanga", -15.365, 28.345, "occupant"),
    ("KNY", "Kanyama", -15.430, 28.250, "tap"),
    ("LND", "Linda", -15.500, 28.270, "container"),
    ("MDV", "Mandevu", -15.360, 28.290, "occupant"),
    ("MSS", "Misisi", -15.445, 28.280, "tap"),
    ("MTD", "Mtendere", -15.400, 28.355, "tenant"),
    ("MTR", "Matero", -15.3758, 28.2631, "tap"),
    ("NGB", "Ng'ombe", -15.365, 28.325, "container"),
)
NAIROBI: Final = ("NRB", "Nairobi Mathare", -1.262, 36.857, "nairobi")
# (water basis, water amount, refuse basis, refuse amount)
PRICES: Final = {
    "tap": ("tap_month", "20.00", "tap_month", "10.00"),
    "container": ("container_20l", "0.40", "container_20l", "0.10"),
    "tenant": ("tenant_month", "15.00", "sack", "10.00"),
    "occupant": ("occupant_month", "3.50", "tenant_month", "10.00"),
    "nairobi": ("tap_month", "200.00", "tap_month", "100.00"),
}
COLLECTORS: Final = ("CLEAN CBE", "WASTE FRANCHISE", "GREEN CBE", "REFUSE COLLECTORS")
FIRST_NAMES: Final = (
    "Mary Grace Ruth Esther Joyce Agness Charity Mercy Memory Bwalya Mutinta Thandiwe Chanda "
    "Natasha John Peter Joseph Moses Isaac Kelvin Brian Emmanuel Patrick Mulenga Chola Lubasi Gift Evans"
)
LAST_NAMES: Final = (
    "Banda Phiri Mwale Zulu Tembo Sakala Lungu Daka Ngoma Mumba Chanda Mulenga Bwalya Kunda Musonda Mwansa "
    "Hamoonga Mweemba Moonga Siame Simukonda Mubita Lubinda Sitali Kapambwe Chileshe Nyirenda Soko Njovu Jere"
)
NAIROBI_NAMES: Final = "Achieng Wanjiru Otieno Kamau Mwangi Njeri Omondi Wambui Kiprop Atieno"


@dataclass(frozen=True, slots=True)
class Place:
    """A zone to be made."""

    code: str
    name: str
    latitude: float
    longitude: float
    pricing: str

    @property
    def is_nairobi(self) -> bool:
        """Whether it lies in Kenya and is billed in shillings."""
        return self.pricing == "nairobi"


@dataclass(slots=True)
class City:
    """The rows of every file, and the one source of chance."""

    chance: Random = field(default_factory=lambda: Random(SEED))
    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=lambda: set(FIXED_NUMBERS.values()))
    zambian: Iterator[int] = field(default_factory=lambda: count(1))
    kenyan: Iterator[int] = field(default_factory=lambda: count(1))
    keepers: Iterator[int] = field(default_factory=lambda: count(9001))
    called: set[str] = field(default_factory=set)

    def add(self, file: str, *values: object) -> None:
        """Add a row to a file."""
        self.rows.setdefault(file, []).append([str(value) for value in values])

    def phone(self, place: Place) -> str:
        """Return a new tenant's number, in blocks that look reserved (reference zambia §1)."""
        if place.is_nairobi:
            return f"+254700000{next(self.kenyan):03d}"
        n = next(self.zambian)
        rare = ("76", "77", "75", "56", "57")
        prefix = (
            rare[n // 20 % len(rare)] if n % 20 == 0 else self.chance.choice(("96", "97", "97", "96", "95"))
        )
        return f"+260{prefix}000{n:04d}"

    def keeper_phone(self, place: Place) -> str:
        """Return a new caretaker's or agent's number."""
        n = next(self.keepers)
        return f"+25470000{n}" if place.is_nairobi else f"+260{self.chance.choice(('96', '97'))}000{n}"

    def person(self, place: Place) -> str:
        """Return an invented name; several people may share one, as in life."""
        last = NAIROBI_NAMES if place.is_nairobi else LAST_NAMES
        return f"{self.chance.choice(FIRST_NAMES.split())} {self.chance.choice(last.split())}"

    def user(self, place: Place) -> str:
        """Return a name that no other user has."""
        name = self.person(place)
        while name in self.called:
            name = f"{self.person(place)} {self.chance.choice(LAST_NAMES.split())}"
        self.called.add(name)
        return name


def make_city() -> dict[str, list[list[str]]]:
    """Return every file's rows, in the order in which they are exported."""
    city = City()
    city.add("users", "Madzi Office", "admin", "", "")
    for values in (*LUSAKA, NAIROBI):
        place = Place(*values)
        add_zone(city, place)
        add_taps(city, place)
    for file, key in ORDER.items():
        city.rows[file].sort(key=lambda row: [row[at] for at in key])
    return city.rows


def add_zone(city: City, place: Place) -> None:
    """Add a zone, its two sellers' tariffs and its agents."""
    country, currency = ("KE", "KES") if place.is_nairobi else ("ZM", "ZMW")
    city.add(
        "zones", place.code, place.name, country, currency, f"{place.latitude:.5f}", f"{place.longitude:.5f}"
    )
    # Payers read the name in the prompt of their wallet: capitals, and no apostrophe (MTN refuses it).
    plain = place.name.upper().replace("'", "").removesuffix(" COMPOUND")
    sellers = (f"{plain} WATER TRUST", f"{plain} {city.chance.choice(COLLECTORS)}")
    prices = PRICES[place.pricing]
    for component, seller, at in (("water", sellers[0], 0), ("refuse", sellers[1], 2)):
        basis, amount = prices[at : at + 2]
        city.add("tariffs", place.code, component, seller, basis, amount, currency, VALID_FROM)
    for _ in range(1 if place.is_nairobi else 2):
        city.add("users", city.user(place), "agent", place.code, city.keeper_phone(place))


def add_taps(city: City, place: Place) -> None:
    """Add a zone's taps; a caretaker keeps up to three of them."""
    n_taps = 10 if place.is_nairobi else TAPS_A_ZONE
    numbers = set(FIXED_TAPS.get(place.code, ()))
    while len(numbers) < n_taps:
        numbers.add(city.chance.randrange(1, 900))
    left, keeper = 0, ""
    for at, number in enumerate(sorted(numbers)):
        if not left:
            left, keeper = city.chance.randrange(1, 4), city.keeper_phone(place)
            city.add("users", city.user(place), "caretaker", place.code, keeper)
        left -= 1
        # The city's first tap and the documented ones are shared; three in ten are not.
        is_shared = at == 0 or number in FIXED_TAPS.get(place.code, ()) or city.chance.randrange(10) < 7  # noqa: PLR2004
        add_tap(city, place, make(place.code, number), "shared" if is_shared else "individualized", keeper)


def add_tap(city: City, place: Place, tap_id: str, billing: str, keeper: str) -> None:
    """Add a tap with its tenants and what they used; one in ten has no position yet."""
    number = FIXED_NUMBERS.get(tap_id) or tap_number_for(tap_id, city.numbers)
    city.numbers.add(number)
    latitude, longitude = (
        f"{at + city.chance.randrange(-700, 701) / 1e5:.5f}" for at in (place.latitude, place.longitude)
    )
    if city.chance.randrange(10) == 0:
        latitude = longitude = ""
    if billing == "individualized":
        n_tenants = 4 if place.is_nairobi else city.chance.randrange(3, 8)
    else:
        n_tenants = city.chance.randrange(8) if tap_id not in FIXED_NUMBERS else 5
    households = n_tenants + city.chance.randrange(3)
    city.add("taps", tap_id, place.code, latitude, longitude, billing, keeper, households, number)
    phones = [city.phone(place) for _ in range(n_tenants)]
    for phone in phones:
        city.add(
            "tenants", tap_id, city.person(place), phone, city.chance.randrange(1, 9), language(city, place)
        )
    add_usage(city, place, tap_id, billing, phones)


def language(city: City, place: Place) -> str:
    """Return what a tenant speaks; most were never asked."""
    return "" if place.is_nairobi else city.chance.choice(("", "", "", "en", "ny", "ny", "bem"))


def add_usage(city: City, place: Place, tap_id: str, billing: str, phones: Sequence[str]) -> None:
    """Add containers sold at kiosks, or sacks bought by tenants."""
    for period in PERIODS:
        if place.pricing == "container":
            for phone in phones if billing == "individualized" else [""]:
                sold = city.chance.randrange(30, 150) * (1 if phone else 6)
                for component in ("refuse", "water"):
                    city.add("usage", tap_id, phone, component, sold, period)
        if place.pricing == "tenant":
            for phone in phones:
                city.add("usage", tap_id, phone, "refuse", city.chance.randrange(1, 5), period)


HEADERS: Final = {
    "zones": "zone,name,country,currency,latitude,longitude",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number",
    "tenants": "tap_id,name,msisdn,occupants,language",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from",
    "usage": "tap_id,tenant_msisdn,component,quantity,period",
    "users": "name,role,zone,msisdn",
}
# The columns by which each file is sorted.
ORDER: Final = {
    "zones": (0,),
    "taps": (0,),
    "tenants": (0, 2),
    "tariffs": (0, 1, 2, 6),
    "usage": (0, 4, 1, 2),
    "users": (0,),
}


def main() -> None:
    """Write the files."""
    for file, rows in make_city().items():
        with (FOLDER / f"{file}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(HEADERS[file].split(","))
            writer.writerows(rows)
        print(f"fixtures/{file}.csv: {len(rows)} rows")


if __name__ == "__main__":
    main()
