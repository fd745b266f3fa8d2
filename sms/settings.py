"""How to reach the SMS aggregator: `MADZI_AT_*` (contract §3)."""

from pydantic import BaseModel, ConfigDict, SecretStr


class AfricasTalkingSettings(BaseModel):
    """An account at Africa's Talking.

    `base_url` may carry a path; `/version1/messaging` is appended to it (reference africastalking §2).
    Without a `sender_id` the aggregator chooses the sender.
    """

    model_config = ConfigDict(frozen=True)

    base_url: str = "https://api.africastalking.com"
    username: str
    api_key: SecretStr
    sender_id: str | None = None
