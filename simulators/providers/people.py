"""The people who hold the handsets: what each does when a PIN prompt comes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a person does with a prompt, or why no prompt can reach them."""

    APPROVE = "approve"
    WRONG_PIN = "wrong_pin"
    CANCEL = "cancel"
    IGNORE = "ignore"
    NO_BALANCE = "no_balance"
    ASK = "ask"  # waits for POST /_sim/prompts/{id}/answer
    NO_WALLET = "no_wallet"  # the number has no wallet: no prompt
    UNREACHABLE = "unreachable"  # switched off: no prompt
    REFUSED = "refused"  # the network declines with `code`: no prompt


WITHOUT_PROMPT = frozenset({Answer.NO_WALLET, Answer.UNREACHABLE, Answer.REFUSED})


@dataclass(frozen=True, slots=True)
class Person:
    """How one person answers: after `after_s` seconds; with a patience of the network of their own, if set.

    `code` is the provider's own reason, for REFUSED. `times` bounds how often this holds (None: always).
    """

    answer: Answer = Answer.APPROVE
    after_s: float = 1.5
    prompt_lifetime_s: float | None = None
    code: str | None = None
    times: int | None = None


NUMBER_RULES: Mapping[str, Person] = {
    "9901": Person(Answer.WRONG_PIN),
    "9902": Person(Answer.CANCEL),
    "9903": Person(Answer.IGNORE),
    "9904": Person(Answer.NO_BALANCE),
    "9905": Person(Answer.APPROVE, after_s=10),
    # Later than PAYMENT_EXPIRY_S (300): the gateway has given up, the network has not.
    "9906": Person(Answer.APPROVE, after_s=330, prompt_lifetime_s=900),
    "9907": Person(Answer.ASK, prompt_lifetime_s=900),
    "9908": Person(Answer.NO_WALLET),
    "9909": Person(Answer.UNREACHABLE),
    # MTN's sandbox numbers (reference mtn-momo §7).
    "46733123450": Person(Answer.REFUSED, code="INTERNAL_PROCESSING_ERROR"),
    "46733123451": Person(Answer.CANCEL),
    "46733123452": Person(Answer.REFUSED, code="EXPIRED"),
    "46733123453": Person(Answer.IGNORE, prompt_lifetime_s=86_400),
    "46733123454": Person(Answer.APPROVE, after_s=60, prompt_lifetime_s=86_400),
}


class People:
    """Finds the person behind a number: told by request, else by number, else by a mix, else the default."""

    def __init__(
        self,
        default: Person,
        rules: Mapping[str, Person],
        mix: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.default = default
        self.mix = dict(mix or {})
        self._rules = rules
        self._told: dict[str, Person] = {}
        self._random = random.Random(f"people|{seed}")  # noqa: S311 - a run must repeat

    def tell(self, msisdn: str, person: Person) -> None:
        """Let `msisdn` (E.164) answer like `person` from now on."""
        self._told[msisdn] = person

    def forget(self, msisdn: str) -> None:
        """Let `msisdn` answer as its number says again."""
        self._told.pop(msisdn, None)

    def told(self) -> dict[str, Person]:
        """Return who was told what."""
        return dict(self._told)

    def meet(self, msisdn: str) -> Person:
        """Return who answers the next prompt of `msisdn`, and count it."""
        person = self._told.get(msisdn)
        if person is None:
            return self._by_number(msisdn) or self._by_mix() or self.default
        self._count(msisdn, person)
        return person

    def has_wallet(self, msisdn: str) -> bool:
        """Say whether the number has a wallet at all."""
        person = self._told.get(msisdn) or self._by_number(msisdn) or self.default
        return person.answer is not Answer.NO_WALLET

    def _count(self, msisdn: str, person: Person) -> None:
        if person.times is None:
            return
        if person.times <= 1:
            self.forget(msisdn)
        else:
            left = person.times - 1
            self._told[msisdn] = Person(
                person.answer, person.after_s, person.prompt_lifetime_s, person.code, left
            )

    def _by_number(self, msisdn: str) -> Person | None:
        return self._rules.get(msisdn.lstrip("+")) or self._rules.get(msisdn[-4:])

    def _by_mix(self) -> Person | None:
        if not self.mix:
            return None
        drawn = self._random.random()
        for answer, share in self.mix.items():
            drawn -= share
            if drawn < 0:
                return Person(Answer(answer), self.default.after_s)
        return None
