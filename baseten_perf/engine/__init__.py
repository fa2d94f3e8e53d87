"""The native engine: see _engine.pyx for its rooms."""

from __future__ import annotations

from ._engine import (
    Completion,
    EndpointState,
    Engine,
    EventMailbox,
    Matrix,
    Operation,
    Vectors,
    default_ca_file,
    libcurl_version,
    supports,
)

__all__ = [
    "Completion",
    "EndpointState",
    "Engine",
    "EventMailbox",
    "Matrix",
    "Operation",
    "Vectors",
    "default_ca_file",
    "libcurl_version",
    "supports",
]
