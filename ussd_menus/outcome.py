"""What a step of the menu can come to, and what the shell answers to an intent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.i18n import Catalogues
from taps.tenancies import commands as tenancies
from taps.tenancies import results as tenancy_results
from ussd_menus.facts import Request, UnderWay
from ussd_menus.session import Session

CATALOGUES = Catalogues.of("ussd_menus")


@dataclass(frozen=True, slots=True)
class MenuSettings:
    """What differs between installations and networks; build one for each network limit and keep it."""

    service_code: str = "*384*7#"
    support_phone: str = "0211000000"
    septets: int = 160  # room of a screen in GSM-7; UCS-2 gets 7/16 of it
    resume_within_s: int = 600
    wait_for_provider_s: float = 7200
    catalogues: Catalogues = field(default=CATALOGUES, repr=False, compare=False)


class Screen(Struct, frozen=True, gc=False):
    """What the handset shows; `name` is for metrics and the aggregator's dashboard."""

    name: str
    text: str
    is_end: bool = False


class ChooseLanguage(Struct, frozen=True):
    """This phone wants this language from now on."""

    msisdn: str
    language: str


class CheckAgain(Struct, frozen=True):
    """Somebody waits for this payment: ask the provider soon."""

    payment_id: str


class Looked(Struct, frozen=True):
    """Somebody with a role has looked at other people's matters, or was not allowed to."""

    action: str  # as in the audit log: tap.status
    subject: str  # TapID, or what was typed for one
    result: str = "done"


Effect = ChooseLanguage | CheckAgain | Looked


class Needs(Struct, frozen=True):
    """Answers that are missing: load them, add them to those already given, and call again."""

    requests: frozenset[Request[Any]]


class Outcome(Struct, frozen=True, gc=False):
    """The next screen and the session to keep. Effects are written with the session."""

    session: Session
    screen: Screen
    effects: tuple[Effect, ...] = ()


class Confirmed(Struct, frozen=True):
    """What a person has said Yes to, exactly as it was shown."""

    number: int  # 1, 2, … within the session: the idempotency key derives from it
    msisdn: str  # E.164, the caller
    payer_msisdn: str  # E.164, the wallet
    tap_id: str
    tenant_id: str | None  # None: all that is open on the tap
    amount_minor: int
    currency: str
    is_all: bool  # Pay all was chosen
    provider: str
    waits: bool = False  # the provider does not work now: ask when it does


class Report(Struct, frozen=True):
    """Something is wrong, at a tap or (None) at a place that is known by the words alone."""

    number: int
    msisdn: str
    kind: str  # a FlagKind
    tap_id: str | None
    words: str  # empty: none


class Change(Struct, frozen=True):
    """A caretaker changes who is on a tap; the shell gives the command its id."""

    number: int
    command: tenancies.Command


class RecordCash(Struct, frozen=True):
    """An agent has taken cash for a tap; without `payer_msisdn` nobody is told by SMS."""

    number: int
    msisdn: str  # E.164, the agent
    tap_id: str
    tenant_id: str | None  # whose part it pays; None: the tap as a whole
    amount_minor: int
    currency: str
    payer_msisdn: str | None


# Every act counts itself within its call (1, 2, …), so that the same act again is known to be the same.
Act = Confirmed | Report | Change | RecordCash


class Intent(Struct, frozen=True):
    """The world must change before the next screen is known: do `act`, then `conclude`."""

    act: Act
    session: Session
    effects: tuple[Effect, ...] = ()


class Accepted(Struct, frozen=True):
    """The payment is on its way; the prompt comes after this call ends."""

    payee: str  # the name that the prompt will show
    wallet: str  # name of the provider: Airtel Money
    amount_minor: int
    currency: str
    look_again_at: datetime
    is_behind_another: bool = False  # another prompt for this handset comes first
    waits_until: datetime | None = None  # the provider does not work: it is asked until then whether it does


class PaidFromKept(Struct, frozen=True):
    """All of it is paid already, from money that we kept for the caller."""

    amount_minor: int
    currency: str


class PaymentUnderWay(Struct, frozen=True):
    """Somebody, perhaps the caller, is paying this already."""

    under_way: UnderWay


class OverLimit(Struct, frozen=True):
    """More than one payment, or one day, may carry."""

    wallet: str
    limit_minor: int
    currency: str


class NothingOwed(Struct, frozen=True):
    """It was paid in the meantime, or less is owed than was to be paid."""


class NotExpressible(Struct, frozen=True):
    """The rail cannot carry this amount: it takes multiples of `unit_minor`."""

    wallet: str
    unit_minor: int
    currency: str


class ProviderDown(Struct, frozen=True):
    """The provider does not work now; nothing was started."""

    wallet: str


class Refused(Struct, frozen=True):
    """A rule forbids it and the person can do nothing but call."""


class Busy(Struct, frozen=True):
    """Too much is waiting; nothing was started."""


class Reported(Struct, frozen=True):
    """The report is kept under this reference; not new where the same phone has told the same before."""

    reference: str
    is_new: bool = True


class Changed(Struct, frozen=True):
    """What became of a caretaker's command, refusals among it."""

    result: tenancy_results.Result


class CashRecorded(Struct, frozen=True):
    """The cash is in the books under `receipt` (C-004217)."""

    amount_minor: int
    currency: str
    left_minor: int  # still to pay on the tap
    receipt: str


class MoreThanOwed(Struct, frozen=True):
    """Less is open than was to be recorded."""

    open_minor: int
    currency: str


class SeveralOwe(Struct, frozen=True):
    """Several tenants owe, and it was not said for whom the cash is."""


class NotAllowed(Struct, frozen=True):
    """The role that this needs is not, or no longer, there."""


Result = (
    Accepted
    | PaidFromKept
    | PaymentUnderWay
    | OverLimit
    | NothingOwed
    | NotExpressible
    | ProviderDown
    | Reported
    | Changed
    | CashRecorded
    | MoreThanOwed
    | SeveralOwe
    | NotAllowed
    | Refused
    | Busy
)
