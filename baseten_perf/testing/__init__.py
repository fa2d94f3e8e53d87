"""A local test server: keep-alive, deterministic embeddings, faults on order. `with Server() as server: server.url`."""

from __future__ import annotations

from .faults import Faults
from .server import Server
from .statistics import RecordedRequest, Statistics

__all__ = ["Faults", "RecordedRequest", "Server", "Statistics"]
