import pytest
from pydantic import ValidationError

from gateway.settings import Settings
from payments.providers.airtel import Airtel
from payments.providers.airtel_settings import AirtelSettings

VALUES = {"base_url": "https://airtel.example/base/", "client_id": "id-secret", "client_secret": "cs-secret"}


def test_the_names_of_the_contract_are_read_from_the_environment(monkeypatch):
    values = VALUES | {"country": "UG", "currency": "UGX", "version": "v2", "callback_key": "ck-secret"}
    for name, value in values.items():
        monkeypatch.setenv(f"MADZI_AIRTEL_{name.upper()}", value)
    settings = Settings(_env_file=None).airtel
    assert settings == AirtelSettings(**values)
    assert "secret" not in (repr(settings) + settings.model_dump_json()).replace("client_secret", "")


@pytest.mark.parametrize("name", VALUES)
def test_a_missing_secret_is_named(name):
    with pytest.raises(ValidationError, match=name):
        AirtelSettings(**{key: value for key, value in VALUES.items() if key != name})


@pytest.mark.parametrize(
    ("changes", "currency", "prefix"),
    [
        ({}, "ZMW", "+260"),
        ({"country": "KE"}, "KES", "+254"),
        ({"country": "CD"}, "CDF", "+243"),
        ({"country": "CD", "currency": "USD"}, "USD", "+243"),
        ({"country": "MW", "currency": "USD"}, "USD", "+265"),
    ],
)
def test_the_currency_follows_the_country(changes, currency, prefix):
    settings = AirtelSettings(**VALUES | changes)
    assert (settings.currency, settings.dialling_prefix) == (currency, prefix)


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "zm"},
        {"country": "XX", "currency": "USD"},
        {"country": "MW"},
        {"currency": "XXX"},
        {"version": "v3"},
        {"min_minor": 10, "max_minor": 9},
        {"base_url": "airtel.example"},
        {"client_id": ""},
        {"query_after_s": -1},
    ],
)
def test_settings_that_cannot_be_stop_the_start(changes):
    with pytest.raises(ValidationError):
        AirtelSettings(**VALUES | changes)


@pytest.mark.parametrize(
    ("changes", "signs"),
    [
        ({}, False),
        ({"signing": True}, True),
        ({"version": "v2"}, True),
        ({"version": "v2", "signing": False}, False),
    ],
)
def test_v2_signs_unless_told_otherwise(changes, signs):
    assert AirtelSettings(**VALUES | changes).signs is signs


def test_the_limits_are_traits_that_people_hear_of_before_they_confirm():
    settings = AirtelSettings(**VALUES | {"min_minor": 100, "max_minor": 9000, "unit_minor": 100})
    traits = Airtel(settings, account_id="a", http=None, clock=None, store=None).traits
    assert (traits.min_minor, traits.max_minor, traits.unit_minor) == (100, 9000, 100)
    assert (traits.currencies, traits.query_after_s) == ({"ZMW"}, 180)
    assert (traits.push_is_repeatable, traits.query_gives_amount) == (True, False)
