"""`madzi payment show` in words: nothing of the story is left out, and what happened stands in order."""

from gateway.cli import telling

STORY = {
    "payment_id": "p-1",
    "status": "success",
    "reason": None,
    "amount": {"amount_minor": 30000, "currency": "KES"},
    "tap_id": "NRB-0001-7",
    "msisdn": "+254712345678",
    "provider": "kcb",
    "provider_reference": "ws_CO_1",
    "receipt": "UKL1",
    "orders": [
        {
            "seller": "WATER",
            "amount": {"amount_minor": 30000, "currency": "KES"},
            "status": "success",
            "reason": None,
        }
    ],
    "same_checkout": [],
    "cash": None,
    "routes": [
        {
            "at": "2026-11-21T10:00:00Z",
            "cause": "accepted",
            "account_id": "kcb:default",
            "rails": [
                {"provider": "kcb", "is_kept": True, "why": "chosen"},
                {"provider": "daraja", "is_kept": True, "why": "down"},
                {"provider": "mtn", "is_kept": False, "why": "network"},
                {"provider": "airtel", "is_kept": False, "why": "network"},
                {"provider": "stripe", "is_kept": False, "why": "customer"},
            ],
        }
    ],
    "transitions": [
        {
            "at": "2026-11-21T10:00:00Z",
            "from": None,
            "to": "initiated",
            "cause": "rest",
            "detail": None,
            "actor": "madzi",
        },
        {
            "at": "2026-11-21T10:00:01Z",
            "from": "initiated",
            "to": "pending",
            "cause": "push",
            "detail": "0",
            "actor": "madzi",
        },
        {
            "at": "2026-11-21T10:00:05Z",
            "from": "pending",
            "to": "success",
            "cause": "callback",
            "detail": None,
            "actor": "madzi",
        },
    ],
    "callbacks": [
        {"kind": "ipn", "verdict": "confirmed", "received_at": "2026-11-21T10:00:04Z"},
        {"kind": "stk", "verdict": None, "received_at": "2026-11-21T10:00:06Z"},
    ],
    "push": {"state": "accepted", "attempts": 1, "checks": 1},
    "suspense": [],
    "payouts": [],
    "postings": [
        {"ledger_account": "rail:kcb:default", "currency": "KES", "amount_minor": 30000},
        {"ledger_account": "seller:NRB:WATER", "currency": "KES", "amount_minor": -30000},
    ],
    "sms": [{"status": "delivered", "text": "Madzi: Paid KES 300.00"}],
}


def test_all_of_a_story_is_told():
    assert telling.lines(STORY) == [
        "p-1: KES 300.00 for NRB-0001-7 by kcb: success",
        "  payer 25471****678",
        "  receipt UKL1",
        "  the provider calls it ws_CO_1",
        "  KES 300.00 to WATER: success",
        "  2026-11-21T10:00:00Z goes by kcb:default (accepted)",
        "    fit, the best first: kcb (asked for), daraja (was down)",
        "    not: mtn, airtel (another wallet); stripe (only for who asks for it)",
        "  2026-11-21T10:00:00Z - -> initiated by rest",
        "  2026-11-21T10:00:01Z initiated -> pending by push (0)",
        "  2026-11-21T10:00:04Z notice ipn: confirmed",
        "  2026-11-21T10:00:05Z pending -> success by callback",
        "  2026-11-21T10:00:06Z notice stk: not judged yet",
        "  push accepted, tries 1",
        "  ledger: KES 300.00 into rail:kcb:default",
        "  ledger: KES 300.00 from seller:NRB:WATER",
        "  SMS delivered: Madzi: Paid KES 300.00",
    ]


def test_what_is_not_known_is_not_told():
    by_hand = {
        "msisdn": "",
        "provider_reference": None,
        "receipt": None,
        "routes": [],
        "push": {"attempts": 0, "state": "none"},
    }
    told = telling.lines(STORY | by_hand | {"status": "failed", "reason": "balance"})
    assert told[:2] == [
        "p-1: KES 300.00 for NRB-0001-7 by kcb: failed (balance)",
        "  KES 300.00 to WATER: success",
    ]
    expired = telling.lines(STORY | {"status": "expired", "reason": "expired"})
    assert expired[0] == "p-1: KES 300.00 for NRB-0001-7 by kcb: expired"
    assert not any(word in line for line in told for word in ("payer", "receipt", "goes by", "push accepted"))


def test_whoever_was_in_it_is_told():
    other = {
        "payment_id": "p-2",
        "provider": "wallet",
        "amount_minor": 500,
        "currency": "KES",
        "status": "success",
    }
    item = {"item_id": "i-1", "kind": "second_receipt", "status": "open", "detail": "UKL2"}
    told = telling.lines(STORY | {"same_checkout": [other], "cash": {"agent": "Joseph"}, "suspense": [item]})
    assert "  together with p-2: KES 5.00 from the payer's wallet: success" in told
    assert "  taken in cash by agent Joseph" in told
    assert "  suspense i-1: second_receipt, open: UKL2" in told
