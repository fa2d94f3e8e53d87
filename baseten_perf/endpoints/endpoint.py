"""Endpoint: one deployment, whose health is probed in the background."""

from __future__ import annotations

import math
import re
from typing import Any

from ..connection_pool import HttpClientWrapper
from ..engine import EndpointState
from ..http.urls import health_url, request_url, shown_url
from ..limits import Limits
from ..validation import boolean, instance, real, string, unsigned
from .health import EndpointHealth
from .prober import Check, Prober
from .probing import probing

INVALID = "Invalid endpoint configuration: Invalid parameter: "
HEALTH_PATH = "/health"
INTERVAL_S = 10.0
TIMEOUT_S = 6.0
SHORTEST_S = 0.1
RETRIES = 2

_ORIGIN = re.compile(r"https?://[^/?#\\]+", re.IGNORECASE)


class Endpoint:
    """One deployment, probed in the background from its construction until it is collected.

    In each round `GET <base_url>/health` is made (of a base URL that ends in a version or an API, such as "/v1" or
    "/v1/embeddings", without that), then a GET of `deep_health_url` if there is one; an answer of 2xx is a success. One
    failing check makes the endpoint unhealthy at once, a round that succeeds makes it healthy again. A check that only
    times out leaves it as it was, and so does a closed `client_wrapper`. A round that takes longer than half the
    interval stretches it by 1.5, up to ten times. All endpoints of a process share one daemon thread; a forked child
    begins to probe when it first uses a pool. Changes are logged to "baseten_perf", at WARNING (down) and INFO (up).

    An endpoint may be in several pools, and is probed once for all. Two are equal only if they are the same. Copies and
    pickles have the configuration, the API key included, and what is made of them begins to probe.

    Parameters:
        base_url: http or https URL, to which the paths of the API are appended; user name and password are dropped.
        api_key: for probes; requests carry the client's.
        client_wrapper: connection pool for probes, with its proxy, TLS settings and connect time-out. If it was given
            a proxy, requests to the endpoint take that too, and else the client's; all else is the client's for them.
        deep_health_url: absolute URL of a second check.
        deployment_health_path: instead of "/health"; appended to `base_url` as it is.
        health_check_interval_s: seconds from one round to the next, at least 0.1 (default 10).
        health_check_timeout_s: seconds per attempt, at least 0.1 (default 6).
        health_check_retries: attempts, 0.2 seconds apart, after the first one of a check has failed (default 2).
        health_fail_on_first: skip the deep check when the first one fails.
        deployment_timeout_is_no_vote: False to count a time-out of the first check as a failure (default True).
        deep_timeout_is_no_vote: the same for the deep check.
        max_requests_per_minute, max_tokens_per_minute, share: as of PerformanceClient, for the requests of all clients
            to this endpoint and to copies of it; probes do not count. Tokens are counted as the client counts them.

    Raises TypeError, OverflowError or ValueError for arguments, OSError when the system has no thread or descriptor.
    """

    __slots__ = ("__weakref__", "_base_url", "_configuration", "_limits", "_own_proxy", "_prober", "_state")

    def __init__(
        self,
        base_url: str,
        api_key: str,
        client_wrapper: HttpClientWrapper,
        deep_health_url: str | None = None,
        deployment_health_path: str | None = None,
        health_check_interval_s: float | None = None,
        health_check_timeout_s: float | None = None,
        health_check_retries: int | None = None,
        health_fail_on_first: bool = False,
        deployment_timeout_is_no_vote: bool | None = None,
        deep_timeout_is_no_vote: bool | None = None,
        *,
        max_requests_per_minute: float | None = None,
        max_tokens_per_minute: float | None = None,
        share: int = 1,
    ) -> None:
        self._limits = Limits(max_requests_per_minute, max_tokens_per_minute, share)
        base_url = string("base_url", base_url).strip().rstrip("/")
        api_key = string("api_key", api_key)
        instance("client_wrapper", client_wrapper, HttpClientWrapper)
        deep = None if deep_health_url is None else string("deep_health_url", deep_health_url).strip()
        path = HEALTH_PATH
        if deployment_health_path is not None:
            path = string("deployment_health_path", deployment_health_path).strip()
        interval_s = INTERVAL_S
        if health_check_interval_s is not None:
            interval_s = real("health_check_interval_s", health_check_interval_s)
        timeout_s = TIMEOUT_S
        if health_check_timeout_s is not None:
            timeout_s = real("health_check_timeout_s", health_check_timeout_s)
        retries = RETRIES
        if health_check_retries is not None:
            retries = unsigned("health_check_retries", health_check_retries, 32)
        fail_on_first = boolean("health_fail_on_first", health_fail_on_first)
        no_vote = _default_true("deployment_timeout_is_no_vote", deployment_timeout_is_no_vote)
        deep_no_vote = _default_true("deep_timeout_is_no_vote", deep_timeout_is_no_vote)
        if not base_url:
            raise ValueError(INVALID + "endpoint base_url cannot be empty")
        if not api_key.strip():
            raise ValueError(INVALID + "endpoint health_api_key cannot be empty")
        _check_seconds("health_check_timeout", timeout_s)
        _check_seconds("health_check_interval", interval_s)
        if path == "" or deep == "":
            raise ValueError(INVALID + "endpoint_health check path_or_url cannot be empty")
        join = health_url if deployment_health_path is None else request_url
        urls = [(join(base_url, path), no_vote)]
        if deep is not None:
            urls.append((_absolute(deep), deep_no_vote))
        if "@" in base_url:
            base_url = request_url(base_url, "").rstrip("/")
        self._base_url = base_url
        self._own_proxy = client_wrapper.proxy_for if client_wrapper.has_own_proxy else None
        self._configuration = (
            base_url, api_key, client_wrapper, deep, path, interval_s, timeout_s, retries, fail_on_first, no_vote,
            deep_no_vote,
        )  # fmt: skip
        self._state = EndpointState()
        self._prober = Prober(
            base_url,
            self._state,
            client_wrapper,
            api_key,
            [Check(url, client_wrapper.proxy_for(url), silent) for url, silent in urls],
            interval_s=interval_s,
            timeout_s=timeout_s,
            retries=retries,
            fail_on_first=fail_on_first,
        )
        probing.add(self._prober)

    @property
    def base_url(self) -> str:
        """URL that the paths of the API are appended to, without white space and slashes around it."""
        return self._base_url

    @property
    def health(self) -> EndpointHealth:
        """What the probes have found up to now."""
        probing.resume()
        return self._prober.health

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={_quoted(shown_url(self._base_url))}{self._limits.shown()})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._configuration, self._limits

    def __setstate__(self, limits: Limits) -> None:
        self._limits = limits


def _check_seconds(name: str, seconds: float) -> None:
    if not math.isfinite(seconds):
        raise ValueError(f"{INVALID}{name} must be a finite number of seconds")
    if seconds < SHORTEST_S:
        raise ValueError(f"{INVALID}{name} must be at least 100ms")


def _default_true(name: str, value: Any) -> bool:
    return True if value is None else boolean(name, value)


def _absolute(url: str) -> str:
    origin = _ORIGIN.match(url)
    try:
        if origin is not None:
            return request_url(origin.group(), url[origin.end() :])
    except ValueError:
        pass
    raise ValueError(INVALID + "absolute endpoint_health check URLs must be valid")


def _quoted(text: str) -> str:
    """The text as a Python literal in double quotes, as the reference client shows it."""
    return '"' + repr(text)[1:-1].replace('"', '\\"') + '"'
