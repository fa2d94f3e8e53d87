"""EndpointPool: endpoints that requests are shared among by weight and health."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..engine import Route
from ..http.urls import request_url
from ..limits import Limits
from ..validation import instance, real, wrong_type
from .endpoint import Endpoint
from .health import EndpointHealth
from .probing import probing

INVALID = "Invalid endpoint pool configuration: Invalid parameter: endpoint pool "


class EndpointPool:
    """Endpoints that a client shares its requests among: `PerformanceClient(..., endpoint_pool=pool)`.

    Each attempt goes to an endpoint of the first group that is not empty: healthy ones that the request has not tried
    yet, healthy ones, those not tried yet, any. Inside the group a hash of a running number decides by weight. An
    endpoint of weight 0 gets a request only when its group has no other.

    Parameters:
        endpoints: at least one, with different base URLs.
        endpoint_weights: finite numbers from 0, one per endpoint, not all 0; equal by default.

    Raises TypeError or ValueError.
    """

    __slots__ = ("__weakref__", "_endpoints", "_sequence_number", "_shares", "_weights")

    def __init__(self, endpoints: Sequence[Endpoint], endpoint_weights: Sequence[float] | None = None) -> None:
        self._endpoints: tuple[Endpoint, ...] = tuple(_sequence("endpoints", endpoints))
        for endpoint in self._endpoints:
            instance("endpoints", endpoint, Endpoint)
        self._weights: tuple[float, ...] | None = None
        if endpoint_weights is not None:
            given = _sequence("endpoint_weights", endpoint_weights)
            self._weights = tuple(real("endpoint_weights", weight) for weight in given)
        if not self._endpoints:
            raise ValueError("endpoints must not be empty")
        if len({endpoint.base_url for endpoint in self._endpoints}) < len(self._endpoints):
            raise ValueError(INVALID + "endpoints must be unique")
        weights = (1.0,) * len(self._endpoints) if self._weights is None else self._weights
        if len(weights) != len(self._endpoints):
            raise ValueError(INVALID + "weights length must match endpoints length")
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
            raise ValueError(INVALID + "weights must be finite and non-negative")
        if not any(weights):
            raise ValueError(INVALID + "weights cannot all be zero")
        # The engine adds them up, which must not overflow.
        largest = max(weights)
        self._shares = tuple(weight / largest for weight in weights) if math.isinf(sum(weights)) else weights
        self._sequence_number = 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints; the first is the client's primary one."""
        return self._endpoints

    def health(self) -> list[EndpointHealth]:
        """What the probes have found up to now, for each endpoint in order."""
        return [endpoint.health for endpoint in self._endpoints]

    def limits(self) -> list[Limits]:
        """What the user has told of each endpoint, in order."""
        return [endpoint._limits for endpoint in self._endpoints]

    def routes(self, path: str, proxy_for: Callable[[str], str]) -> list[Route]:
        """Where requests for `path` may go: one route per endpoint, in order.

        Parameters:
            proxy_for: gives the client's proxy for a URL, "" for none; asked for endpoints without one of their own.

        Raises ValueError when a base URL and the path make no URL.
        """
        routes = []
        for endpoint, share in zip(self._endpoints, self._shares, strict=True):
            url = request_url(endpoint._base_url, path)
            proxy = proxy_for(url) if endpoint._own_proxy is None else endpoint._own_proxy(url)
            routes.append((url.encode("ascii"), proxy.encode(), endpoint._state, share))
        return routes

    def take_sequence_numbers(self, count: int) -> int:
        """Reserve `count` consecutive numbers for a call's choice of routes; the first of them.

        With the first call in a forked child the endpoints' probes go on there. Two threads at the same time may get
        the same numbers: then their requests are spread alike, which does no harm, and a lock might be held for ever
        in a forked child.
        """
        probing.resume()
        sequence_number = self._sequence_number
        self._sequence_number = (sequence_number + count) & 0xFFFF_FFFF_FFFF_FFFF
        return sequence_number

    def __repr__(self) -> str:
        weights = "" if self._weights is None else f", endpoint_weights={list(self._weights)}"
        return f"{type(self).__name__}(endpoints={list(self._endpoints)}{weights})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self._endpoints), None if self._weights is None else list(self._weights))


def _sequence(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong_type(name, "a sequence", value)
    return value
