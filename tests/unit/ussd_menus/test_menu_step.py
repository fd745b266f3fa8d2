from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.gsm import fits
from ussd_menus import facts as f
from ussd_menus import outcome as o
from ussd_menus.machine import TABLE
from ussd_menus.samples import CALLER, NOW, TAP, World, worlds
from ussd_menus.screens import SPECS
from ussd_menus.session import END, Session, loads
from ussd_menus.step import begin, busy, conclude, step
from ussd_menus.walk import answered

SETTINGS = o.MenuSettings()
WORLDS = worlds()
OWED = f.Owed((f.Part("2026-11", "water", 2000), f.Part("2026-11", "refuse", 1000)))
WAYS = f.Ways((f.Way("airtel", "Airtel Money"), f.Way("mtn", "MTN MoMo")), "airtel")
TAP_FACTS = f.Tap(TAP, "241703", "ZMW", OWED)
NEW = World(tap=TAP_FACTS, ways=WAYS)
KNOWN = replace(NEW, phone=f.Phone("en", taps=(TAP,)))
UNDER_WAY = f.UnderWay("p7", TAP, 3000, "ZMW", "Airtel Money", NOW, NOW + timedelta(hours=1))
ACCEPTED = o.Accepted("KANYAMA WATER TRUST", "Airtel Money", 3000, "ZMW", NOW)


def dial(world, history="", *, rebuild=False):
    return answered(world, lambda facts: begin(CALLER, history, facts, NOW, SETTINGS, rebuild=rebuild))


def press(world, outcome, *keys):
    for key in keys:
        outcome = answered(world, partial(_step, outcome.session, key))
    return outcome


def _step(session, key, facts):
    return step(session, key, facts, NOW, SETTINGS)


def test_a_yes_says_exactly_what_was_shown():
    intent = press(KNOWN, dial(KNOWN), "1", "2", "12.50", "2", "0966123456", "1")
    assert intent.act == o.Confirmed(
        number=1,
        msisdn=CALLER,
        payer_msisdn="+260966123456",
        tap_id=TAP,
        tenant_id=None,
        amount_minor=1250,
        currency="ZMW",
        is_all=False,
        provider="airtel",
    )


def test_a_repeated_yes_is_the_same_yes():
    shown = press(KNOWN, dial(KNOWN), "1", "1")
    assert press(KNOWN, shown, "1") == press(KNOWN, shown, "1")


def test_a_second_yes_in_the_same_call_is_another_confirmation():
    first = press(KNOWN, dial(KNOWN), "1", "1", "1")
    told = conclude(first, o.NothingOwed(), SETTINGS)
    second = press(KNOWN, told, "0", "1", "1", "1")
    assert (first.act.number, second.act.number) == (1, 2)


def test_numbers_go_on_where_a_call_was_refused_with_an_end():
    ended = conclude(press(KNOWN, dial(KNOWN), "1", "1", "1"), o.Refused(), SETTINGS)
    assert (ended.session.state, ended.session.confirmations) == (END, 1)


def test_the_usual_way_follows_the_number_and_is_forgotten_with_it():
    chosen = press(KNOWN, dial(KNOWN), "1", "1", "3", "1")
    assert chosen.session.provider == "mtn"
    assert press(KNOWN, chosen, "2", "0966123456").session.provider == "airtel"


def test_a_way_with_a_limit_asks_for_less():
    limited = replace(NEW, ways=f.Ways((f.Way("mtn", "MTN MoMo", limit_minor=2500),), "mtn"))
    outcome = dial(limited, "1*241703*1")
    assert outcome.screen.text.startswith("MTN MoMo takes up to K25.00")
    assert outcome.screen.name == "part_ask"


def test_a_chosen_language_is_an_effect_and_holds_from_the_next_screen_on():
    outcome = press(NEW, dial(NEW), "2")
    assert outcome.effects == (o.ChooseLanguage(CALLER, "ny"),)
    assert outcome.session.language == "ny"
    assert outcome.screen.name == "main"


def test_a_new_phone_with_money_under_way_sees_it_after_the_language():
    world = World(f.Phone(under_way=UNDER_WAY))
    assert press(world, dial(world), "1").screen.name == "waiting"


def test_check_it_again_is_an_effect():
    world = World(f.Phone("en", under_way=UNDER_WAY))
    assert press(world, dial(world), "1").effects == (o.CheckAgain("p7"),)


def test_the_last_payment_can_be_checked_until_it_is_settled():
    line = f.PaymentLine("p9", TAP, 3000, "ZMW", "Airtel Money", "expired", NOW)
    world = World(f.Phone("en"), last=(line,))
    assert press(world, dial(world), "3", "2").effects == (o.CheckAgain("p9"),)
    settled = replace(world, last=(replace(line, status="success"),))
    assert press(settled, dial(settled), "3", "2").effects == ()


