"""What must hold for a table of things that move by a lifecycle, and the table of their moves.

Both queries return the rows that break it. The things have `status` and `moves` (how often they moved), the
moves `seq`, `from_status` and `to_status`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

Arcs = Iterable[tuple[str, StrEnum, StrEnum]]  # event, from, to


def incomplete(things: sa.Table, moves: sa.Table, key: str) -> sa.Select[Any]:
    """Find things whose moves have gaps, or do not end where the thing stands."""
    o, m = things.c, moves.c
    last = sa.select(m[key], sa.func.max(m.seq).label("seq"), sa.func.count().label("n"))
    last_ = last.group_by(m[key]).subquery()
    end = moves.alias("end")
    return (
        sa.select(o[key], o.status, end.c.to_status, o.moves, last_.c.n)
        .select_from(
            things.outerjoin(last_, last_.c[key] == o[key]).outerjoin(
                end, (end.c[key] == o[key]) & (end.c.seq == last_.c.seq)
            )
        )
        .where(
            sa.or_(
                end.c.to_status.is_(None),
                end.c.to_status != o.status,
                last_.c.n != o.moves,
                last_.c.seq != o.moves,
            )
        )
    )


def illegal(moves: sa.Table, key: str, arcs: Arcs, first: str) -> sa.Select[Any]:
    """Find moves that no arc allows, that do not begin at `first`, or where the one before did not end."""
    m, before = moves.c, moves.alias("before")
    allowed = sorted({(source.value, target.value) for _, source, target in arcs})
    follows = (before.c[key] == m[key]) & (before.c.seq == m.seq - 1)
    return (
        sa.select(m[key], m.seq, m.from_status, m.to_status)
        .select_from(moves.outerjoin(before, follows))
        .where(
            sa.case(
                (m.seq == 1, sa.or_(m.from_status.is_not(None), m.to_status != first)),
                else_=sa.or_(
                    m.from_status.is_(None),
                    before.c.to_status != m.from_status,
                    sa.tuple_(m.from_status, m.to_status).not_in(allowed),
                ),
            )
        )
    )
