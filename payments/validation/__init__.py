"""The seam between acceptance and push: no prompt leaves without PROCEED.

Its first rules are limits. The pipeline of three stages takes the same place later.
"""

from payments.validation.limits import Limits, Verdict, validate

__all__ = ["Limits", "Verdict", "validate"]
