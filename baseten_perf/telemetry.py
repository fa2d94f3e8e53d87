"""OpenTelemetry: `instrument()` gives each call a span, and measures calls, requests and connections.

Names are those of the semantic conventions: https://opentelemetry.io/docs/specs/semconv/http/http-metrics and
https://github.com/open-telemetry/semantic-conventions-genai (client embeddings). Nothing is told of inputs, answers,
headers, keys and queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.metrics import MeterProvider, Observation, get_meter
from opentelemetry.trace import SpanKind, StatusCode, TracerProvider, get_tracer

from ._version import __version__
from .client.connection import CLIENTS
from .exceptions import InvalidResponse
from .execution import call_log

if TYPE_CHECKING:
    from .operations import Operation
    from .operations.taken_in import TakenIn

NAME = "baseten_perf"
# The calls of models, by the names of their methods; those of "rerank" and "classify" the conventions do not know yet.
OPERATIONS = {"embed": "embeddings", "rerank": "rerank", "classify": "classify"}
# The boundaries that the conventions advise.
CALL_SECONDS = [0.01 * 2**i for i in range(14)]
REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
TOKENS = [4**i for i in range(14)]

Attributes = dict[str, str | int]


def instrument(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    *,
    provider_name: str = "baseten",
) -> None:
    """Tell OpenTelemetry of all calls that begin from now on, of all clients; in place of what was asked for before.

    Each call is a span of kind CLIENT below the current one, such as "embeddings my-model"; a stream is one, too. A
    call that is made again in another form, since a server refuses base64, is two. Measured are, in seconds:

    - `gen_ai.client.embeddings.duration`, `gen_ai.client.embeddings.operation.input_tokens` where all answers tell
      them; `gen_ai.client.operation.duration` of rerank and classify;
    - `http.client.request.duration` of each request of a call, its retries included, which the span counts as
      `http.request.resend_count`;
    - `http.client.active_requests` and `http.client.open_connections`, of all clients, when they are read.

    The `error.type` of a failure is the HTTP status, or else the name of the exception.

    Parameters:
        tracer_provider, meter_provider: None for the global ones.
        provider_name: what `gen_ai.provider.name` says.
    """
    telemetry = Telemetry(tracer_provider, meter_provider, provider_name)
    call_log.listen = telemetry.begin


def uninstrument() -> None:
    """Tell OpenTelemetry no more; calls under way are told of to their end. Does nothing when nothing was asked for."""
    call_log.listen = None


class Telemetry:
    """The instruments, and what makes spans."""

    def __init__(
        self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None, provider_name: str
    ) -> None:
        self.provider_name = provider_name
        self.tracer = get_tracer(NAME, __version__, tracer_provider)
        meter = get_meter(NAME, __version__, meter_provider)

        def histogram(name: str, unit: str, boundaries: list[float]) -> Any:
            return meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=boundaries)

        self.embeddings = histogram("gen_ai.client.embeddings.duration", "s", CALL_SECONDS)
        self.others = histogram("gen_ai.client.operation.duration", "s", CALL_SECONDS)
        self.tokens = histogram("gen_ai.client.embeddings.operation.input_tokens", "{token}", [*map(float, TOKENS)])
        self.requests = histogram("http.client.request.duration", "s", REQUEST_SECONDS)
        for name, unit, observe in (
            ("http.client.active_requests", "{request}", self._active),
            ("http.client.open_connections", "{connection}", self._connections),
        ):
            meter.create_observable_up_down_counter(name, [observe], unit)

    def begin(self, operation: Operation, endpoints: list[str]) -> CallSpan:
        """The listener of a call."""
        return CallSpan(self, operation, endpoints)

    def _active(self, _: Any) -> Iterable[Observation]:
        return [Observation(active, {**server}) for server, active, _ in self._counted()]

    def _connections(self, _: Any) -> Iterable[Observation]:
        for server, active, opened in self._counted():
            # One request on each; in HTTP/2 there may be more.
            busy = min(active, opened)
            yield Observation(busy, {**server, "http.connection.state": "active"})
            yield Observation(opened - busy, {**server, "http.connection.state": "idle"})

    def _counted(self) -> list[tuple[Attributes, int, int]]:
        """Of each server its requests in flight and open connections."""
        if call_log.listen != self.begin:
            return []  # an instrument cannot be taken back
        active: Counter[str] = Counter()
        opened: Counter[str] = Counter()
        for reference in CLIENTS.valuerefs():
            client = reference()
            for each in [] if client is None else client.statistics():
                active[each.base_url] += each.in_flight
                opened[each.base_url] += each.connections_open
        servers: dict[tuple[tuple[str, str | int], ...], tuple[int, int]] = {}
        for base_url in opened:
            key = tuple(server_of(base_url).items())
            before = servers.get(key, (0, 0))
            servers[key] = before[0] + active[base_url], before[1] + opened[base_url]
        return [(dict(key), *counts) for key, counts in servers.items()]


class CallSpan:
    """The span of one call, and what is measured of it."""

    __slots__ = ("_attributes", "_began", "_endpoints", "_kind", "_resent", "_span", "_telemetry", "_tokens")

    def __init__(self, telemetry: Telemetry, operation: Operation, endpoints: list[str]) -> None:
        self._telemetry = telemetry
        self._endpoints = endpoints
        self._resent = 0
        self._tokens: int | None = 0  # None once an answer has not told them
        self._kind = OPERATIONS.get(operation.name.removeprefix("iter_"))
        # Which one of several endpoints has a part in a call, its requests tell.
        self._attributes = server_of(endpoints[0]) if len(endpoints) == 1 else {}
        if self._kind is not None:
            self._attributes["gen_ai.operation.name"] = self._kind
            self._attributes["gen_ai.provider.name"] = telemetry.provider_name
            if operation.model is not None:
                self._attributes["gen_ai.request.model"] = operation.model
        name = operation.name if self._kind is None else f"{self._kind} {operation.model or ''}".rstrip()
        self._began = perf_counter()
        self._span = telemetry.tracer.start_span(name, kind=SpanKind.CLIENT, attributes={**self._attributes})

    def took_in(self, taken: TakenIn) -> None:
        self._resent += taken.attempts - 1
        if taken.tokens is None or self._tokens is None:
            self._tokens = None
        else:
            self._tokens += taken.tokens
        attributes: Attributes = {**server_of(self._endpoints[taken.endpoint]), "http.request.method": taken.method}
        if taken.status:
            attributes["http.response.status_code"] = taken.status
        if taken.failure is not None:
            attributes["error.type"] = error_type(taken.failure, taken)
        self._telemetry.requests.record(taken.elapsed, attributes)

    def failed(self, failure: BaseException, taken: TakenIn | None) -> None:
        if taken is not None:
            self.took_in(taken)
        self._attributes["error.type"] = kind = error_type(failure, taken)
        self._span.set_status(StatusCode.ERROR, kind)
        self._span.set_attribute("error.type", kind)
        self.ended()

    def ended(self) -> None:
        seconds = perf_counter() - self._began
        if self._kind == "embeddings":
            self._telemetry.embeddings.record(seconds, self._attributes)
            if self._tokens:
                self._telemetry.tokens.record(self._tokens, {**self._attributes})
        elif self._kind is not None:
            self._telemetry.others.record(seconds, self._attributes)
        if self._tokens and self._kind is not None:
            self._span.set_attribute("gen_ai.usage.input_tokens", self._tokens)
        if self._resent:
            self._span.set_attribute("http.request.resend_count", self._resent)
        self._span.end()


def server_of(base_url: str) -> Attributes:
    """A URL's host and port, as attributes."""
    address, port = _server_of(base_url)
    return {"server.address": address, "server.port": port}


@lru_cache(maxsize=256)
def _server_of(base_url: str) -> tuple[str, int]:
    url = urlsplit(base_url)
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)


def error_type(failure: BaseException, taken: TakenIn | None) -> str:
    """The HTTP status that a call or request has failed with; else the name of its exception."""
    if taken is not None and taken.status >= 300 and not isinstance(failure, InvalidResponse):
        return str(taken.status)
    return type(failure).__name__
