"""What goes in and out, as pydantic models: requests are checked by them, the document is made from them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

UUID_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
MOST_MINOR = 10**12

# Both lists are compared with the code that owns them by a test.
ProviderId = Literal["daraja", "mtn", "airtel", "zamtel", "kcb", "kcb_multi", "stripe", "cash", "wallet"]
Status = Literal["initiated", "pending", "success", "failed", "expired", "refunded", "reversed"]
Uuid = Annotated[str, StringConstraints(pattern=UUID_PATTERN), Field(json_schema_extra={"format": "uuid"})]
CurrencyCode = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
UserId = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._:@|+/=-]{1,60}$")]
TapText = Annotated[str, StringConstraints(min_length=1, max_length=40)]
PhoneText = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, RFC 3339")]


class Input(BaseModel):
    """Something sent to us: unknown fields and almost-right types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Amount(Input):
    """An amount to pay: whole minor units (ngwee, cents)."""

    amount_minor: int = Field(ge=1, le=MOST_MINOR, examples=[3000])
    currency: CurrencyCode = Field(examples=["ZMW"])


class PayRequest(Input):
    """Collect what a tap, or one tenant on it, owes."""

    tap_id: TapText = Field(description="TapID or tap number, typed loosely", examples=["KNY-0417-1"])
    tenant_id: Uuid | None = Field(None, description="only this tenant's part; without it all that is open")
    msisdn: PhoneText = Field(
        description="the wallet, in any usual form of the tap's country", examples=["+260961234567"]
    )
    amount: Amount | None = Field(None, description="without it all that is open")
    provider: ProviderId | None = Field(None, description="without it the provider of the number's prefix")
    user_id: UserId | None = Field(None, description="the platform's own user, kept with the payment")
    wait_for_provider: bool = Field(
        False,
        description="where the provider does not work now: ask the payer when it is back, for up to "
        "MADZI_WAIT_FOR_PROVIDER_S; without it the payment is tried for its usual time",
    )


class Money(BaseModel):
    """Whole minor units (ngwee, cents) of a currency (ISO 4217)."""

    amount_minor: int
    currency: str


class Order(BaseModel):
    """One seller's part of a payment."""

    order_id: str
    seller: str
    amount: Money
    credited: Money
    status: Literal["not_started", "executing", "success", "failed", "refunded"]
    reason: str | None


class Links(BaseModel):
    """Where to look again."""

    self: str
    pay: str | None = Field(
        default=None, description="where a card is entered, as long as there is such a page and it is open"
    )


class FromCredit(BaseModel):
    """What the payer's wallet with us paid first; the prompt is for the rest."""

    payment_id: Uuid = Field(description="a payment of its own, final at once")
    amount: Money


class Payment(BaseModel):
    """One attempt to collect by one provider."""

    payment_id: Uuid
    payment_request_id: Uuid = Field(description="the idempotency key")
    status: Status
    reason: str | None = Field(description="why it failed or expired")
    amount: Money = Field(description="what this provider was asked for")
    from_credit: FromCredit | None = Field(description="what was paid before from what we keep for the payer")
    tap_id: str
    tenant_id: Uuid | None
    user_id: str | None
    msisdn: str = Field(description="the wallet, E.164")
    provider: ProviderId
    provider_reference: str | None
    receipt: str | None = Field(description="the network's receipt number; may be empty on a success")
    channel: str
    is_payment_done: bool = Field(description="every order has succeeded")
    orders: list[Order]
    created_at: Time
    updated_at: Time
    links: Links


class Transition(BaseModel):
    """One change of a payment's status."""

    from_: Status | None = Field(alias="from")
    to: Status
    at: Time
    cause: str
    actor: str
    raw_id: Uuid | None = Field(description="the callback that caused it")
    detail: str | None


class PaymentStory(Payment):
    """A payment with its trail, oldest first."""

    transitions: list[Transition]


class PaymentPage(BaseModel):
    """Payments, newest first."""

    items: list[Payment]
    next_cursor: str | None = Field(description="asks for the next page; none: this is the last one")


class Debt(BaseModel):
    """What one owner owes for one period."""

    period: str = Field(examples=["2026-11"])
    tenant_id: Uuid | None = Field(description="none: the tap owes it as a whole")
    billed: Money
    paid: Money
    open: Money


class UnderWay(BaseModel):
    """A payment that is being collected now."""

    payment_id: Uuid
    tenant_id: Uuid | None
    status: Status
    amount: Money
    provider: ProviderId
    since: Time


class TapStatus(BaseModel):
    """What an agent sees of a tap; nobody's name and nobody's number."""

    tap_id: str
    tap_number: str
    zone: str
    zone_name: str
    billing: Literal["shared", "individualized"] = Field(description="in the current month")
    open: Money
    debts: list[Debt] = Field(description="what is open, and the whole latest period, oldest first")
    under_way: list[UnderWay]


class GatewayChange(Input):
    """A zone's own account at a provider."""

    settings: dict[str, str | int | float | bool] | None = Field(
        None,
        max_length=40,
        description="every field of the provider's settings, in lower case without the prefix, in place of "
        "what was set before; without it the account stays as it was set",
        json_schema_extra={"writeOnly": True},
    )
    enabled: bool = Field(True, description="false: this provider is not offered in the zone")


class Gateway(BaseModel):
    """An account by which a zone is paid."""

    zone: str | None = Field(description="none: the account of all zones without their own")
    provider: ProviderId
    account: str
    enabled: bool
    healthy: bool = Field(description="it is used now, and answers")
    settings: dict[str, str | int | float | bool] = Field(
        description="of the zone's own account; secrets are masked"
    )
    urls: dict[str, str] = Field(
        description="where the provider calls back, by kind; for finance and admins only"
    )


class ZoneGateways(BaseModel):
    """The accounts by which a zone is paid, by provider."""

    zone: str
    gateways: list[Gateway]


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457) with a stable code."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] = Field(default=[], description="with bad_* codes: every field that is wrong")
    payment_id: Uuid | None = Field(None, description="with payment_under_way: which one")
    open: Money | None = Field(None, description="with more_than_owed: what is open")
