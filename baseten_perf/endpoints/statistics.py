"""EndpointStatistics: what a client has counted of one endpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointStatistics:
    """What has become of a client's attempts on one endpoint, up to one moment.

    An attempt is what a server gets: `requests + retries + hedges` of them began, and `in_flight` have not ended yet.
    Of a pool's endpoints, a request counts where its first attempt went, and its end where the last one did. Requests
    that were aborted (their call was cancelled, ran out of time, or failed because of another request) are neither
    answered nor failed. Health probes do not count.

    Attributes:
        base_url: of the endpoint, without user name, password and query.
        requests: requests that were begun here.
        retries: further attempts, after failures and refusals.
        hedges: copies of slow attempts.
        in_flight: attempts under way at the moment.
        answered: requests with a whole 2xx response.
        failed: requests that have failed for good.
        refused: responses that ask to come back later: 429, and 503 or 529 with Retry-After.
        bytes_sent: bytes of the bodies of all attempts.
        bytes_received: bytes of bodies of responses, as they came, compressed or not.
        connections_open: open connections that were made for these attempts; the pool may use them for other clients.
        latency_p50, latency_p90, latency_p99: so many percent of the attempts that were answered took at most that many
            seconds, from the start of the attempt to the end of its response; the bucket of a histogram tells it to
            within 12 percent. None before the first.
        latency_max: seconds of the longest one, exactly.
    """

    base_url: str
    requests: int = 0
    retries: int = 0
    hedges: int = 0
    in_flight: int = 0
    answered: int = 0
    failed: int = 0
    refused: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    connections_open: int = 0
    latency_p50: float | None = None
    latency_p90: float | None = None
    latency_p99: float | None = None
    latency_max: float | None = None
