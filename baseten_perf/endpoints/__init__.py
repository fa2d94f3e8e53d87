"""Endpoints: deployments that a client shares its requests among, their health with its probes, their statistics."""

from __future__ import annotations

from .endpoint import Endpoint
from .health import EndpointHealth
from .pool import EndpointPool
from .statistics import EndpointStatistics

__all__ = ["Endpoint", "EndpointHealth", "EndpointPool", "EndpointStatistics"]