def test_a_deep_dial_carries_its_effects_to_the_intent():
    assert dial(NEW, "1*1*KNY-0417-1*1*1").effects == (o.ChooseLanguage(CALLER, "en"),)
    assert dial(NEW, "1*KNY-0417-1*1*1").effects == ()


def test_a_conclusion_keeps_the_effects_of_its_intent():
    concluded = conclude(dial(NEW, "1*1*KNY-0417-1*1*1"), ACCEPTED, SETTINGS)
    assert concluded.effects == (o.ChooseLanguage(CALLER, "en"),)


def test_a_rebuilt_call_stands_before_its_yes_and_forgets_what_came_after():
    known = replace(NEW, phone=f.Phone("en"))
    outcome = dial(known, "1*KNY-0417-1*1*1*1", rebuild=True)
    assert outcome.screen.name == "confirm"
    assert outcome.session.confirmations == 0


def test_a_rebuilt_call_hears_errors_again_and_goes_on():
    known = replace(NEW, phone=f.Phone("en"))
    assert dial(known, "1*241730*KNY-0417-1*1", rebuild=True).screen.name == "confirm"


def test_a_rebuilt_call_ends_where_it_had_ended():
    assert dial(replace(NEW, phone=f.Phone("en")), "1*0*6*8*9*1", rebuild=True).screen.name == "help"


# Three wrong inputs end a call; that this one went on says that somebody typed a `*`.
@pytest.mark.parametrize("typed", ["KNY*0417*1", "0966*123*456*789", "***", "1*KNY*0417"])
def test_a_rebuilt_call_asks_again_for_an_input_that_held_a_star(typed):
    outcome = dial(replace(NEW, phone=f.Phone("en")), f"1*{typed}", rebuild=True)
    assert (outcome.screen.name, outcome.screen.is_end) == ("tap_ask", False)
    assert press(NEW, outcome, TAP).screen.name == "debt"


def test_a_rebuilt_call_that_was_given_up_asks_once_more():
    outcome = dial(replace(NEW, phone=f.Phone("en")), "7*7*7*1", rebuild=True)
    assert (outcome.screen.name, outcome.screen.is_end) == ("main", False)


@pytest.mark.parametrize("typed", ["1*1", "*1*1*1", "1*1*1*1*1*1", "2*10*1*1", "2*1*1*1*1"])
def test_a_star_among_the_inputs_never_says_yes(typed):
    outcome = dial(replace(NEW, phone=f.Phone("en")), f"1*{TAP}*{typed}", rebuild=True)
    assert isinstance(outcome, o.Outcome)
    assert outcome.session.confirmations == 0


def test_a_rebuilt_call_of_somebody_who_waits_starts_at_what_he_saw():
    world = replace(NEW, phone=f.Phone("en", under_way=UNDER_WAY))
    assert dial(world, "2*1", rebuild=True).screen.name == "tap_ask"


def test_99_leads_to_the_main_menu_from_everywhere_but_where_it_may_be_an_amount():
    assert press(KNOWN, dial(KNOWN), "1", "99").screen.name == "main"
    rich = replace(KNOWN, tap=replace(TAP_FACTS, whole=f.Owed((f.Part("2026-11", "water", 10_000),))))
    assert "K99.00" in press(rich, dial(rich), "1", "2", "99").screen.text


def test_a_tap_that_vanishes_is_asked_for_again():
    shown = press(KNOWN, dial(KNOWN), "1")
    assert press(replace(KNOWN, tap=None), shown, "7").screen.name == "tap_ask"


def test_a_session_kept_between_yes_and_result_shows_the_last_payment():
    deciding = Session(msisdn=CALLER, state="deciding", language="en")
    assert press(World(), o.Outcome(deciding, busy(SETTINGS)), "1").screen.name == "last"


def test_a_pin_is_neither_shown_nor_logged():
    outcome = press(NEW, dial(NEW), "1", "1", "7391")
    assert "7391" not in outcome.screen.text


@pytest.mark.parametrize("name", ["part_ask", "number", "neighbour", "tap_ask"])
@pytest.mark.parametrize(
    "typed", ["x" * 10_000, "\0", "\U0001f600", "", "  ", "-5", "0.00", "\u0662", "*", "{0}", "{typed}"]
)
def test_bad_input_gets_the_same_screen_with_a_sentence(name, typed):
    split = replace(KNOWN, tap=replace(TAP_FACTS, individualized=True))
    session = Session(msisdn=CALLER, state=name, language="en", taps=(TAP,), tap_id=TAP, due_minor=3000)
    outcome = press(split, o.Outcome(session, busy(SETTINGS)), typed)
    assert (outcome.session.state, outcome.session.errors) == (name, 1)
    assert fits(outcome.screen.text)


