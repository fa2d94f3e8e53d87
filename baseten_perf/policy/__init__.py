"""How the requests of a call are processed: the table of options, preferences, and the policy of one call."""

from __future__ import annotations

from .preference import RequestProcessingPreference
from .resolve import DEFAULT, Policy, resolve

__all__ = ["DEFAULT", "Policy", "RequestProcessingPreference", "resolve"]
