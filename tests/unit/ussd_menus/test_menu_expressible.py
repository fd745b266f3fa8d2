"""What the confirm screen offers is what payments accept: nothing is refused after the Yes for its amount."""

from hypothesis import given, settings
from hypothesis import strategies as st

from payments.decide.wallet import divide
from payments.providers.base import Traits
from taps.debts import Part as DebtPart
from taps.debts import allocate
from ussd_menus import facts as f
from ussd_menus.outcome import MenuSettings
from ussd_menus.samples import CALLER, NOW, TAP, TAP_NUMBER, World
from ussd_menus.step import begin, step
from ussd_menus.walk import answered

SETTINGS = MenuSettings()
AMOUNTS = st.lists(st.integers(1, 9_999), min_size=1, max_size=4)


def _asked(world, typed):
    """Return the name and the text of the screen after these keys."""
    outcome = answered(world, lambda facts: begin(CALLER, "", facts, NOW, SETTINGS, call="c"))
    for one in typed:
        session = outcome.session
        outcome = answered(
            world,
            lambda facts, session=session, one=one: step(session, one, facts, NOW, SETTINGS),
        )
    return outcome.screen


def _debt(amounts):
    return [
        DebtPart(f"p{n}", "d", f"2026-{9 + n % 2:02}", "water", f"S{n}", minor, 0, TAP, None, "KNY", "KES")
        for n, minor in enumerate(amounts)
    ]


@settings(max_examples=150, deadline=None)
@given(
    amounts=AMOUNTS,
    kept_minor=st.integers(0, 12_000),
    unit=st.sampled_from([1, 100]),
    least=st.sampled_from([1, 100, 1_000]),
    part=st.none() | st.integers(1, 400),
)
def test_what_is_offered_for_a_yes_can_be_carried(amounts, kept_minor, unit, least, part):
    debt = _debt(amounts)
    owed = f.Owed(tuple(f.Part(p.period, p.component, p.amount_minor) for p in debt))
    way = f.Way("daraja", "M-PESA", unit, 10**9, max(unit, least))
    world = World(
        f.Phone("en", taps=(TAP,)),
        f.Tap(TAP, TAP_NUMBER, "KES", owed),
        ways=f.Ways((way,), "daraja", kept_minor=kept_minor),
    )
    keys = ("1", "1") if part is None else ("1", "2", str(part))
    amount_minor = owed.due_minor if part is None else part * 100
    screen = _asked(world, keys)
    if not screen.name.startswith("confirm"):
        return
    if screen.name == "confirm.kept":
        assert amount_minor <= kept_minor
        assert sum(n for _, n in allocate(debt, amount_minor)) == amount_minor
        return
    traits = Traits(
        has_query=True,
        push_is_repeatable=False,
        unit_minor=unit,
        currencies=frozenset({"KES"}),
        min_minor=way.min_minor,
        max_minor=way.limit_minor,
    )
    divided = divide(debt, amount_minor, kept_minor, traits)
    assert divided is not None
    rest_minor = sum(n for _, n in divided.rest)
    assert f"KES {rest_minor // 100}.{rest_minor % 100:02} with M-PESA" in screen.text or not divided.kept
