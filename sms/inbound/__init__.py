"""What people send by SMS, from text to commands: pure."""

from sms.inbound.commands import Answerable, Command, Refusal, Why, Word
from sms.inbound.reading import read
from sms.inbound.writing import canonical, example

__all__ = ["Answerable", "Command", "Refusal", "Why", "Word", "canonical", "example", "read"]
