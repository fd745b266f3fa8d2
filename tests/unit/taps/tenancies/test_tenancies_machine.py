"""Random commands of two caretakers, repeated and undone: what must hold after every step."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tenancies_world import CHZ, JOHN, KNY, KNY2, MARY, ORPHAN, PETER, RUTH, World

from taps.tenancies.commands import Count, ListTenants, Move, Register, Remove, SetOccupants, Undo
from taps.tenancies.records import Kind, Tally
from taps.tenancies.results import NotDone, Undone

WHO = st.sampled_from([RUTH, PETER])
TAP = st.sampled_from([KNY, KNY2, "241703", CHZ, "300004", ORPHAN, "KNY-0471-1"])
PHONE = st.sampled_from([MARY, JOHN, "0977 123 456", RUTH, "12"])
NAME = st.sampled_from(["Mary Banda", "John", "Ŋambi", " "])
PEOPLE = st.sampled_from([None, 0, 1, 4, 999, 1000])
COMMAND = st.one_of(
    st.tuples(st.just(Register), st.tuples(TAP, PHONE, NAME, PEOPLE)),
    st.tuples(st.just(Move), st.tuples(PHONE, TAP)),
    st.tuples(st.just(Move), st.tuples(PHONE, TAP, TAP)),
    st.tuples(st.just(Remove), st.tuples(PHONE, st.one_of(st.none(), TAP))),
    st.tuples(st.just(SetOccupants), st.tuples(TAP, PHONE, PEOPLE.filter(bool))),
    st.tuples(st.just(Count), st.tuples(TAP, PEOPLE.filter(bool))),
    st.tuples(st.just(ListTenants), st.tuples(st.one_of(st.none(), TAP))),
)


class Tenancies(RuleBasedStateMachine):
    """The stack of what stood before each change is the model that UNDO is held against."""

    def __init__(self):
        super().__init__()
        self.world = World()
        self.stacks = {RUTH: [], PETER: []}  # what stood on the caretaker's own taps before each change
        self.sent = []

    def of(self, who):
        """What stands on the taps of a caretaker."""
        active, tallies = self.world.everything()
        mine = {tap_id for tap_id, tap in self.world.taps.items() if tap.caretaker_msisdn == who}
        return (
            {key: place for key, place in active.items() if key[0] in mine},
            {tap_id: tally for tap_id, tally in tallies.items() if tap_id in mine},
        )

    def run(self, commands):
        """Do a batch; the model follows from what each one answered."""
        other = {RUTH: PETER, PETER: RUTH}
        for command in commands:
            mine, theirs = self.of(command.by_msisdn), self.of(other[command.by_msisdn])
            made = len(self.world.changes)
            [answer] = self.world.batch(command)
            self.sent.append((command, answer))
            assert self.of(other[command.by_msisdn]) == theirs
            if len(self.world.changes) == made:
                assert self.of(command.by_msisdn) == mine
                assert answer.events == ()
            elif isinstance(answer.result, Undone):
                assert self.of(command.by_msisdn) == self.stacks[command.by_msisdn].pop()
            else:
                assert not isinstance(answer.result, NotDone)
                self.stacks[command.by_msisdn].append(mine)

    @rule(who=WHO, asked=COMMAND)
    def somebody_asks(self, who, asked):
        self.run([self.world.command(asked[0], who, *asked[1])])

    @rule(who=WHO)
    def somebody_undoes(self, who):
        had = bool(self.stacks[who])
        self.run([self.world.command(Undo, who)])
        assert isinstance(self.sent[-1][1].result, Undone) == had

    @rule(asked=st.lists(st.tuples(WHO, COMMAND), max_size=4))
    def a_batch_is_as_one_after_the_other(self, asked):
        alone, together = World(), World()
        for world in (alone, together):
            world.tenancies = dict(self.world.tenancies)
            world.tallies = {tap_id: dict(rows) for tap_id, rows in self.world.tallies.items()}
            world.changes = dict(self.world.changes)
            world.now = self.world.now
        commands = [self.world.command(kind, who, *args) for who, (kind, args) in asked]
        one_by_one = [alone.batch(command)[0].result for command in commands]
        assert [answer.result for answer in together.batch(*commands)] == one_by_one
        assert together.on(KNY) == alone.on(KNY)
        assert together.everything()[1] == alone.everything()[1]

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 10**6))
    def an_sms_comes_again(self, pick):
        command, first = self.sent[pick % len(self.sent)]
        before = dict(self.world.changes), self.world.everything()
        known = (command.by_msisdn, command.command_id) in {
            (c.by_msisdn, c.command_id) for c in self.world.changes.values()
        }
        if known:
            [again] = self.world.batch(command)
            assert (again.result, again.events, again.is_repeat) == (first.result, (), True)
            assert (self.world.changes, self.world.everything()) == before

    @rule(seconds=st.sampled_from([1, 60]))
    def time_passes(self, seconds):
        """Never so much that a change gets too old to be undone: that boundary has a test of its own."""
        self.world.later(seconds=seconds)

    @invariant()
    def a_tenant_is_a_row_of_their_own_tap(self):
        for key, place in self.world.tenancies.items():
            assert place.key == key
        ids = [place.tenant_id for place in self.world.tenancies.values()]
        assert len(ids) == len(set(ids))

    @invariant()
    def nothing_happens_on_a_tap_without_caretaker(self):
        assert not self.world.on(ORPHAN)
        assert ORPHAN not in self.world.tallies

    @invariant()
    def history_explains_what_stands(self):
        stands = {}
        for change in sorted(self.world.changes.values(), key=lambda c: (c.by_msisdn, c.seq)):
            for step in change.steps:
                assert stands.get(step.key) == step.before
                stands[step.key] = step.after
        tenancies = {key: s for key, s in stands.items() if s and not isinstance(s, Tally)}
        tallies = {key[0]: s for key, s in stands.items() if isinstance(s, Tally)}
        assert tenancies == self.world.tenancies
        assert tallies == self.world.everything()[1]

    @invariant()
    def what_is_marked_undone_was_undone_once(self):
        undone = sorted(c.change_id for c in self.world.changes.values() if c.undone_at)
        assert undone == sorted(c.undoes for c in self.world.changes.values() if c.kind is Kind.UNDONE)


Tenancies.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTenancies = Tenancies.TestCase
