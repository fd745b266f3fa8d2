"""Settings from the environment (`MADZI_…`) or `.env`; names in contract §3."""

import base64
import binascii
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.channels.networks import NetworkLimits
from payments.health_settings import BreakerSettings, FeeSettings
from payments.providers.airtel_settings import AirtelSettings
from payments.providers.kcb_multi_settings import KcbMultiSettings
from payments.providers.kcb_settings import KcbSettings
from payments.providers.settings import DarajaSettings, MtnSettings
from payments.providers.stripe_settings import StripeSettings
from payments.providers.zamtel_settings import ZamtelSettings
from payments.validation import Limits
from sms.quiet import QuietHours
from sms.settings import AfricasTalkingSettings

Networks = tuple[IPv4Network | IPv6Network, ...]
DEMO_TOKEN = "demo-channel-token"  # noqa: S105 - public on purpose, refused in production
_SHORTEST_TOKEN = 16
_KEY_BYTES = 32


class Env(StrEnum):
    """Changes what is permitted, never which code runs."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class Sessions(StrEnum):
    """Where calls are kept between hops."""

    AUTO = "auto"  # redis where its URL is set, else database
    MEMORY = "memory"
    DATABASE = "database"
    REDIS = "redis"


class Settings(BaseSettings):
    """Everything that differs between installations."""

    model_config = SettingsConfigDict(
        env_prefix="MADZI_",
        env_file=".env",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="ignore",
        frozen=True,
    )

    env: Env = Env.DEMO
    data_dir: Path = Path("var")
    database_url: str = ""
    public_url: str = "http://127.0.0.1:8080"
    master_key: SecretStr | None = None
    master_key_old: SecretStr | None = None  # the one before, while it is being replaced
    callback_overlap_s: float = Field(604_800, ge=0)  # the token before is taken for so long
    channel_token: SecretStr = SecretStr(DEMO_TOKEN)
    metrics_token: SecretStr | None = None
    service_code: str = "*384*7#"
    support_phone: str = "0211000000"
    log_level: str = "INFO"

    push_delay_s: float = Field(3, ge=0)
    payment_expiry_s: float = Field(300, gt=0)
    poll_after_s: float = Field(20, gt=0)
    guide_after_s: float = Field(45, gt=0)
    provider_timeout_s: float = Field(20, gt=0)
    wait_for_provider_s: float = Field(7200, gt=0)  # what a payer who wants to wait is given
    fees: dict[str, FeeSettings] = {}  # by provider, or by account
    breaker: BreakerSettings = BreakerSettings()
    statement_timeout_s: float = Field(30, ge=0)  # on PostgreSQL; 0: never

    screen_septets: int = Field(160, ge=100, le=182)
    networks: dict[str, NetworkLimits] = {}
    sessions: Sessions = Sessions.AUTO
    redis_url: str = ""
    repeat_within_s: float = Field(0, ge=0, le=10)  # of a bare input, after its reply
    single_limit_minor: dict[str, int] = {"ZMW": 500_000, "KES": 25_000_000}
    daily_limit_minor: dict[str, int] = {"ZMW": 1_000_000, "KES": 50_000_000}
    refund_limit_minor: dict[str, int] = {"ZMW": 50_000, "KES": 500_000}  # above: two people give it back
    max_waiting_hops: int = 2000
    api_rate_per_s: float = Field(50, gt=0)  # for each token of /api/v1
    api_burst: int = Field(100, ge=1)
    callback_sources: dict[str, Networks] = {}  # by provider; one that is not named may send from anywhere
    trusted_proxies: int = Field(0, ge=0, le=10)  # in front of us, whose X-Forwarded-For is believed
    callback_rate_per_s: float = Field(500, gt=0)  # of each gateway account
    callback_burst: int = Field(2000, ge=1)
    pull_every_s: float = Field(300, ge=0, le=86_400)  # looking for money nobody told us of; 0: never
    c2b_strict: bool = False  # payments by hand for no tap of ours are refused where a rail asks before

    bill_day: int = Field(1, ge=0, le=28)  # of the month, in Lusaka; 0: never
    reminders: bool = False
    remind_before_days: int = Field(5, ge=0, le=27)  # before the last day of a month; 0: never
    remind_after_days: int = Field(3, ge=0, le=20)
    reminders_a_month: int = Field(2, ge=1, le=31)  # for one phone
    quiet_hours: str = "20:00-08:00"

    at: AfricasTalkingSettings | None = None
    mtn: MtnSettings | None = None
    airtel: AirtelSettings | None = None
    zamtel: ZamtelSettings | None = None
    daraja: DarajaSettings | None = None
    kcb: KcbSettings | None = None
    kcb_multi: KcbMultiSettings | None = None
    stripe: StripeSettings | None = None

    @field_validator("kcb", mode="before")
    @classmethod
    def _leaves_kcb_multi_out(cls, value: Any) -> Any:
        """`MADZI_KCB_MULTI_…` is another provider, and is split like a setting of this one."""
        if not isinstance(value, dict):
            return value
        return {name: own for name, own in value.items() if not name.startswith("multi_")} or None

    @field_validator("master_key", "master_key_old")
    @classmethod
    def _is_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                size = len(base64.b64decode(value.get_secret_value(), validate=True))
            except binascii.Error:
                size = 0
            if size != _KEY_BYTES:
                raise ValueError("a master key is 32 bytes in base64: openssl rand -base64 32")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("MADZI_REDIS_URL begins with redis://, rediss:// or unix://")
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _is_a_time_of_day(cls, value: str) -> str:
        QuietHours.parse(value)
        return value

    @model_validator(mode="after")
    def _names_its_redis(self) -> Self:
        if self.sessions is Sessions.REDIS and not self.redis_url:
            raise ValueError("MADZI_SESSIONS=redis needs MADZI_REDIS_URL, such as redis://127.0.0.1:6379/0")
        return self

    @model_validator(mode="after")
    def _is_fit_for_production(self) -> Self:
        if self.env is not Env.PRODUCTION:
            return self
        token = self.channel_token.get_secret_value()
        if token == DEMO_TOKEN or len(token) < _SHORTEST_TOKEN:
            raise ValueError("production needs MADZI_CHANNEL_TOKEN: at least 16 random characters")
        if self.metrics_token is None:
            raise ValueError("production needs MADZI_METRICS_TOKEN, which Prometheus sends as bearer token")
        if not self.public_url.startswith("https://"):
            raise ValueError("production needs MADZI_PUBLIC_URL with https://, where callbacks arrive")
        if not self.database_url:
            raise ValueError("production needs MADZI_DATABASE_URL")
        if self.master_key is None:
            raise ValueError("production needs MADZI_MASTER_KEY: openssl rand -base64 32; keep a copy")
        return self

    @model_validator(mode="after")
    def _believes_only_signed_notices(self) -> Self:
        if self.env is Env.PRODUCTION and self.kcb is not None and (why := unfit("kcb", self.kcb)):
            raise ValueError(why)
        return self

    @property
    def db_url(self) -> str:
        """The database: what is set, else a SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir}/madzi.db"

    @property
    def kept_in(self) -> Sessions:
        """Where calls are kept."""
        if self.sessions is not Sessions.AUTO:
            return self.sessions
        return Sessions.REDIS if self.redis_url else Sessions.DATABASE

    @property
    def limits(self) -> Limits:
        """What one payment and one day may reach."""
        return Limits(self.single_limit_minor, self.daily_limit_minor)


def unfit(provider: str, own: BaseModel) -> str:
    """Say why a provider's settings must not be used in production; empty where they may.

    Those of zones' own accounts are asked the same.
    """
    if provider == "kcb" and isinstance(own, KcbSettings):
        if own.unsigned_sandbox:
            return "MADZI_KCB_UNSIGNED_SANDBOX is for KCB's sandbox: production refuses it"
        if not own.ipn_public_key:
            return "production needs MADZI_KCB_IPN_PUBLIC_KEY, with which KCB's notices are checked"
    return ""
