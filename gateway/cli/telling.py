"""The story of a payment as people read it, line by line: who paid, by which way and why, what happened."""

from collections.abc import Iterable
from typing import Any

from core import msisdn as numbers
from core.money import display
from gateway.cli import refunds

Story = dict[str, Any]
# What a rule of routing said of a rail that was not asked (`payments.routing.RULES`).
_WHY_NOT = {
    "network": "another wallet",
    "currency": "not in this currency",
    "value": "cannot carry the amount",
    "customer": "only for who asks for it",
}
_WHY = {"chosen": "asked for", "down": "was down"}


def lines(story: Story) -> list[str]:
    """Return the story (`stories.payment`), what happened in the order of time."""
    what = f"{_money(story['amount'])} for {story['tap_id']} by {story['provider']}"
    return [
        f"{story['payment_id']}: {what}: {_ended(story)}",
        *(f"  {line}" for line in (*_facts(story), *_orders(story), *_ways(story), *_happened(story))),
        *(f"  {line}" for line in (*_items(story), *_payouts(story), *_postings(story), *_sms(story))),
    ]


def _facts(story: Story) -> Iterable[str]:
    if story["msisdn"]:
        yield f"payer {numbers.mask(story['msisdn'])}"
    if story["receipt"]:
        yield f"receipt {story['receipt']}"
    if story["cash"]:
        yield f"taken in cash by agent {story['cash']['agent']}"
    if story["provider_reference"] not in (None, story["receipt"]):
        yield f"the provider calls it {story['provider_reference']}"
    for other in story["same_checkout"]:
        yield f"together with {_other(other)}"


def _other(payment: Story) -> str:
    amount = display(payment["amount_minor"], payment["currency"])
    source = "from the payer's wallet" if payment["provider"] == "wallet" else f"by {payment['provider']}"
    return f"{payment['payment_id']}: {amount} {source}: {payment['status']}"


def _orders(story: Story) -> Iterable[str]:
    for order in story["orders"]:
        yield f"{_money(order['amount'])} to {order['seller']}: {_ended(order)}"


def _ways(story: Story) -> Iterable[str]:
    """Tell by which accounts it went, and in a line each why, and why by no other."""
    for route in story["routes"]:
        yield f"{route['at']} goes by {route['account_id']} ({route['cause']})"
        kept = [f"{r['provider']} ({_WHY.get(r['why'], r['why'])})" for r in route["rails"] if r["is_kept"]]
        yield f"  fit, the best first: {', '.join(kept)}"
        dropped: dict[str, list[str]] = {}
        for rail in route["rails"]:
            if not rail["is_kept"]:
                dropped.setdefault(_WHY_NOT.get(rail["why"], rail["why"]), []).append(rail["provider"])
        if dropped:
            yield "  not: " + "; ".join(f"{', '.join(who)} ({why})" for why, who in dropped.items())


def _happened(story: Story) -> list[str]:
    """Return moves and notices, in the order of time; both carry the same form of it."""
    told = [
        (move["at"], f"{move['from'] or '-'} -> {move['to']} by {move['cause']}{_bracketed(move['detail'])}")
        for move in story["transitions"]
    ]
    told += [
        (notice["received_at"], f"notice {notice['kind']}: {notice['verdict'] or 'not judged yet'}")
        for notice in story["callbacks"]
    ]
    push = story["push"]
    ended = [f"push {push['state']}, tries {push['attempts']}"] if push["attempts"] else []
    return [f"{at} {what}" for at, what in sorted(told, key=lambda one: one[0])] + ended


def _items(story: Story) -> Iterable[str]:
    for item in story["suspense"]:
        yield f"suspense {item['item_id']}: {item['kind']}, {item['status']}: {item['detail']}"


def _payouts(story: Story) -> Iterable[str]:
    for payout in story["payouts"]:
        yield f"payout {refunds.line(payout)}"
        yield from (f"  {move}" for move in refunds.moves(payout))


def _postings(story: Story) -> Iterable[str]:
    for entry in story["postings"]:
        side = "into" if entry["amount_minor"] > 0 else "from"
        amount = display(abs(entry["amount_minor"]), entry["currency"])
        yield f"ledger: {amount} {side} {entry['ledger_account']}"


def _sms(story: Story) -> Iterable[str]:
    for sms in story["sms"]:
        yield f"SMS {sms['status']}: {sms['text']}"


def _money(amount: dict[str, Any]) -> str:
    return display(amount["amount_minor"], amount["currency"])


def _ended(what: dict[str, Any]) -> str:
    """Return a status and its reason, where that says more."""
    status, reason = what["status"], what["reason"]
    return f"{status}{_bracketed(reason if reason != status else None)}"


def _bracketed(word: str | None) -> str:
    return f" ({word})" if word else ""
