"""Links to pages on which a payment is paid: short ones of ours, each for one page of a provider.

A provider's own address is several SMS long. Ours fits one, says whose it is, and ends with the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core import bulk
from core.db import Id, UtcDateTime, metadata

TOKEN_BYTES = 12  # 16 characters that nobody guesses, and few to type

pay_links = sa.Table(
    "pay_links",
    metadata,
    sa.Column("payment_id", Id, primary_key=True),
    sa.Column("token", sa.String(22), nullable=False, unique=True),
    sa.Column("url", sa.String(2000), nullable=False, comment="the provider's page"),
    sa.Column("until", UtcDateTime, nullable=False, comment="when the page closes"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class PayLink:
    """One link: where it leads, until when, and for which payment."""

    payment_id: str
    token: str
    url: str
    until: datetime


def address(public_url: str, token: str) -> str:
    """Return what the payer opens."""
    return f"{public_url.rstrip('/')}/pay/{token}"


async def find(connection: AsyncConnection, token: str) -> PayLink | None:
    """Return the link with this token."""
    query = sa.select(pay_links).where(pay_links.c.token == token)
    row = (await connection.execute(query)).first()
    return PayLink(row.payment_id, row.token, row.url, row.until) if row else None


async def of_payments(connection: AsyncConnection, payment_ids: Iterable[str]) -> dict[str, PayLink]:
    """Return the links of those payments that have one."""
    rows = await bulk.fetch(connection, sa.select(pay_links), pay_links.c.payment_id, payment_ids)
    return {row.payment_id: PayLink(row.payment_id, row.token, row.url, row.until) for row in rows}
