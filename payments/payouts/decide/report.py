"""What a word on a payout means. Only proof says that nothing has left: a forged no would send it twice."""

from datetime import datetime, timedelta

from core.errors import Conflict, NotFound
from payments.payouts import people
from payments.payouts.commands import PayoutReported, Resolve
from payments.payouts.decide.end import complete, fail, keep
from payments.payouts.desk import PayoutDesk
from payments.payouts.records import Payout
from payments.providers.base import Outcome, Reason, Report

_NO_QUERY_S = 3600.0
_EXPIRED = "expired"  # as the rail said once: `failure` of a payout that has not ended
# In multiples of poll_after_s: 20 s, 30 s, 60 s, 2 min, 5 min …, then hourly.
_WAITS = (1.0, 1.5, 3.0, 6.0, 15.0, 30.0, 90.0, 180.0)


def reported(desk: PayoutDesk, command: PayoutReported) -> Payout:
    """Move a payout by a word on it; what ended stays ended, and staff see who contradicts."""
    payout, report = desk.payouts[command.payout_id], command.report
    if report.provider_reference and not payout.provider_reference and _is_about(payout, report):
        payout = desk.touch(payout, provider_reference=report.provider_reference[:80])
    match report.outcome:
        case Outcome.PAID:
            return _sent(desk, payout, command)
        case Outcome.NOT_PAID | Outcome.EXPIRED:
            return _not_sent(desk, payout, command)
        case _:
            return _no_word(desk, payout, command)


def _is_about(payout: Payout, report: Report) -> bool:
    return report.reference in (None, payout.reference)


def _sent(desk: PayoutDesk, payout: Payout, command: PayoutReported) -> Payout:
    report = command.report
    if not payout.is_holding:
        return _said_again(desk, payout, command, agrees=payout.status == "completed")
    if (wrong := _misfit(payout, report)) is not None:
        keep(desk, payout, "payout_differs", f"payout {payout.payout_id}: {wrong}", raw_id=command.raw_id)
        return _ask_later(desk, payout, report)
    return complete(desk, payout, report, cause=command.cause, raw_id=command.raw_id)


def _misfit(payout: Payout, report: Report) -> str | None:
    """Compare what a word says with what was asked; None where it fits."""
    if report.amount_minor is not None and report.amount_minor != payout.amount_minor:
        return f"the rail says {report.amount_minor} minor units, asked were {payout.amount_minor}"
    if report.currency is not None and report.currency != payout.currency:
        return f"the rail says {report.currency}"
    if not _is_about(payout, report):
        return "the rail speaks of another reference"
    return None


def _not_sent(desk: PayoutDesk, payout: Payout, command: PayoutReported) -> Payout:
    report = command.report
    if not payout.is_holding:
        return _said_again(desk, payout, command, agrees=payout.status in ("failed", "rejected"))
    if not command.is_proof:
        detail = (
            f"a notice without proof says {report.code or report.outcome}: ask the provider, then resolve it"
        )
        keep(desk, payout, "payout_refused", detail, raw_id=command.raw_id)
        return payout
    if not report.is_last_word and (payout.failure is None or command.cause != "poll"):
        # It may be paid yet: asked once more before the money lies where it was (reference airtel-money §3).
        return _ask_later(desk, desk.touch(payout, failure=_EXPIRED), report)
    reason = report.reason or Reason.OTHER
    return fail(desk, payout, reason, cause=command.cause, raw_id=command.raw_id, detail=report.code or None)


def _said_again(desk: PayoutDesk, payout: Payout, command: PayoutReported, *, agrees: bool) -> Payout:
    if agrees:
        receipt = command.report.receipt
        is_news = payout.status == "completed" and receipt and not payout.receipt and len(receipt) <= 40  # noqa: PLR2004 - the column
        return desk.touch(payout, receipt=receipt) if is_news else payout
    detail = f"the rail says {command.report.code or command.report.outcome} of a payout that {payout.status}"
    keep(desk, payout, "contradiction", detail, raw_id=command.raw_id)
    return payout


def _no_word(desk: PayoutDesk, payout: Payout, command: PayoutReported) -> Payout:
    return _ask_later(desk, payout, command.report) if payout.status == "processing" else payout


def _ask_later(desk: PayoutDesk, payout: Payout, report: Report) -> Payout:
    if payout.status != "processing":
        return payout
    return desk.touch(payout, checks=payout.checks + 1, next_check_at=_next_check(desk, payout, report))


def _next_check(desk: PayoutDesk, payout: Payout, report: Report) -> datetime:
    wait_s = desk.rules.poll_after_s * _WAITS[min(payout.checks, len(_WAITS) - 1)]
    at = desk.books.later(max(wait_s, report.retry_after_s or 0))
    last = (payout.sent_at or payout.created_at) + timedelta(seconds=_patience_s(desk, payout))
    if desk.now < last:
        return min(at, last)
    # So long without an end: only a person can find it. The money stays held; the rail is asked once a day.
    detail = (
        f"nobody knows what became of payout {payout.payout_id}: see the provider's list, then resolve it"
    )
    keep(desk, payout, "payout_unresolved", detail)
    return desk.books.later(desk.rules.ask_for_s)


def _patience_s(desk: PayoutDesk, payout: Payout) -> float:
    """Return how long the rail's word is waited for before staff are told: less where it cannot be asked."""
    rail = desk.rules.rail(payout.account_id)
    can_be_asked = rail is not None and rail.traits.has_query
    return desk.rules.ask_for_s if can_be_asked else min(desk.rules.ask_for_s, _NO_QUERY_S)


def resolve(desk: PayoutDesk, command: Resolve) -> Payout:
    """End a payout by what staff have seen at the provider; somebody else than who asked for it."""
    payout = desk.payouts.get(command.payout_id)
    if payout is None:
        raise NotFound("there is no such payout", code="no_such_payout")
    by = people.approver(desk.people, command.by, payout.requested_by)
    if payout.status != "processing":
        raise Conflict(f"nothing is to be found out: it is {payout.status}", code="not_processing")
    if command.was_sent:
        word = Report(Outcome.PAID, receipt=command.receipt)
        return complete(desk, payout, word, cause="staff", actor=by, detail=command.note or None)
    return fail(desk, payout, Reason.OTHER, cause="staff", actor=by, detail=command.note or "staff: not sent")
