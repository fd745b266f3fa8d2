"""Asks M-PESA Daraja about money that came by itself, and tells it where to tell of such money."""

from datetime import datetime

from core.clock import Clock
from core.errors import MadziError
from payments.providers import daraja_c2b as c2b
from payments.providers import daraja_payout, daraja_pull
from payments.providers.base import Arrival, PushReply, Reason, Taken
from payments.providers.daraja_line import Line
from payments.providers.faults import push_without_token
from payments.providers.settings import DarajaSettings

_REGISTER = "/mpesa/c2b/v2/registerurl"
_PULL_REGISTER = "/pulltransactions/v1/register"
_PULL = "/pulltransactions/v1/query"
_STATUS = "/mpesa/transactionstatus/v1/query"
_MOST_PAGES = 200
_TRIES_OF_A_PAGE = 3  # without them a long list is hardly ever read to its end over a line that fails


class Arrivals:
    """What Daraja can be asked about payments by hand."""

    def __init__(self, settings: DarajaSettings, line: Line, clock: Clock) -> None:
        self._settings = settings
        self._line = line
        self._clock = clock

    async def register_urls(self, validation_url: str, confirmation_url: str) -> bool:
        """Register both addresses; False where some were there before. Raises Refused or Unavailable."""
        body = c2b.register_body(self._settings, validation_url, confirmation_url)
        return c2b.read_registration(await self._line.post("register", _REGISTER, body))

    async def register_pull(self, callback_url: str, nominated_number: str) -> bool:
        """Switch the list on; False where it was on. Raises Refused or Unavailable."""
        body = daraja_pull.register_body(self._settings.shortcode, callback_url, nominated_number)
        return daraja_pull.read_registration(await self._line.post("register", _PULL_REGISTER, body))

    async def find(self, since: datetime, until: datetime) -> list[Arrival] | None:
        """Return what came between, of the last 48 hours; None where that is not known in full."""
        now = self._clock.now()
        since, until = max(since, now - daraja_pull.LOOKS_BACK), min(until, now)
        if not self._settings.pull or since >= until:
            return None
        found: dict[str, Arrival] = {}
        offset = 0
        for _ in range(_MOST_PAGES):
            page = await self._read(since, until, offset)
            if page is None or page.rows == 0:
                return None if page is None else list(found.values())
            fresh = {arrival.receipt: arrival for arrival in page.arrivals if arrival.receipt not in found}
            if page.arrivals and not fresh:  # the offset is not heeded: this is the same page again
                return list(found.values())
            found |= fresh
            offset += page.rows
        return None

    async def _read(self, since: datetime, until: datetime, offset: int) -> daraja_pull.Page | None:
        for _ in range(_TRIES_OF_A_PAGE):
            page = await self._page(since, until, offset)
            if page is not None:
                return page
        return None

    async def _page(self, since: datetime, until: datetime, offset: int) -> daraja_pull.Page | None:
        body = daraja_pull.query_body(self._settings.shortcode, since, until, offset)
        try:
            return daraja_pull.read_page(await self._line.post("pull", _PULL, body))
        except MadziError:  # no token
            return None

    async def ask_status(self, receipt: str, result_url: str, timeout_url: str) -> PushReply:
        """Ask about a receipt; never raises. Needs the initiator."""
        if not self._settings.pays_out:
            return PushReply(Taken.REFUSED, reason=Reason.OTHER, code="not_set_up", is_config_fault=True)
        credential = self._settings.security_credential()
        body = daraja_payout.status_body(receipt, self._settings, credential, result_url, timeout_url)
        try:
            return daraja_payout.read_ack(await self._line.post("status", _STATUS, body))
        except MadziError as no_token:
            return push_without_token(no_token)
