"""The native engine: see _engine.pyx for its rooms."""

from __future__ import annotations

from ._engine import (
    Completion,
    EndpointState,
    EndpointTally,
    Engine,
    EventMailbox,
    LimitState,
    Matrix,
    OperationHandle,
    PaceState,
    RequestPlan,
    Vectors,
    close_idle_connections,
    default_ca_file,
    kernel,
    lend_descriptor,
    lent_matrix,
    libcurl_version,
    outcomes,
    supports,
    take_descriptor_back,
    verdicts,
)

# URL, URL of the proxy or empty, state of the endpoint, weight: where requests may go.
Route = tuple[bytes, bytes, EndpointState, float]

__all__ = [
    "Completion",
    "EndpointState",
    "EndpointTally",
    "Engine",
    "EventMailbox",
    "LimitState",
    "Matrix",
    "OperationHandle",
    "PaceState",
    "RequestPlan",
    "Route",
    "Vectors",
    "close_idle_connections",
    "default_ca_file",
    "kernel",
    "lend_descriptor",
    "lent_matrix",
    "libcurl_version",
    "outcomes",
    "supports",
    "take_descriptor_back",
    "verdicts",
]
