"""Endpoints: deployments that a client shares its requests among, their health, and the probes that find it out."""

from __future__ import annotations

from .endpoint import Endpoint
from .health import EndpointHealth
from .pool import EndpointPool

__all__ = ["Endpoint", "EndpointHealth", "EndpointPool"]
