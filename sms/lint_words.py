"""Each language's own words for the checks of `sms.lint` (reference texts §5, checks 3, 6, 7, 8, 9, 12)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One word for one idea in a language; empty where its reviewers have not said yet."""

    banned: frozenset[str] = frozenset()
    relative_times: frozenset[str] = frozenset()
    nothing_taken: str = ""
    not_again: str = ""
    nothing_to_do: tuple[str, ...] = ()
    most_words: int = 40
    most_in_sentence: int = 20
    longest_word: int = 20


_BANNED_ENGLISH = frozenset(
    {
        *("invalid", "error", "failed", "failure", "please", "sorry", "oops", "dear", "customer", "kindly"),
        *("transaction", "session", "request", "timeout", "successful", "pending", "processing"),
        *("insufficient", "confirm", "select", "option", "enter", "credit", "account", "service"),
        *("msisdn", "ussd", "stk"),
    }
)

WORDS = {
    "en": Words(
        banned=_BANNED_ENGLISH,
        relative_times=frozenset(
            ["minute", "minutes", "hour", "hours", "soon", "today", "tomorrow", "yesterday"]
        ),
        nothing_taken="Nothing was taken",
        not_again="Do not pay again",
        nothing_to_do=("Nothing to do", "Do nothing"),
        most_words=30,
        most_in_sentence=14,
        longest_word=10,
    )
}

_WAITING, _NOT_PAID = "Waiting:", "Not paid:"

# What an SMS of this event says first, after the name of who speaks.
OUTCOMES: dict[str, dict[str, str]] = {
    "en": {
        "wait.sms": _WAITING,
        "wait.long": _WAITING,
        "paid": "Paid ",
        "paid.part": "Paid ",
        "paid.foryou": "Paid ",
        "paid.late": "Paid ",
        "paid.late.part": "Paid ",
        "kept": "Paid ",
        "kept.twice": "Paid twice:",
        "expired": "Not paid in time:",
        "fail.balance": _NOT_PAID,
        "fail.pin": _NOT_PAID,
        "fail.cancelled": _NOT_PAID,
        "fail.noanswer": _NOT_PAID,
        "fail.down": _NOT_PAID,
        "fail.limit": _NOT_PAID,
        "fail.other": _NOT_PAID,
        "fail.paid_already": _NOT_PAID,
    }
}
