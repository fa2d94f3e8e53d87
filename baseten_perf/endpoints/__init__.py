"""Endpoints: deployments that a client shares its requests among, their health with its probes, their statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import attributes

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .health import EndpointHealth
    from .pool import EndpointPool
    from .statistics import EndpointStatistics

__all__ = ["Endpoint", "EndpointHealth", "EndpointPool", "EndpointStatistics"]

__getattr__ = attributes(
    __name__,
    {
        "Endpoint": "endpoint",
        "EndpointHealth": "health",
        "EndpointPool": "pool",
        "EndpointStatistics": "statistics",
    },
)