@pytest.mark.parametrize("months", ["2026-11", "2026-10"])
def test_parts_of_several_months_are_totalled(months):
    parts = (f.Part(months, "water", 500), f.Part("2026-11", "water", 250), f.Part("2026-11", "refuse", 1))
    world = replace(KNOWN, tap=replace(TAP_FACTS, whole=f.Owed(parts)))
    text = press(world, dial(world), "1").screen.text
    assert "Water K7.50\nRubbish K0.01\nTo pay: K7.51" in text


def test_a_tap_is_asked_for_once_in_a_hop():
    session = press(NEW, dial(NEW), "1", "1").session
    asked = []
    facts = {}
    while isinstance(result := step(session, "241703", facts, NOW, SETTINGS), o.Needs):
        asked += result.requests
        facts |= {request: NEW.answer(request) for request in result.requests}
    assert asked == [f.TapFacts("241703", CALLER)]
    assert result.screen.name == "debt"


def test_typical_hops_need_at_most_one_round():
    outcome = dial(NEW)
    for key in ("1", "1", "KNY-0417-1", "1"):
        facts = {}
        first = step(outcome.session, key, facts, NOW, SETTINGS)
        if isinstance(first, o.Needs):
            facts = {request: NEW.answer(request) for request in first.requests}
        outcome = step(outcome.session, key, facts, NOW, SETTINGS)
        assert isinstance(outcome, o.Outcome)
    assert isinstance(step(outcome.session, "1", {}, NOW, SETTINGS), o.Intent)


ACTING = {  # screens where something may be decided
    *("confirm", "problem_words", "cash_sure", "count", "undo_sure", "changed"),
    *("people", "move", "remove_sure", "add_sure"),
}
TYPED = st.one_of(
    st.sampled_from([*"01234569", "99", TAP, "241703", "0966123456", "12.50", "99999"]),
    st.text(max_size=20),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WORLDS)), st.lists(TYPED, max_size=25), st.data())
def test_no_sequence_of_inputs_raises_leaves_the_table_or_overflows(name, inputs, data):
    world = WORLDS[name]
    outcome = dial(world)
    for typed in inputs:
        before = outcome.session.state
        outcome = press(world, replace(outcome, session=loads(outcome.session.dumps())), typed)
        if isinstance(outcome, o.Intent):
            assert before in ACTING
            assert outcome.act.number == outcome.session.confirmations
            results = world.come_to(outcome.act) or (o.Refused(), o.Busy())
            outcome = conclude(outcome, data.draw(st.sampled_from(results)), SETTINGS)
        assert outcome.session.state in SPECS
        assert fits(outcome.screen.text)
        assert outcome.screen.is_end == (outcome.session.state == END)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WORLDS)), st.lists(TYPED, max_size=12), st.booleans())
def test_no_history_raises_and_a_rebuilt_call_never_says_yes(name, inputs, rebuild):
    result = dial(WORLDS[name], "*".join(inputs), rebuild=rebuild)
    assert not (rebuild and isinstance(result, o.Intent))


@given(st.sampled_from(sorted(WORLDS)), st.lists(TYPED, max_size=8))
def test_a_rebuilt_call_stands_where_the_call_stood(name, inputs):
    """Without a `*` inside an input and before any Yes, hearing the history again gives the same screen.

    Only a call that was given up after three wrong inputs asks once more: a `*` may have made two of one.
    """
    world = WORLDS[name]
    inputs = [typed.replace("*", "") for typed in inputs]
    outcome = dial(world)
    for typed in inputs:
        heard = press(world, outcome, typed)
        if isinstance(heard, o.Intent) or outcome.screen.is_end:
            return
        outcome = heard
    gave_up = outcome.screen.is_end and outcome.screen.name.endswith("wrong3")
    if world.phone.language and inputs and inputs != [""] and not gave_up:
        rebuilt = dial(world, "*".join(inputs), rebuild=True)
        assert (rebuilt.screen, rebuilt.session) == (outcome.screen, outcome.session)


def test_no_screen_sends_on_in_a_circle():
    senders = {"start", "waiting", "checked", "debt", "confirm", "deciding"}  # whose `show` may go on
    sent_by = {"closed", "gone", "choose", "unfit", "lost"}
    assert not {target for event, source, target in TABLE if source in senders and event in sent_by} & senders


def test_busy_is_an_end_in_any_language():
    assert busy(SETTINGS) == busy(SETTINGS, "en") != busy(SETTINGS, "ny")
    assert busy(SETTINGS).is_end
