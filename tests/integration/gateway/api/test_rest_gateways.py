"""A branch sees and changes how it is paid: roles, zones, and secrets that only go in."""

import json

import pytest
import sqlalchemy as sa

from core.audit import audit_log

OWN = {
    "base_url": "http://127.0.0.1:9/own",
    "subscription_key": "kanyama-subscription",
    "api_user": "kanyama-user",
    "api_key": "kanyama-api-key",
    "target_environment": "mtnzambia",
}
SECRETS = ("kanyama-subscription", "kanyama-api-key")
MTN = "/zones/KNY/gateways/mtn"


async def put(platform, body, path=MTN, who="finance"):
    return await platform.ask("PUT", path, who=who, json=body)


async def test_without_its_own_a_zone_is_paid_by_the_default_accounts(platform):
    reply = await platform.get("/zones/kny/gateways", who="bff")
    assert reply.status == 200
    assert reply.json["zone"] == "KNY"
    assert [(g["provider"], g["zone"], g["healthy"]) for g in reply.json["gateways"]] == [
        ("airtel", None, True), ("daraja", None, True), ("mtn", None, True),
    ]  # fmt: skip
    assert all(g["settings"] == {} for g in reply.json["gateways"])


async def test_a_zone_gets_its_own_account_and_nobody_reads_its_secrets(platform):
    reply = await put(platform, {"settings": OWN})
    assert reply.status == 200
    assert reply.json["account"] == "mtn:KNY"
    assert reply.json["settings"] == OWN | {
        "subscription_key": "********", "api_key": "********", "currency": "ZMW",
    }  # fmt: skip
    seen = await platform.get(MTN, who="finance")
    assert seen.json == reply.json
    assert not any(secret.encode() in reply.raw + seen.raw for secret in SECRETS)
    others = {g["account"] for g in (await platform.get("/zones/NRB/gateways")).json["gateways"]}
    assert "mtn:KNY" not in others


async def test_it_is_switched_off_and_on_as_it_was_set(platform):
    await put(platform, {"settings": OWN})
    off = await put(platform, {"enabled": False})
    assert (off.json["enabled"], off.json["healthy"]) == (False, False)
    assert (await put(platform, {})).json["enabled"] is True
    assert (await put(platform, {"settings": OWN, "enabled": False})).json["enabled"] is False


async def test_addresses_are_for_those_who_may_change_them(platform):
    await put(platform, {"settings": OWN})
    (url,) = (await platform.get(MTN, who="finance")).json["urls"].values()
    assert "/cb/" in url
    assert (await platform.get(MTN, who="bff")).json["urls"] == {}
    airtel = "/zones/KNY/gateways/airtel"  # the default account: its address is every zone's
    assert (await platform.get(airtel, who="finance")).json["urls"] == {}
    assert "/cb/" in (await platform.get(airtel, who="chief")).json["urls"]["callback"]


@pytest.mark.parametrize(
    ("who", "method", "path", "status", "code"),
    [
        ("agent", "GET", MTN, 403, "not_allowed"),
        ("keeper", "GET", "/zones/KNY/gateways", 403, "not_allowed"),
        ("bff", "PUT", MTN, 403, "not_allowed"),
        ("office", "PUT", MTN, 403, "not_allowed"),
        (None, "GET", MTN, 401, "unauthorized"),
        ("finance", "GET", "/zones/NRB/gateways", 404, "no_such_zone"),
        ("finance", "PUT", "/zones/NRB/gateways/mtn", 404, "no_such_zone"),
        ("chief", "GET", "/zones/XXX/gateways", 404, "no_such_zone"),
        ("chief", "GET", "/zones/%00/gateways", 404, "no_such_zone"),
        ("chief", "GET", "/zones/KNY/gateways/zamtel", 404, "no_such_account"),
        ("chief", "GET", "/zones/KNY/gateways/mpesa", 404, "no_such_provider"),
        ("chief", "PUT", "/zones/KNY/gateways/cash", 404, "no_such_provider"),
        ("finance", "DELETE", MTN, 405, "method_not_allowed"),
    ],
)
async def test_who_may_not(sqlite_platform, who, method, path, status, code):
    reply = await sqlite_platform.ask(method, path, who=who, json={"settings": OWN})
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"settings": {"api_key": "kanyama-api-key"}}, 400, "bad_credentials"),
        ({"settings": OWN | {"x": 1}}, 400, "bad_credentials"),
        ({"settings": OWN | {"api_key": ["kanyama-api-key"]}}, 400, "bad_input"),
        ({"setings": OWN}, 400, "bad_input"),
        ([], 400, "bad_input"),
        ({"enabled": False}, 404, "no_such_account"),
    ],
)
async def test_what_cannot_be_set_is_said_by_field_and_never_repeated(sqlite_platform, body, status, code):
    reply = await put(sqlite_platform, body)
    assert (reply.status, reply.code) == (status, code)
    assert not any(secret.encode() in reply.raw for secret in SECRETS)
    assert (await sqlite_platform.get(MTN)).json["account"] == "mtn:default"


async def test_acts_and_refusals_are_audited_without_secrets(platform):
    await put(platform, {"settings": OWN})
    await put(platform, {"settings": {"api_key": "kanyama-api-key"}})
    await put(platform, {"enabled": False})
    rows = await platform.town.rows(sa.select(audit_log).order_by(audit_log.c.audit_id))
    assert [(row.actor, row.role, row.channel, row.subject, row.result) for row in rows] == [
        ("finance", "finance", "api", "mtn:KNY", result) for result in ("done", "bad_credentials", "done")
    ]
    assert json.loads(rows[0].detail) == {"enabled": True, "fields": sorted(OWN)}
    assert not any(secret in str(tuple(row)) for row in rows for secret in SECRETS)


async def test_another_process_pays_by_it_too(platform):
    other = await platform.another_process()
    await put(platform, {"settings": OWN})
    assert (await other.get(MTN)).json["account"] == "mtn:KNY"
