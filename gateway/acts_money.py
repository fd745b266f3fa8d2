"""What moves money on a menu: payments to be asked for, and cash that an agent has taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import audit
from core.ids import Ids
from gateway import confirmations, facts
from gateway.acts_asked import Asked
from gateway.staff_facts import Rights
from payments import results as r
from payments.commands import Pay, RecordCash
from payments.records import Agent
from payments.service import PaymentService
from taps import store
from taps.model import User
from ussd_menus import outcome as o

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Money:
    """Executes payments and cash in one go, so that debts are locked once."""

    ids: Ids
    payments: PaymentService
    push_delay_s: float

    async def move(
        self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime
    ) -> list[o.Result]:
        """Start payments, record cash; results come in the same order."""
        agents = await self._agents(connection, asked, now)
        given = [self._command(one, agents) for one in asked]
        commands = [command for command in given if command]
        done = iter(await self.payments.execute(connection, commands) if commands else ())
        results = [next(done) if command else None for command in given]
        await _remember(connection, given, results, now)
        return [
            _shown(one, command, result) if command else o.NotAllowed()
            for one, command, result in zip(asked, given, results, strict=True)
        ]

    def _command(self, asked: Asked, agents: dict[str, User]) -> Pay | RecordCash | None:
        """Return what payments are asked for; None for cash that may not be recorded."""
        if isinstance(asked.act, o.Confirmed):
            return confirmations.command(asked.act, asked.request_id, asked.session_id, self.push_delay_s)
        agent = agents.get(asked.source)
        return _cash(asked, agent) if agent else None

    async def _agents(
        self, connection: AsyncConnection, asked: Sequence[Asked], now: datetime
    ) -> dict[str, User]:
        """Return by whose right each cash is recorded; who has none is noted."""
        cash = [one for one in asked if isinstance(one.act, o.RecordCash)]
        if not cash:
            return {}
        rights = await Rights.load(connection, (one.msisdn for one in cash))
        taps = await store.taps_by_ids(connection, {one.act.tap_id for one in cash})
        found = {}
        refused = []
        for one in cash:
            tap = taps.get(one.act.tap_id)
            if tap and (agent := rights.agent_in(one.msisdn, tap.zone)):
                found[one.source] = agent
            else:
                role = "agent" if rights.agents(one.msisdn) else ""
                about = {"action": "cash.record", "subject": one.act.tap_id, "result": "not_allowed"}
                refused.append(one.row(self.ids, now, role=role, **about))
        await audit.write(connection, refused)
        return found


def _cash(asked: Asked, agent: User) -> RecordCash:
    act: o.RecordCash = asked.act
    return RecordCash(
        payment_request_id=asked.request_id,
        agent=Agent(agent.name, asked.msisdn, agent.role.value),
        tap_id=act.tap_id,
        tenant_id=act.tenant_id,
        amount_minor=act.amount_minor,
        payer_msisdn=act.payer_msisdn,
        channel="ussd",
        source=asked.source,
        correlation_id=asked.session_id,
    )


async def _remember(
    connection: AsyncConnection, given: Sequence[Any], results: Sequence[Any], now: datetime
) -> None:
    """Note and log the payments that were accepted."""
    taps = set()
    for command, result in zip(given, results, strict=True):
        if isinstance(command, Pay) and isinstance(result, r.Accepted):
            taps.add((command.contact_msisdn, command.tap_id))
            _log.info(
                "payment_accepted",
                correlation_id=command.correlation_id,
                payment_id=result.payment.payment_id,
                tap_id=command.tap_id,
                amount_minor=result.payment.amount_minor,
                provider=command.provider,
                status=result.payment.status,
            )
    if taps:
        await store.remember_taps(connection, taps, now)


def _shown(asked: Asked, command: Pay | RecordCash, result: Any) -> o.Result:
    if isinstance(command, Pay):
        return confirmations.shown(result, command, asked.msisdn)
    return cash_shown(result, asked.act.currency)


def cash_shown(result: r.CashResult, currency: str) -> o.Result:
    """Return payments' answer to cash as the menu understands it."""
    match result:
        case r.Recorded(payment=payment, receipt=receipt):
            number = payment.receipt or ""
            return o.CashRecorded(payment.amount_minor, payment.currency, receipt.left_minor, number)
        case r.UnderWay(payment=payment):
            return o.PaymentUnderWay(facts.under_way(payment, by_me=False))
        case r.NothingOwed():
            return o.NothingOwed()
        case r.MoreThanOwed(open_minor=open_minor):
            return o.MoreThanOwed(open_minor, currency)
        case r.SeveralOwe():
            return o.SeveralOwe()
        case _:
            return o.Refused()
