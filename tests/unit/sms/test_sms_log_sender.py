from structlog.testing import capture_logs

from sms.senders.base import Outcome, Outgoing
from sms.senders.log import LogSender


async def test_without_an_aggregator_the_sms_is_logged_with_its_numbers_masked():
    with capture_logs() as logs:
        handed = await LogSender().send(Outgoing("s1", "+260971234567", "Madzi: ask 260961234567."))
    assert handed.outcome is Outcome.SENT
    [line] = logs
    assert (line["to"], line["text"]) == ("26097****567", "Madzi: ask 26096****567.")
