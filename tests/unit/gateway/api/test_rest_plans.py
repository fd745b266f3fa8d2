import pytest

from core.errors import BadMsisdn, BadTapId, NotFound
from gateway.api import plans
from gateway.api.plans import Known
from gateway.api.schemas import PayRequest
from payments.commands import Pay
from taps.model import Role, Tap, Tenant, User
from taps.tap_id import TapId

KEY, OTHER_KEY = "0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b10", "0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b11"
MARY = "11111111-1111-7111-8111-111111111111"
ELSEWHERE = "22222222-2222-7222-8222-222222222222"
BFF = User("bff", Role.OPERATOR)
BODY = {"tap_id": "kny 0417 1", "msisdn": "0961234567"}


def tap(tap_id="KNY-0417-1", zone="KNY", country="ZM", currency="ZMW"):
    return Tap(tap_id, "241703", zone, zone, country, currency, None, None, None, None, ())


KNOWN = Known(
    {TapId("KNY-0417-1"): tap(), TapId("NRB-0001-7"): tap("NRB-0001-7", "NRB", "KE", "KES")},
    {
        MARY: Tenant(MARY, "KNY-0417-1", "+260960000001", "Mary", 3, active=True),
        ELSEWHERE: Tenant(ELSEWHERE, "KNY-0533-5", "+260960000002", "John", 3, active=True),
    },
)


def asked(user=BFF, key=KEY, **body):
    return plans.ask(key, user, PayRequest.model_validate({**BODY, **body}))


def planned(user=BFF, **body):
    return plans.plan(asked(user, **body), KNOWN, "correlation")


def test_a_request_becomes_a_command_that_is_pushed_at_once():
    command = planned(user_id="bff:77")
    assert isinstance(command, Pay)
    assert (command.payment_request_id, command.tap_id, command.tenant_id) == (KEY, "KNY-0417-1", None)
    assert (command.msisdn, command.contact_msisdn) == ("+260961234567", "+260961234567")
    assert (command.amount_minor, command.currency, command.provider) == (None, "ZMW", "")
    assert (command.channel, command.delay_s, command.user_id) == ("rest", 0, "bff:77")
    assert command.correlation_id == "correlation"


def test_a_number_without_country_code_is_of_the_taps_country():
    command = planned(tap_id="NRB-0001-7", msisdn="0708374149")
    assert (command.msisdn, command.provider, command.currency) == ("+254708374149", "", "KES")


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"tenant_id": MARY.upper()}, "tenant_id", MARY),
        ({"amount": {"amount_minor": 500, "currency": "ZMW"}}, "amount_minor", 500),
        ({"provider": "airtel"}, "provider", "airtel"),
        ({"msisdn": "+254708374149", "provider": "daraja"}, "msisdn", "+254708374149"),
    ],
)
def test_what_is_given_is_kept(change, field, expected):
    assert getattr(planned(**change), field) == expected


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"tap_id": "KNY-0533-5"}, NotFound, "no_such_tap"),
        ({"tenant_id": ELSEWHERE}, NotFound, "no_such_tenant"),
        ({"tenant_id": KEY}, NotFound, "no_such_tenant"),
        ({"msisdn": "12345"}, BadMsisdn, "bad_msisdn"),
        ({"tap_id": "KNY-0417-2"}, BadTapId, "bad_tap_id"),
    ],
)
def test_what_does_not_exist_is_said_by_its_code(change, error, code):
    with pytest.raises(error) as refusal:
        planned(**change)
    assert refusal.value.reason == code


@pytest.mark.parametrize(
    ("zones", "is_seen"), [(("KNY",), True), (("GDN", "KNY"), True), ((), True), (("NRB",), False)]
)
def test_a_tap_is_there_for_users_of_its_zones(zones, is_seen):
    user = User("office", Role.OPERATOR, zones)
    if is_seen:
        assert planned(user).tap_id == "KNY-0417-1"
    else:
        with pytest.raises(NotFound):
            planned(user)


def test_another_currency_than_the_taps_is_refused_as_unprocessable():
    assert planned(amount={"amount_minor": 500, "currency": "KES"}).status == 422


def test_routing_chooses_unless_a_provider_is_asked_for():
    assert (planned().provider, planned().is_chosen) == ("", True)
    assert planned(provider="mtn").provider == "mtn"


def test_whoever_wants_to_wait_for_a_provider_says_so():
    assert planned().if_down == "queue"
    assert planned(wait_for_provider=True).if_down == "wait"
    assert asked(wait_for_provider=False).request_hash == asked().request_hash
    assert asked(wait_for_provider=True).request_hash != asked().request_hash


def test_the_hash_tells_requests_apart_and_repeats_not():
    first = asked().request_hash
    assert first == asked(key=OTHER_KEY, tenant_id=None, amount=None).request_hash
    others = [
        asked(User("office", Role.OPERATOR)),
        asked(msisdn="0967654321"),
        asked(tenant_id=MARY),
        asked(amount={"amount_minor": 500, "currency": "ZMW"}),
        asked(provider="mtn"),
        asked(user_id="x"),
    ]
    assert len({first, *(other.request_hash for other in others)}) == 7
