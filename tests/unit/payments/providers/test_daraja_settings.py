"""Half of what belongs together stops the start, and says what is missing."""

import pytest
from pydantic import ValidationError

from payments.providers.settings import DarajaSettings
from simulators.providers.daraja_keys import certificate_pem

BASE = {
    "base_url": "https://api.example",
    "consumer_key": "k",
    "consumer_secret": "s",
    "shortcode": "174379",
    "passkey": "p",
}
OUT = {"initiator": "api", "initiator_password": "geheim-1", "certificate": certificate_pem()}


def test_a_till_without_a_number_of_its_own_has_the_short_codes():
    assert DarajaSettings(**BASE, type="till").party_b == BASE["shortcode"]
    assert DarajaSettings(**BASE, type="till", till="5551234").party_b == "5551234"


@pytest.mark.parametrize("missing", OUT)
def test_half_of_an_initiator_stops_the_start(missing):
    with pytest.raises(ValidationError, match=f"set {missing} too"):
        DarajaSettings(**BASE, **{name: value for name, value in OUT.items() if name != missing})


def test_another_short_code_for_money_out_needs_an_initiator():
    with pytest.raises(ValidationError, match="set initiator, initiator_password, certificate too"):
        DarajaSettings(**BASE, payout_shortcode="600992")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"certificate": "/no/such/file.cer"}, "certificate is neither"),
        ({"initiator_password": "x" * 300}, "too long"),
    ],
)
def test_what_would_fail_with_the_first_refund_fails_now(changes, words):
    with pytest.raises(ValidationError, match=words):
        DarajaSettings(**BASE | OUT | changes)


@pytest.mark.parametrize(
    ("changes", "pays_out", "shortcode"),
    [({}, False, "174379"), (OUT, True, "174379"), (OUT | {"payout_shortcode": "600992"}, True, "600992")],
)
def test_who_pays_out(changes, pays_out, shortcode):
    settings = DarajaSettings(**BASE | changes)
    assert (settings.pays_out, settings.pays_from) == (pays_out, shortcode)


def test_without_an_initiator_there_is_no_credential():
    with pytest.raises(ValueError, match="no initiator"):
        DarajaSettings(**BASE).security_credential()


def test_the_same_settings_are_equal_and_show_no_password():
    first, second = DarajaSettings(**BASE | OUT), DarajaSettings(**BASE | OUT)
    assert first == second
    assert "geheim-1" not in repr(first) + first.model_dump_json()
