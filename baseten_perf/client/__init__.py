"""The public client: `client` has its methods, `method` makes them, `connection` is what they need of a client."""

from __future__ import annotations

from .client import PerformanceClient

__all__ = ["PerformanceClient"]
