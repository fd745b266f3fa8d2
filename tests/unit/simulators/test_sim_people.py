from collections import Counter

from simulators.providers.people import NUMBER_RULES, Answer, People, Person

ME = "+260961234567"


def people(**changes):
    return People(Person(), NUMBER_RULES, **changes)


def test_the_word_goes_before_the_number_and_the_number_before_the_rest():
    met = people(mix={"cancel": 1.0})
    assert met.meet(ME).answer is Answer.CANCEL
    assert met.meet("+260961239904").answer is Answer.NO_BALANCE
    met.tell("+260961239904", Person(Answer.WRONG_PIN))
    assert met.meet("+260961239904").answer is Answer.WRONG_PIN
    met.forget("+260961239904")
    assert met.meet("+260961239904").answer is Answer.NO_BALANCE


def test_mtns_sandbox_numbers_are_known_whole():
    assert people().meet("+46733123451").answer is Answer.CANCEL
    assert people().meet("+260733123451").answer is Answer.APPROVE


def test_a_mix_repeats_from_its_seed_and_keeps_its_shares():
    def drawn(seed):
        met = people(mix={"cancel": 0.3, "ignore": 0.2}, seed=seed)
        return [met.meet(ME).answer for _ in range(2_000)]

    assert drawn(1) == drawn(1) != drawn(2)
    share = Counter(drawn(1))
    assert abs(share[Answer.CANCEL] - 600) < 100
    assert abs(share[Answer.IGNORE] - 400) < 100
    assert abs(share[Answer.APPROVE] - 1_000) < 100


def test_an_answer_that_holds_twice_holds_twice():
    met = people()
    met.tell(ME, Person(Answer.CANCEL, times=2))
    assert [met.meet(ME).answer for _ in range(3)] == [Answer.CANCEL, Answer.CANCEL, Answer.APPROVE]
