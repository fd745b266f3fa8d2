"""What people give as credentials: two forms, checked by the provider's own model, never repeated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from gateway import credentials
from gateway.settings import Env, Settings

MTN = {
    "base_url": "https://mtn.example/path",
    "subscription_key": "hidden-one",
    "api_user": "0b7b6f3e",
    "api_key": "hidden-two",
    "target_environment": "mtnzambia",
}
KCB = {"base_url": "https://k.example", "consumer_key": "hidden", "consumer_secret": "hidden", "till": "77"}


def refused(provider, fields, env=Env.TEST):
    with pytest.raises(BadInput) as wrong:
        credentials.check(provider, fields, env)
    return wrong.value


def code_of(work):
    """The code and words of a refusal; empty where there was none."""
    try:
        work()
    except BadInput as wrong:
        return wrong.reason, wrong.detail
    return "", ""


def test_every_provider_with_settings_may_be_a_zones_own():
    assert {"mtn", "airtel", "zamtel", "daraja", "kcb"} <= set(credentials.models())
    assert set(credentials.models()) <= set(Settings.model_fields)
    assert "cash" not in credentials.models()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(MTN),
        "\ufeff" + json.dumps(MTN, indent=2),
        "\n".join(f"{name}={value}" for name, value in MTN.items()),
        "# ours\n\n"
        + "\r\n".join(f"export MADZI_MTN_{name.upper()} = '{value}'" for name, value in MTN.items()),
        "\n".join(f'{name.upper()}="{value}"' for name, value in MTN.items()),
    ],
)
def test_both_forms_say_the_same(text):
    assert credentials.read("mtn", text.encode()) == MTN


def test_a_value_may_hold_equals_signs_and_quotes():
    assert credentials.read("mtn", b"api_key=a=b'c\nsubscription_key='") == {
        "api_key": "a=b'c",
        "subscription_key": "'",
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  \n",
        b"\xff\xfe",
        b"{",
        b'{"a": 1',
        b'{"a":' + b"[" * 60_000,
        b"no pair",
        b"1x=2",
        b"a=1\nsecret words\n",
        b"x" * 70_000,
    ],
)
def test_what_is_neither_is_refused_without_repeating_it(raw):
    with pytest.raises(BadInput) as wrong:
        credentials.read("mtn", raw)
    assert "secret" not in wrong.value.detail
    assert wrong.value.reason in ("bad_file", "too_long")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_our_own_words(raw):
    assert code_of(lambda: credentials.read("mtn", raw))[0] in ("", "bad_file")


def test_they_become_the_providers_own_settings():
    own = credentials.check("mtn", MTN, Env.TEST)
    assert own.api_key.get_secret_value() == "hidden-two"
    assert own.currency == "ZMW"


def test_numbers_may_be_written_as_text():
    fields = KCB | {"shared_short_code": "true", "ipn_tolerance_s": "600"}
    assert credentials.check("kcb", fields, Env.TEST).ipn_tolerance_s == 600


def test_what_is_wrong_is_said_by_field():
    wrong = refused("mtn", {"base_url": "ftp://hidden-address", "api_key": "hidden-two"})
    assert wrong.reason == "bad_credentials"
    assert {e["field"] for e in wrong.errors} == {
        "base_url",
        "subscription_key",
        "api_user",
        "target_environment",
    }
    assert "hidden" not in wrong.detail
    assert "base_url: an http or https address" in wrong.detail


@given(st.dictionaries(st.sampled_from(sorted(MTN)), st.text(min_size=9).map(lambda s: f"hidden{s}")))
def test_no_refusal_repeats_a_value(fields):
    _, said = code_of(lambda: credentials.check("mtn", fields, Env.TEST))
    secrets = [v for name, v in fields.items() if name in ("api_key", "subscription_key", "base_url")]
    assert not any(secret in said for secret in secrets)


def test_a_mistyped_field_is_not_passed_over():
    assert "api_kye: there is no such field" in refused("mtn", MTN | {"api_kye": "hidden"}).detail


def test_an_unknown_provider_is_said_so_with_those_that_exist():
    wrong = refused("mpesa", MTN)
    assert wrong.reason == "no_such_provider"
    assert "daraja" in wrong.detail
    assert refused("cash", {}).reason == "no_such_provider"


def test_production_asks_of_zones_what_it_asks_of_all():
    credentials.check("kcb", KCB, Env.TEST)
    assert "IPN_PUBLIC_KEY" in refused("kcb", KCB, Env.PRODUCTION).detail
    assert "SANDBOX" in refused("kcb", KCB | {"unsigned_sandbox": True}, Env.PRODUCTION).detail


def test_what_is_shown_holds_no_secret():
    shown = credentials.masked(credentials.check("mtn", MTN, Env.TEST))
    assert shown == MTN | {"subscription_key": "********", "api_key": "********", "currency": "ZMW"}
    assert credentials.masked(None) == {}
    assert "org_pass_key" not in credentials.masked(credentials.check("kcb", KCB, Env.TEST))
