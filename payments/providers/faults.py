"""What a call means that could not even be made for want of a token."""

from core.errors import MadziError, Refused
from payments.providers.base import Outcome, PushReply, Report, Taken


def push_without_token(fault: MadziError) -> PushReply:
    """Return the reply to a push that was never sent."""
    return PushReply(
        Taken.NOT_REACHED, code=fault.reason, retry_after_s=5.0, is_config_fault=isinstance(fault, Refused)
    )


def report_without_token(fault: MadziError) -> Report:
    """Return the report of a query that was never sent."""
    return Report(Outcome.UNKNOWN, code=fault.reason, is_config_fault=isinstance(fault, Refused))
