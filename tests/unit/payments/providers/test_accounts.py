from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from core.ids import Ids
from payments.providers.accounts import (
    Account,
    callback_url,
    has_banned_word,
    payout_urls,
    safe_token,
    urls,
)

CLOCK = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
MTN = Account("mtn:default", "mtn", None, "T" * 22)
DARAJA = Account("daraja:default", "daraja", None, "D" * 22)


@pytest.mark.parametrize("public_url", ["https://pay.example.org", "https://pay.example.org/"])
def test_the_addresses_that_are_shown(public_url):
    assert urls(public_url, MTN) == {"callback": f"https://pay.example.org/cb/{'T' * 22}"}
    kinds = ("stk", "c2b_validation", "c2b_confirmation", "b2c_result", "b2c_timeout")
    assert urls(public_url, DARAJA) == {
        kind: f"https://pay.example.org/cb/{'D' * 22}/{kind}" for kind in kinds
    }


@pytest.mark.parametrize("provider", ["airtel", "daraja", "kcb", "kcb_multi", "mtn", "stripe"])
def test_no_address_has_a_word_that_daraja_bans(provider):
    shown = urls("https://p.org", Account(f"{provider}:KNY", provider, "KNY", "T" * 22))
    assert shown
    assert not any(has_banned_word(address) for address in shown.values())


def test_where_the_outcome_of_a_payout_is_told():
    base = f"https://p.org/cb/{'D' * 22}"
    assert payout_urls("https://p.org", DARAJA, "k/1") == (
        f"{base}/b2c_result?key=k%2F1",
        f"{base}/b2c_timeout?key=k%2F1",
    )
    assert payout_urls("https://p.org", MTN, "k1") == (f"https://p.org/cb/{'T' * 22}?key=k1", "")
    assert payout_urls("https://p.org", Account("zamtel:default", "zamtel", None, "Z" * 22), "k") == ("", "")


def test_the_address_that_is_entered_in_airtels_portal():
    account = Account("airtel:default", "airtel", None, "A" * 22)
    assert urls("https://pay.example.org", account) == {"callback": f"https://pay.example.org/cb/{'A' * 22}"}


def test_a_provider_that_never_calls_has_no_address():
    assert urls("https://pay.example.org", Account("zamtel:default", "zamtel", None, "Z" * 22)) == {}


def test_the_address_of_one_push():
    assert callback_url("https://p.org", MTN, "k-1_x") == f"https://p.org/cb/{'T' * 22}?key=k-1_x"
    assert callback_url("https://p.org", DARAJA, "a b&c") == f"https://p.org/cb/{'D' * 22}/stk?key=a%20b%26c"


@pytest.mark.parametrize("text", ["xMpEsAx", "M-PESA", "Safaricom", "aEXEb", "exec", "Cmd", "sQl", "Query"])
def test_words_that_daraja_bans(text):
    assert has_banned_word(text)


def test_harmless_text_is_not_banned():
    assert not has_banned_word("k3yPathToken")


def test_tokens_hold_no_banned_word():
    ids = Ids.seeded(7, CLOCK)
    plain = [ids.token(16) for _ in range(3000)]
    assert any(has_banned_word(token) for token in plain)  # so drawing again is needed
    ids = Ids.seeded(7, CLOCK)
    safe = [safe_token(ids) for _ in range(3000)]
    assert not any(has_banned_word(token) for token in safe)
    assert {len(token) for token in safe} == {22}


def test_a_source_that_repeats_itself_ends():
    banned = int.from_bytes(b"\x7b\x17\xb1" * 6, "big") >> 16  # "exe" over and over
    with pytest.raises(RuntimeError):
        safe_token(Ids(CLOCK, lambda _bits: banned))


def test_a_token_does_not_show_itself():
    assert "T" * 22 not in repr(MTN)
