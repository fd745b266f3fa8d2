"""An act of a call, as the code that does acts sees it, and its place in the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import audit
from core.ids import Ids, derived
from ussd_menus.session import Session


@dataclass(frozen=True, slots=True)
class Asked:
    """One act of a call; `session_id` names the call for ever."""

    act: Any
    session: Session
    session_id: str

    @property
    def msisdn(self) -> str:
        """Whose phone it is."""
        return self.session.msisdn

    @property
    def source(self) -> str:
        """Name this act for ever: what it starts is started once."""
        return f"ussd:{self.session_id}:{self.act.number}"

    @property
    def request_id(self) -> str:
        """Return the idempotency key of a payment that this act starts or records."""
        return derived("ussd", self.session_id, str(self.act.number))

    def row(
        self, ids: Ids, now: datetime, *, role: str, action: str, subject: str, result: str = audit.DONE
    ) -> dict[str, Any]:
        """Return the row of the audit log for this act."""
        return audit.row(
            ids=ids,
            at=now,
            actor=self.msisdn,
            role=role,
            channel=audit.Channel.USSD,
            source=self.source,
            action=action,
            subject=subject,
            result=result,
        )
