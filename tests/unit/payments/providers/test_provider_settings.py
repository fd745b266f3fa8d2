import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from payments.providers.http import HttpSettings
from payments.providers.settings import DarajaSettings, MtnSettings

MTN = {
    "base_url": "https://proxy.example/base/",
    "subscription_key": "sub-secret",
    "api_user": "user",
    "api_key": "key==secret",
    "target_environment": "mtnzambia",
}
DARAJA = {
    "base_url": "https://api.example",
    "consumer_key": "ck-secret",
    "consumer_secret": "cs-secret",
    "shortcode": "174379",
    "passkey": "pk-secret",
}


class Gateway(BaseSettings):
    """As gateway/settings.py nests them."""

    model_config = SettingsConfigDict(
        env_prefix="MADZI_", env_nested_delimiter="_", env_nested_max_split=1, extra="ignore"
    )
    mtn: MtnSettings | None = None
    daraja: DarajaSettings | None = None


def test_the_names_of_the_contract_are_read_from_the_environment(monkeypatch):
    for provider, values in (("MTN", MTN), ("DARAJA", DARAJA | {"type": "till", "till": "555"})):
        for name, value in values.items():
            monkeypatch.setenv(f"MADZI_{provider}_{name.upper()}", value)
    settings = Gateway()
    assert settings.mtn == MtnSettings(**MTN)
    assert settings.daraja == DarajaSettings(**DARAJA, type="till", till="555")


def test_a_provider_without_settings_is_not_there():
    assert (Gateway().mtn, Gateway().daraja) == (None, None)


@pytest.mark.parametrize(("model", "values"), [(MtnSettings, MTN), (DarajaSettings, DARAJA)])
def test_a_missing_secret_is_named(model, values):
    for name in values:
        with pytest.raises(ValidationError, match=name):
            model(**{key: value for key, value in values.items() if key != name})


@pytest.mark.parametrize(("model", "values"), [(MtnSettings, MTN), (DarajaSettings, DARAJA)])
def test_no_secret_shows(model, values):
    shown = repr(model(**values)) + model(**values).model_dump_json()
    assert "secret" not in shown.replace("consumer_secret", "")


@pytest.mark.parametrize(
    ("environment", "currency", "result"),
    [
        ("mtnzambia", "", "ZMW"),
        ("sandbox", "", "EUR"),
        ("mtnzambia", "ZMW", "ZMW"),
        ("mtnuganda", "UGX", "UGX"),
    ],
)
def test_the_currency_follows_the_environment(environment, currency, result):
    settings = MtnSettings(**MTN | {"target_environment": environment, "currency": currency})
    assert settings.currency == result


@pytest.mark.parametrize(
    ("environment", "currency"),
    [("sandbox", "ZMW"), ("mtnzambia", "EUR"), ("mtnuganda", ""), ("mtnuganda", "XXX")],
)
def test_a_currency_that_the_environment_refuses_stops_the_start(environment, currency):
    with pytest.raises(ValidationError):
        MtnSettings(**MTN | {"target_environment": environment, "currency": currency})


@pytest.mark.parametrize(
    "url", ["", "proxy.example", "ftp://x", "https://", "https://x/?a=1", "http://[", "x"]
)
def test_a_base_url_is_an_address(url):
    with pytest.raises(ValidationError):
        MtnSettings(**MTN | {"base_url": url})


@pytest.mark.parametrize(
    ("changes", "party_b"),
    [
        ({}, "174379"),
        ({"till": "555"}, "174379"),
        ({"type": "till", "till": "555"}, "555"),
    ],
)
def test_who_is_paid(changes, party_b):
    assert DarajaSettings(**DARAJA | changes).party_b == party_b


@pytest.mark.parametrize("changes", [{"shortcode": "17 4379"}, {"type": "bank"}, {"queries_per_minute": 0}])
def test_daraja_settings_that_cannot_be(changes):
    with pytest.raises(ValidationError):
        DarajaSettings(**DARAJA | changes)


def test_connecting_must_end_before_the_whole_call():
    with pytest.raises(ValidationError):
        HttpSettings(connect_s=20, total_s=20)
