"""Everything about the providers that may be set; the defaults are the demo's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulators.faults import Faults
from simulators.providers.people import NUMBER_RULES, Person
from simulators.timing import Timing, WallTime


@dataclass(frozen=True, slots=True)
class Mtn:
    """MTN MoMo, collection and disbursement (reference mtn-momo)."""

    api_user: str = "0b7b6f3e-54f0-4f5c-9f0e-6a1e5c1d2b10"
    api_key: str = "demo-mtn-api-key"
    subscription_key: str = "demo-mtn-subscription-key"
    disbursement_key: str = "demo-mtn-disbursement-key"
    disbursement_user: str = "4f6f7a1c-22a5-4b0e-9d35-3f0c6d1e8a55"
    disbursement_api_key: str = "demo-mtn-disbursement-api-key"
    target_environment: str = "mtnzambia"
    currency: str = "ZMW"
    payee: str = "KANYAMA WATER TRUST"
    opening_balance: str = "1000"
    callback_host: str | None = None  # None: any host may be called back
    new_platform: bool = False  # §2: target environment on the token call, no python-requests
    reason_as_object: bool = False  # §3: live replies give a bare string
    token_life_s: float = 3600.0
    prompt_lifetime_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Airtel:
    """Airtel Money (reference airtel-money), with what its reference leaves open as settings."""

    client_id: str = "demo-airtel-client-id"
    client_secret: str = "demo-airtel-client-secret"  # noqa: S105 - opens only this simulator
    pin: str = "2468"
    country: str = "ZM"
    currency: str = "ZMW"
    dialling_prefix: str = "+260"
    payee: str = "KANYAMA WATER TRUST"
    callback_url: str | None = None  # as in the portal: one for the application
    callback_key: str | None = "demo-airtel-callback-key"  # None: notices carry no hash
    hashed: str = "compact"  # or spaced, whole_compact: the text that the hash is of
    signing: bool = False  # whether v1 wants x-signature too; v2 always does
    zambian_codes: bool = True  # response codes as in the Zambian note, else as in the portal's copies
    refusal_status: int = 200  # or 400: the HTTP status of a push that is refused
    not_found_for_s: float = 0.0  # so long an enquiry does not know the push yet
    token_life_s: float = 180.0
    prompt_lifetime_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Daraja:
    """M-PESA Daraja (reference daraja). `till` is the PartyB of CustomerBuyGoodsOnline."""

    consumer_key: str = "demo-daraja-consumer-key"
    consumer_secret: str = "demo-daraja-consumer-secret"  # noqa: S105 - opens only this simulator
    shortcode: str = "174379"
    till: str = "174379"
    # The sandbox's published passkey, from the password check of reference daraja §2.
    passkey: str = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
    payee: str = "NAIROBI WATER TRUST"
    initiator: str = "testapi"
    initiator_password: str = "demo-daraja-initiator"  # noqa: S105 - opens only this simulator
    b2c_shortcode: str | None = None  # who pays out, where it is not `shortcode`
    opening_balance: str = "1000000"  # of the account that pays out
    external_validation: bool = True
    validation_limit_s: float = 8.0
    mask: str = "spaced"  # or starred, none: numbers in confirmations
    c2b_after_s: float = (
        0.4  # from an STK payment to its confirmation; below `callback_s`: before the callback
    )
    registers_once: bool = False  # as production does
    pull_page: int = 100
    expires_in_as_text: bool = True
    still_processing: str = "500.001.1001"  # or 4999, or mixed: how a query says that the prompt is open
    unanswered_code: str = "1037"  # or 1019
    same_amount_rule: bool = False  # result 17
    same_amount_window_s: float = 120.0
    queries_per_minute: int | None = None  # 5: the sandbox's limit, burst 1
    token_life_s: float = 3600.0
    prompt_lifetime_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Zamtel:
    """Zamtel Kwacha (reference zamtel-and-others §A). The password is base64 with the two awkward letters."""

    third_party_id: str = "MADZI_Caller"
    password: str = "ZGVt/y16YW10ZWw+a2V5"  # noqa: S105 - opens only this simulator
    shortcode: str = "000127"
    identifier: str = "MADZI_Initiator"
    credential: str = "aW5pdGlhdG9y/2NyZWQ+"
    payee: str = "KANYAMA WATER TRUST"
    prompt_lifetime_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Kcb:
    """KCB Buni (reference kcb-buni). Its notices go beside the callback's address unless `ipn_url` is set."""

    consumer_key: str = "demo-kcb-consumer-key"
    consumer_secret: str = "demo-kcb-consumer-secret"  # noqa: S105 - opens only this simulator
    till: str = "7941675"
    payee: str = "KCB PAYBILL 522533"
    flat_reply: bool = False  # without KCB's envelope
    signs: bool = True  # the real sandbox does not
    ipn_url: str | None = None
    ipn_shape: str = "nested"  # or flat: the two that circulate
    ipn_after_s: float = 0.0  # after the callback; below zero: before it
    thousands_separators: bool = False
    unanswered_code: str = "1037"
    token_life_s: float = 3600.0
    prompt_lifetime_s: float = 60.0


@dataclass(frozen=True, slots=True)
class KcbMulti:
    """KCB's multi-currency gateway, as we assume it (reference kcb-buni §7)."""

    api_key: str = "demo-kcb-multi-api-key"
    external_origin: str = "9002742"
    payee: str = "NAIROBI WATER TRUST"
    prompt_lifetime_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Stripe:
    """Stripe (reference zamtel-and-others §D). The webhook is entered as in its dashboard, or set here."""

    secret_key: str = "sk_test_demo_stripe_secret_key"  # noqa: S105 - opens only this simulator
    webhook_secret: str = "whsec_demo_stripe_webhook_secret"  # noqa: S105
    webhook_url: str | None = None
    payee: str = "Kanyama Water Trust"
    refunds_pend: bool = False  # a refund is `pending` first, and a notice tells its end
    refund_outcome: str = "paid"  # or failed, canceled


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the network takes, in seconds: to answer, to bring the prompt, to bring the news."""

    token_s: float = 0.0
    push_s: float = 0.0
    payout_s: float = 0.0
    query_s: float = 0.0
    prompt_s: float = 0.3
    callback_s: float = 0.2
    lookup_s: float = 0.0
    result_s: float = 0.5  # from a payout's acceptance to its result


@dataclass(frozen=True, slots=True)
class Config:
    """The providers of one simulator. `mix` lets a share of people answer otherwise: `{"cancel": 0.05}`."""

    seed: int = 7
    mtn: Mtn = field(default_factory=Mtn)
    airtel: Airtel = field(default_factory=Airtel)
    daraja: Daraja = field(default_factory=Daraja)
    zamtel: Zamtel = field(default_factory=Zamtel)
    kcb: Kcb = field(default_factory=Kcb)
    kcb_multi: KcbMulti = field(default_factory=KcbMulti)
    stripe: Stripe = field(default_factory=Stripe)
    latency: Latency = field(default_factory=Latency)
    faults: Faults = field(default_factory=Faults)
    person: Person = field(default_factory=Person)
    number_rules: Mapping[str, Person] = field(default_factory=lambda: NUMBER_RULES)
    mix: Mapping[str, float] = field(default_factory=dict)
    journal: Path | None = None
    timing: Timing = field(default_factory=WallTime)
    most_open: int = 10_000
    most_callbacks: int = 64
    callback_timeout_s: float = 10.0
