"""The words that the checks of `sms.lint` look for besides those of `core.wording` (reference texts §5)."""

from core.i18n import ENGLISH

# An SMS may come late, so it never says when in these words.
RELATIVE_TIMES: dict[str, frozenset[str]] = {
    "en": frozenset(["minute", "minutes", "hour", "hours", "soon", "today", "tomorrow", "yesterday"]),
    "ny": frozenset(["minute", "mphindi", "ola", "lelo", "mailo", "mawa", "dzulo", "posachedwa"]),
    "bem": frozenset(["minute", "iawala", "insa", "lelo", "ilelo", "mailo", "nombaline"]),
}

_WAITING, _NOT_PAID, _TO_PAY = "Waiting:", "Not paid:", "To pay:"
_BACK = "Sent back "
_DONE, _NOT_DONE, _UNDONE = "Done:", "Not done:", "Undone:"

# What an SMS of this event says first, after the name of who speaks.
OUTCOMES: dict[str, str] = {
    "wait.sms": _WAITING,
    "held": _WAITING,
    "waits.start": _WAITING,
    "wait.long": _WAITING,
    "paid": "Paid ",
    "paid.part": "Paid ",
    "paid.foryou": "Paid ",
    "paid.late": "Paid ",
    "paid.late.part": "Paid ",
    "kept": "Paid ",
    "kept.twice": "Paid twice:",
    "kept.more": "Paid ",
    "kept.other": "Paid twice:",
    "paid.before": "Paid ",
    "expired": "Not paid in time:",
    "fail.balance": _NOT_PAID,
    "fail.pin": _NOT_PAID,
    "fail.cancelled": _NOT_PAID,
    "fail.noanswer": _NOT_PAID,
    "fail.down": _NOT_PAID,
    "fail.limit": _NOT_PAID,
    "fail.other": _NOT_PAID,
    "fail.paid_already": _NOT_PAID,
    "paid.receipt": "Paid ",
    "paid.early": "Paid ",
    "wait.which": _WAITING,
    "cash.handin": _DONE,
    "link": _TO_PAY,
    "back.way": _WAITING,
    **dict.fromkeys(("back.sent", "back.open", "back.cash", "back.kept"), _BACK),
    "back.failed": _NOT_DONE,
    "remind": _TO_PAY,
    "remind.late": _TO_PAY,
    "stop": _DONE,
    "start": _DONE,
    # Answers to what people send; those that only inform start with what they inform of.
    **dict.fromkeys(
        ("wait.bal", "pin.sms", "pin.queued"),
        _WAITING,
    ),
    **dict.fromkeys(
        ("last.paid", "cash.payer", "cash.payer.part"),
        "Paid ",
    ),
    "last.notpaid": _NOT_PAID,
    **dict.fromkeys(
        ("lang.set", "pay.kept", "flag.ok", "flag.ok.nowhere", "flag.again", "cash.agent"),
        _DONE,
    ),
    **dict.fromkeys(
        (
            "notallowed",
            "notallowed.agent",
            "notyourzone",
            "unknown",
            "near",
            "near.two",
            "tap.near",
            "tap.none",
            "need.tap",
            "need.phone",
            "need.name",
            "need.amount",
            "need.number",
            "need.words",
            "need.shorter",
            "need.less",
            "need.language",
            "need.fewer",
            "pay.which",
            "pay.more",
            "pay.unit",
            "pay.nowallet",
            "pay.limit",
            "behind.zone",
            "cash.no",
            "cash.whose",
        ),
        _NOT_DONE,
    ),
    **dict.fromkeys(
        (
            "replies",
            "help",
            "help.word",
            "bal",
            "bal.part",
            "bal.none",
            "bal.some",
            "bal.allpaid",
            "last.none",
            "status.sms",
            "status.shared",
            "who",
            "who.allpaid",
            "behind",
            "behind.none",
        ),
        "",
    ),
    # A caretaker's changes.
    **dict.fromkeys(
        ("reg.ok", "reg.changed", "move.ok", "remove.ok", "count.ok", "tenant.added", "tenant.removed"), _DONE
    ),
    "tenant.removed.clear": _DONE,
    **dict.fromkeys(("undo", "undo.removed", "undo.moved", "undo.changed", "undo.counted"), _UNDONE),
    **dict.fromkeys(("list.tap", "list.empty", "list.taps", "list.none"), ""),
    **dict.fromkeys(
        (
            *("reg.already", "reg.notyours", "reg.full", "reg.foreign", "reg.people", "move.which"),
            *("remove.which", "tenant.none", "tenant.nowhere"),
            *("undo.nothing", "undo.unsafe", "undo.notyours"),
        ),
        _NOT_DONE,
    ),
}

# The same outcomes in other languages: we are still waiting, we have received, we have not received, …
_OUTCOMES_IN: dict[str, dict[str, str]] = {
    "ny": {
        _WAITING: "Tikali kuyembekeza ",
        "Paid ": "Talandila ",
        "Paid twice:": "Talandila kawili ",
        _NOT_PAID: "Sitinalandile ",
        "Not paid in time:": "Sitinalandile pa nthawi ",
        _TO_PAY: "Bill:",
        _BACK: "Takubwezelani ",
        _DONE: "Chabwino:",
        _NOT_DONE: "Sitinachite:",
        _UNDONE: "Tabweza:",
    },
    "bem": {
        _WAITING: "Tucili tulelolela ",
        "Paid ": "Twapokelela ",
        "Paid twice:": "Twapokelela imiku ibili ",
        _NOT_PAID: "Tatupokelele ",
        "Not paid in time:": "Tatupokelele pa nshita ",
        _TO_PAY: "Bill:",
        _BACK: "Twamibwesesha ",
        _DONE: "Cisuma:",
        _NOT_DONE: "Tatucitile:",
        _UNDONE: "Twabwesha:",
    },
}


def outcome(key: str, language: str) -> str | None:
    """Return what an SMS starts with: empty where nobody has listed a language's words, None for no event."""
    english = OUTCOMES.get(key)
    if not english or language == ENGLISH:
        return english
    own = _OUTCOMES_IN.get(language)
    return "" if own is None else own.get(english)
