"""What has become true of payouts; people are told from these."""

from msgspec import Struct

from payments.payouts.records import Payout
from payments.records import Payment


class OnItsWay(Struct, frozen=True):
    """The rail has the money, or may have it."""

    payout: Payout
    payment: Payment | None


class GivenBack(Struct, frozen=True):
    """The money has arrived. `reopened_minor` of it had paid debts, which are open again."""

    payout: Payout
    payment: Payment | None
    reopened_minor: int = 0


class NotGivenBack(Struct, frozen=True):
    """The rail said no: the money lies again where it was."""

    payout: Payout
    payment: Payment | None


Event = OnItsWay | GivenBack | NotGivenBack
