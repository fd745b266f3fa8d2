"""Made-up worlds for lint: phones, taps and debts with the longest data that a screen may meet."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from core.money import Money
from taps.flags_model import FlagKind
from taps.tenancies import results as r
from ussd_menus import facts as f
from ussd_menus import outcome as o
from ussd_menus.session import Session

NOW = datetime(2026, 11, 21, 6, 15, tzinfo=UTC)
CALLER = "+260977123456"
NEIGHBOUR = "+260966123456"
TAP, TAP_NUMBER = "KNY-0417-1", "241703"
SETTINGS = o.MenuSettings(service_code="*384*1234#")
_NEW = f.Phone()
_NO_WAY = f.Ways()
_REPORTED: tuple[o.Result, ...] = (
    o.Reported("F-123456"),
    o.Reported("F-123456", is_new=False),
    o.Refused(),
)


class World(Struct, frozen=True):
    """Everything that facts may be asked for, and what a payment would come to."""

    phone: f.Phone = _NEW
    tap: f.Tap | None = None
    neighbour: f.Owed | None = None
    ways: f.Ways = _NO_WAY
    balances: tuple[f.Balance, ...] = ()
    kept_money: tuple[Money, ...] = ()
    last: tuple[f.PaymentLine, ...] = ()
    results: tuple[o.Result, ...] = ()
    reported: tuple[o.Result, ...] = _REPORTED
    status: f.TapStatus | f.Barred | None = None
    behind: tuple[f.Behind, ...] = ()
    kept: tuple[f.Kept, ...] = ()
    kept_tap: f.TapKept | None = None
    changed: tuple[r.Result, ...] = ()
    recorded: tuple[o.Result, ...] = ()
    inputs: tuple[str, ...] = ("7391", TAP, TAP_NUMBER, "123456", "5", "1,250", "9999999999", "0966123456")

    def come_to(self, act: o.Act) -> tuple[o.Result, ...]:
        """Return every result that an act may have."""
        match act:
            case o.Confirmed():
                return self.results
            case o.Report():
                return self.reported
            case o.Change():
                return (*(o.Changed(one) for one in self.changed), o.Refused())
            case o.RecordCash():
                return (*self.recorded, o.Refused())

    def answer(self, request: f.Request[Any]) -> Any:  # noqa: C901, PLR0911 - one line a request
        """Return what the shell would load for a request."""
        match request:
            case f.PhoneFacts():
                return self.phone
            case f.TapFacts(typed, _):
                return self.tap if self.tap and typed in (self.tap.tap_id, self.tap.tap_number) else None
            case f.TenantFacts(_, msisdn):
                return self.neighbour if msisdn == NEIGHBOUR else None
            case f.WaysToPay():
                return self.ways
            case f.Balances():
                return self.balances
            case f.MoneyKept():
                return self.kept_money
            case f.TapStatusFacts(typed, _):
                shown = self.status
                is_number = isinstance(shown, f.TapStatus) and typed == shown.tap_number
                return shown if shown and (is_number or typed == shown.tap_id) else None
            case f.TapsBehind():
                return self.behind
            case f.KeptTaps():
                return self.kept
            case f.KeptTap(tap_id, _):
                return self.kept_tap if self.kept_tap and tap_id == self.kept_tap.tap_id else None
        return self.last


def _owed(*parts: f.Part, **more: Any) -> f.Owed:
    return f.Owed(parts=parts, **more)


def _under_way(amount_minor: int, name: str, currency: str = "ZMW", *, by_me: bool = True) -> f.UnderWay:
    ends = NOW + timedelta(hours=1)
    return f.UnderWay("p1", TAP, amount_minor, currency, name, NOW, ends, by_me)


def _line(status: str, amount_minor: int, name: str, receipt: str | None) -> f.PaymentLine:
    again = NOW + timedelta(hours=1) if status == "pending" else None
    return f.PaymentLine("p1", TAP, amount_minor, "ZMW", name, status, NOW, receipt, again)


_STATUSES = ("pending", "success", "failed", "expired", "refunded", "reversed")
_LONG, _SHORT = "Zamtel Kwacha", "MTN MoMo"
_MOST = 499_999  # a part of K4999.99; two make K9999.98, the longest bill foreseen
_LONG_PARTS = (
    f.Part("2026-09", "water", _MOST),
    f.Part("2026-11", "refuse", _MOST),
)
_WAYS = f.Ways((f.Way("zamtel", _LONG), f.Way("mtn", _SHORT), f.Way("airtel", "Airtel Money")), "zamtel")
_DOWN = f.Ways((f.Way("zamtel", _LONG, is_up=False), f.Way("mtn", _SHORT)), "zamtel")
_SHILLINGS = f.Ways((f.Way("daraja", "M-PESA", 100, 25_000_000),), "daraja")
_LEAST = f.Ways((f.Way("daraja", "M-PESA", 100, 25_000_000, 100_000),), "daraja")
_PAYEE = "CHAZANGA WATER TRUST"


def _results(wallet: str, amount_minor: int, currency: str = "ZMW") -> tuple[o.Result, ...]:
    again = NOW + timedelta(hours=1)
    return (
        o.Accepted(_PAYEE, wallet, amount_minor, currency, again),
        o.Accepted(_PAYEE, wallet, amount_minor, currency, again, is_behind_another=True),
        o.Accepted(_PAYEE, wallet, amount_minor, currency, again, waits_until=again),
        o.PaidFromKept(amount_minor, currency),
        o.PaymentUnderWay(_under_way(amount_minor, wallet, currency)),
        o.PaymentUnderWay(_under_way(amount_minor, wallet, currency, by_me=False)),
        o.OverLimit(wallet, amount_minor - 1, currency),
        o.NothingOwed(),
        o.NotExpressible(wallet, 100, currency),
        o.ProviderDown(wallet),
        o.Refused(),
        o.Busy(),
    )


def _tap(whole: f.Owed, mine: f.Owed | None = None, currency: str = "ZMW", *, split: bool = False) -> f.Tap:
    return f.Tap(TAP, TAP_NUMBER, currency, whole, individualized=split, mine=mine)


_MINE = _owed(*_LONG_PARTS, tenant_id="t1")
_SHARED = _tap(_owed(*_LONG_PARTS))
_OTHERS = tuple(f"KNY-{number:04d}-{digit}" for number, digit in ((417, 1), (533, 5), (610, 0), (611, 8)))
_KNOWN = f.Phone(language="en", taps=(TAP,))
_PAID = f.LastPaid(2 * _MOST, NOW)


def _dropped(state: str, **fields: Any) -> f.Phone:
    session = Session(msisdn=CALLER, state=state, language="en", **fields)
    return f.Phone(language="en", dropped=f.Dropped(session, NOW - timedelta(minutes=9)))


_AGENT = f.Phone("en", roles=("agent",))
_KEEPER = f.Phone("en", roles=("caretaker",))
_BOTH = f.Phone("en", roles=("agent", "caretaker"))
_LONG_NAME = "Mutinta Hamoonga-Lungu Chilufya"


def _of_tenants(settling: f.Settling, count: int) -> tuple[f.Line, ...]:
    owed_minor = 0 if settling is f.Settling.PAID else 2 * _MOST
    return tuple(
        f.Line(
            settling,
            f"{n:04d}",
            2 * _MOST,
            NOW,
            _LONG_NAME,
            NEIGHBOUR,
            f"{settling}{n}",
            owed_minor=owed_minor,
        )
        for n in range(count)
    )


def _status(*lines: f.Line, paid_minor: int = _MOST, **more: Any) -> f.TapStatus:
    given = {"open_minor": 4 * _MOST, "may_record": True, **more}
    return f.TapStatus(TAP, TAP_NUMBER, "ZMW", "2026-11", 2 * _MOST, paid_minor, lines=lines, **given)


_SPLIT = _status(*(line for one in f.Settling for line in _of_tenants(one, 11)), is_split=True)
_RECORDED: tuple[o.Result, ...] = (
    o.CashRecorded(2 * _MOST, "ZMW", 0, "C-123456"),
    o.CashRecorded(2 * _MOST, "ZMW", 2 * _MOST, "C-123456"),
    o.PaymentUnderWay(_under_way(2 * _MOST, _LONG, by_me=False)),
    o.NothingOwed(),
    o.MoreThanOwed(_MOST, "ZMW"),
    o.SeveralOwe(),
    o.NotAllowed(),
)
_PERSON = r.Person(NEIGHBOUR, _LONG_NAME, 999)
_UNTIL = NOW + timedelta(days=1)
_DONE: tuple[r.Done, ...] = (
    r.Registered(TAP, _PERSON, 200, _UNTIL),
    r.Updated(TAP, _PERSON, _PERSON, 200, _UNTIL),
    r.Moved("KNY-0533-5", TAP, _PERSON, 200, _UNTIL),
    r.Removed(TAP, _PERSON, 199, _UNTIL),
    r.Counted(TAP, 9999, None, 9999, _UNTIL),
)
_CHANGED: tuple[r.Result, ...] = (
    *_DONE,
    *(r.Undone(done, 200, NOW, NOW) for done in _DONE),
    r.NotYours(TAP),
    r.NoSuchTenant(NEIGHBOUR, TAP),
    r.AlreadyThere(TAP, _PERSON),
    r.TooManyTenants(TAP, 200),
    r.NothingToUndo(),
    r.UndoUnsafe(TAP, r.UndoFault.CHANGED_SINCE),
)
_FLAGS = tuple(f.Open("F-123456", kind.value, NOW) for kind in FlagKind)
_KEPT = (f.Kept(TAP, 200), *(f.Kept(tap_id, 20) for tap_id in _OTHERS[1:]))


def _in_the_field() -> dict[str, World]:
    """Return the worlds of agents and caretakers."""
    one = f.Lodger(NEIGHBOUR, _LONG_NAME, 999)
    typed = ("7391", TAP, "KNY-0533-5", "5", "12.50", "9999999999", "0966123456", "Mary", "+254712345678")
    keeper = World(
        _KEEPER,
        _SHARED,
        status=_status(*_of_tenants(f.Settling.OPEN, 2), is_split=True, may_record=False),
        kept=_KEPT,
        kept_tap=f.TapKept(TAP, "ZM", (one,) * 8, _FLAGS),
        changed=_CHANGED,
        inputs=typed,
    )
    agent = World(
        _AGENT,
        _SHARED,
        status=_SPLIT,
        behind=tuple(f.Behind(tap_id, 2 * _MOST, "ZMW") for tap_id in (TAP, *_OTHERS)),
        recorded=_RECORDED,
        inputs=typed,
    )
    waiting = f.Line(f.Settling.WAITING, "3456", 2 * _MOST, NOW)
    return {
        "caretaker": keeper,
        "caretaker of one empty tap": replace(
            keeper, kept=_KEPT[:1], kept_tap=f.TapKept(TAP, "ZM"), changed=()
        ),
        "caretaker of one tap": replace(keeper, kept=_KEPT[:1], changed=()),
        "caretaker of no tap": World(_KEEPER, status=f.Barred(TAP, is_agent=False), inputs=typed),
        "agent": agent,
        "agent at a shared tap": replace(
            agent, status=_status(waiting, replace(waiting, settling=f.Settling.PAID))
        ),
        "agent at a paid tap": replace(
            agent,
            status=_status(replace(waiting, settling=f.Settling.PAID), paid_minor=2 * _MOST, open_minor=0),
        ),
        "agent at an open tap": replace(agent, status=_status(), recorded=()),
        "agent at a tap without a bill": replace(
            agent, status=f.TapStatus(TAP, TAP_NUMBER, "ZMW"), behind=()
        ),
        "agent elsewhere": World(_AGENT, status=f.Barred(TAP, is_agent=True), inputs=typed),
        "agent and caretaker": replace(keeper, phone=_BOTH, behind=agent.behind, changed=_CHANGED[:1]),
    }


def worlds() -> dict[str, World]:
    """Return every world by a name that says what is special about it."""
    results = _results(_LONG, 2 * _MOST)
    return {
        "new phone": World(tap=_SHARED, ways=_WAYS, results=results),
        "known tap": World(
            _KNOWN, _SHARED, ways=_WAYS, results=results, balances=(f.Balance(TAP, 2 * _MOST, "ZMW"),)
        ),
        "many taps": World(
            f.Phone(language="en", taps=_OTHERS * 3),
            _SHARED,
            balances=tuple(f.Balance(tap_id, 2 * _MOST, "ZMW") for tap_id in _OTHERS * 3),
            last=tuple(_line("success", 2 * _MOST, _LONG, "MP261121.0815.D08222") for _ in range(5)),
        ),
        "tenant": World(_KNOWN, _tap(_SHARED.whole, _MINE, split=True), _MINE, ways=_WAYS, results=results),
        "stranger": World(f.Phone("en"), _tap(_SHARED.whole, split=True), _MINE, ways=_WAYS, results=results),
        "money kept": World(
            _KNOWN,
            _SHARED,
            ways=replace(_WAYS, kept_minor=_MOST),
            results=results,
            balances=(f.Balance(TAP, 2 * _MOST, "ZMW"),) * 5,
            kept_money=(Money(_MOST, "ZMW"),),
        ),
        "enough kept": World(_KNOWN, _SHARED, ways=replace(_WAYS, kept_minor=2 * _MOST), results=results),
        "nothing owed": World(_KNOWN, _tap(_owed())),
        "paid": World(_KNOWN, _tap(_owed(last_paid=_PAID), _owed(last_paid=_PAID), split=True)),
        "someone pays": World(
            _KNOWN, _tap(_owed(*_LONG_PARTS, under_way=_under_way(2 * _MOST, _LONG, by_me=False)))
        ),
        "I pay": World(
            f.Phone("en", taps=(TAP,), under_way=_under_way(2 * _MOST, _LONG)),
            _tap(_owed(*_LONG_PARTS, under_way=_under_way(2 * _MOST, _LONG))),
        ),
        "new phone, I pay": World(f.Phone(under_way=_under_way(3000, _SHORT))),
        "outage, no other way": World(
            _KNOWN,
            _SHARED,
            ways=f.Ways((f.Way("zamtel", _LONG, is_up=False),), "zamtel"),
            results=_results(_LONG, 2 * _MOST),
        ),
        "outage": World(_KNOWN, _SHARED, ways=_DOWN, results=_results(_SHORT, 2 * _MOST)),
        "no way": World(_KNOWN, _SHARED),
        "shillings": World(
            f.Phone("en"),
            _tap(_owed(f.Part("2026-11", "water", 25_000_050)), currency="KES"),
            ways=_SHILLINGS,
            results=_results("M-PESA", 25_000_000, "KES"),
        ),
        "broken shillings": World(
            f.Phone("en"),
            _tap(
                _owed(f.Part("2026-11", "water", 266_667), f.Part("2026-11", "refuse", 133_333)),
                currency="KES",
            ),
            ways=_SHILLINGS,
        ),
        "below the least": World(
            f.Phone("en"), _tap(_owed(f.Part("2026-11", "water", 50_000)), currency="KES"), ways=_LEAST
        ),
        "dropped": World(_dropped("tap_ask"), _SHARED),
        **{f"dropped at {state}": _stopped_at(state) for state in ("taps", "debt", "neighbour", "confirm")},
        **{f"dropped at {state}": _stopped_at(state) for state in ("part_ask", "number", "ways")},
        **{
            f"last {status}": World(_KNOWN, last=(_line(status, 2 * _MOST, _LONG, None),))
            for status in _STATUSES
        },
        "receipt": World(_KNOWN, last=(_line("success", 2 * _MOST, _LONG, "MP261121.0815.D08222"),)),
        "receipt unknown": World(_KNOWN, last=(_line("success", 3000, _SHORT, None),)),
        **_in_the_field(),
    }


def _stopped_at(state: str) -> World:
    phone = _dropped(state, tap_id=TAP, due_minor=2 * _MOST, provider="zamtel")
    return World(phone, _SHARED, _MINE, _WAYS)
