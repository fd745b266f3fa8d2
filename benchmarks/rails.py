"""Settings of a gateway whose rails are simulated, and the addresses at which their notices come in."""

import base64
import os
from unittest.mock import patch

from benchmarks.hops import environment
from gateway.runtime import open_runtime
from gateway.settings import Settings
from payments.providers.accounts import urls
from simulators.aggregator.config import Config as Aggregator
from simulators.providers.config import Airtel, Daraja, Mtn, Zamtel

NOWHERE = "http://127.0.0.1:9"
MASTER_KEY = base64.b64encode(bytes(32)).decode()  # opens only a benchmark


def around(url: str, gateway_url: str) -> dict[str, str]:
    """Return settings of gateway and worker on a database, but for their rails."""
    at = Aggregator()
    return environment(url) | {
        "MADZI_PUBLIC_URL": gateway_url,
        "MADZI_MASTER_KEY": MASTER_KEY,
        "MADZI_PUSH_DELAY_S": "0",
        "MADZI_AT_USERNAME": at.username,
        "MADZI_AT_API_KEY": at.api_key,
    }


def mtn(providers_url: str = NOWHERE) -> dict[str, str]:
    """Return the settings of MTN MoMo at a simulator."""
    own = Mtn()
    return {
        "MADZI_MTN_BASE_URL": f"{providers_url}/mtn",
        "MADZI_MTN_SUBSCRIPTION_KEY": own.subscription_key,
        "MADZI_MTN_API_USER": own.api_user,
        "MADZI_MTN_API_KEY": own.api_key,
        "MADZI_MTN_TARGET_ENVIRONMENT": own.target_environment,
    }


def airtel(providers_url: str = NOWHERE) -> dict[str, str]:
    """Return the settings of Airtel Money at a simulator."""
    own = Airtel()
    return {
        "MADZI_AIRTEL_BASE_URL": f"{providers_url}/airtel",
        "MADZI_AIRTEL_CLIENT_ID": own.client_id,
        "MADZI_AIRTEL_CLIENT_SECRET": own.client_secret,
        "MADZI_AIRTEL_CALLBACK_KEY": own.callback_key or "",
        "MADZI_AIRTEL_COUNTRY": own.country,
        "MADZI_AIRTEL_CURRENCY": own.currency,
    }


def zamtel(providers_url: str = NOWHERE) -> dict[str, str]:
    """Return the settings of Zamtel Kwacha at a simulator."""
    own = Zamtel()
    return {
        "MADZI_ZAMTEL_BASE_URL": f"{providers_url}/zamtel",
        "MADZI_ZAMTEL_THIRD_PARTY_ID": own.third_party_id,
        "MADZI_ZAMTEL_PASSWORD": own.password,
        "MADZI_ZAMTEL_SHORTCODE": own.shortcode,
        "MADZI_ZAMTEL_IDENTIFIER": own.identifier,
        "MADZI_ZAMTEL_CREDENTIAL": own.credential,
    }


def daraja(providers_url: str = NOWHERE) -> dict[str, str]:
    """Return the settings of M-PESA Daraja at a simulator."""
    own = Daraja()
    return {
        "MADZI_DARAJA_BASE_URL": f"{providers_url}/daraja",
        "MADZI_DARAJA_CONSUMER_KEY": own.consumer_key,
        "MADZI_DARAJA_CONSUMER_SECRET": own.consumer_secret,
        "MADZI_DARAJA_SHORTCODE": own.shortcode,
        "MADZI_DARAJA_PASSKEY": own.passkey,
    }


async def notice_urls(env: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return, by provider and kind, where a gateway with these settings takes notices."""
    with patch.dict(os.environ, env):
        settings = Settings(_env_file=None)
    async with open_runtime(settings) as runtime:
        accounts = runtime.accounts.values()
        return {account.provider: urls(settings.public_url, account) for account in accounts}
