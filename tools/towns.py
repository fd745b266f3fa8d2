"""What simulated towns are made of: taps with a month's bill, and settings that point at the simulators.

The bad day of `tools.chaos` and the town of the tests live in the same ones.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from core.clock import SystemClock
from core.db import Database
from core.ids import Ids
from gateway import schema
from gateway.settings import Settings
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.providers import airtel_keys
from simulators.providers.config import Airtel, Daraja, Kcb, KcbMulti, Mtn, Stripe, Zamtel
from simulators.providers.daraja_keys import certificate_pem
from simulators.providers.kcb_keys import public_pem
from taps import importing, raising

TOKEN = "town-channel-token"  # noqa: S105 - opens only what a test or a bad day starts
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
PERIOD, NEXT_PERIOD = "2026-11", "2026-12"
_FILES = {
    "zones": "zone,name,country,currency,latitude,longitude\nKNY,Kanyama,ZM,ZMW,,\nNRB,Nairobi,KE,KES,,\n",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
    "KNY,water,KANYAMA WATER TRUST,tap_month,20.00,ZMW,2026-01-01\n"
    "KNY,refuse,KANYAMA WASTE,tap_month,10.05,ZMW,2026-01-01\n"
    "NRB,water,NAIROBI WATER TRUST,tap_month,200,KES,2026-01-01\n"
    "NRB,refuse,NAIROBI WASTE,tap_month,100,KES,2026-01-01\n",
}
_TAPS = "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"


async def settle(url: str, taps: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Give a new database its schema, these shared taps and a month's bill; a tap's letters name its zone.

    `more` are rows of further zones and tariffs.
    """
    db, clock = Database(url), SystemClock()
    ids = Ids(clock)
    await schema.upgrade(db)
    files = {kind: text + (more or {}).get(kind, "") for kind, text in _FILES.items()}
    files |= {"taps": _TAPS + "".join(f"{tap},{tap[:3]},,,shared,,,\n" for tap in taps)}
    async with db.write() as connection:
        for kind, text in files.items():
            report = await importing.import_file(connection, kind, text.encode(), ids=ids, clock=clock)
            if report.bad:
                raise ValueError(f"the town cannot be built: {report.bad[0]}")
        await raising.raise_debts(connection, PERIOD, ids=ids, clock=clock)
    await db.close()


def settings_of(
    url: str, gateway_url: str, providers_url: str, aggregator_url: str, **changes: Any
) -> Settings:
    """Return settings with short times, MTN, Airtel, Daraja and SMS by simulators, and these changes."""
    at = AggregatorConfig()
    values: dict[str, Any] = {
        "env": "test",
        "master_key": MASTER_KEY,
        "database_url": url,
        "public_url": gateway_url,
        "channel_token": TOKEN,
        "push_delay_s": 0,
        "payment_expiry_s": 3,
        "poll_after_s": 0.3,
        "guide_after_s": 60,
        "provider_timeout_s": 6,
        "at": {"base_url": aggregator_url, "username": at.username, "api_key": at.api_key},
        "mtn": _mtn(providers_url),
        "airtel": _airtel(providers_url),
        "daraja": _daraja(providers_url),
    }
    return Settings.model_validate(values | changes)


def _mtn(providers_url: str, keys: Mtn | None = None) -> dict[str, Any]:
    keys = keys or Mtn()
    return {
        "base_url": f"{providers_url}/mtn",
        "subscription_key": keys.subscription_key,
        "api_user": keys.api_user,
        "api_key": keys.api_key,
        "target_environment": keys.target_environment,
    }


def _airtel(providers_url: str) -> dict[str, Any]:
    keys = Airtel()
    return {
        "base_url": f"{providers_url}/airtel",
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "callback_key": keys.callback_key,
        "query_after_s": 0,
    }


def _daraja(providers_url: str) -> dict[str, Any]:
    keys = Daraja()
    return {
        "base_url": f"{providers_url}/daraja",
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "shortcode": keys.shortcode,
        "passkey": keys.passkey,
        "queries_per_minute": 60_000,
        "spike_pause_s": 1,
    }


def zamtel_settings(providers_url: str, **changes: Any) -> dict[str, Any]:
    """Return Zamtel Kwacha, for a town that wants it: `settings_of(…, zamtel=zamtel_settings(url))`."""
    keys = Zamtel()
    values = {
        "base_url": f"{providers_url}/zamtel",
        "third_party_id": keys.third_party_id,
        "password": keys.password,
        "shortcode": keys.shortcode,
        "answer_within_s": 2,
    }
    return values | changes


def kcb_multi_settings(providers_url: str, **changes: Any) -> dict[str, Any]:
    """Return KCB's multi-currency gateway, for a town that wants it."""
    keys = KcbMulti()
    values = {
        "base_url": f"{providers_url}/kcb_multi",
        "api_key": keys.api_key,
        "external_origin": keys.external_origin,
    }
    return values | changes


def stripe_settings(providers_url: str, **changes: Any) -> dict[str, Any]:
    """Return Stripe, for a town that wants it."""
    keys = Stripe()
    values = {
        "base_url": f"{providers_url}/stripe",
        "secret_key": keys.secret_key,
        "webhook_secret": keys.webhook_secret,
        "success_url": "https://madzi.example.org/thanks",
    }
    return values | changes


def kcb_settings(providers_url: str, **changes: Any) -> dict[str, Any]:
    """Return KCB Buni, for a town that wants it."""
    keys = Kcb()
    values = {
        "base_url": f"{providers_url}/kcb",
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "till": keys.till,
        "ipn_public_key": public_pem(),
    }
    return values | changes


def money_out_settings(providers_url: str, mtn: Mtn | None = None) -> dict[str, dict[str, Any]]:
    """Return MTN, Airtel, Zamtel and Daraja with what each needs to send money out, and Daraja's list."""
    keys, airtel, zamtel, daraja = mtn or Mtn(), Airtel(), Zamtel(), Daraja()
    disbursement = ("disbursement_key", "disbursement_user", "disbursement_api_key")
    return {
        "mtn": _mtn(providers_url, keys) | {name: getattr(keys, name) for name in disbursement},
        "airtel": _airtel(providers_url) | {"pin": airtel.pin, "public_key": airtel_keys.public_der()},
        "zamtel": zamtel_settings(providers_url, identifier=zamtel.identifier, credential=zamtel.credential),
        "daraja": _daraja(providers_url)
        | {
            "initiator": daraja.initiator,
            "initiator_password": daraja.initiator_password,
            "certificate": certificate_pem(),
            "pull": True,
        },
    }


def every_rail(providers_url: str) -> dict[str, dict[str, Any]]:
    """Return every rail, with money out where it can: `settings_of(…, **every_rail(url))`."""
    return money_out_settings(providers_url) | {
        "kcb": kcb_settings(providers_url),
        "kcb_multi": kcb_multi_settings(providers_url),
        "stripe": stripe_settings(providers_url),
    }
