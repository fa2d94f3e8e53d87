"""A fast Python client for embeddings, reranking, classification and large sets of concurrent JSON POSTs.

`PerformanceClient` is the client, `RequestProcessingPreference` holds options ahead of calls, `EndpointPool` shares
requests among several deployments. `baseten_perf.testing` has the local server that the tests use.

# Errors

Each failure of a call is a `RequestFailed`, which has `partial`, `response_partial` and `missing`, and tells which
request failed; see `PerformanceClient` for its classes. `str(error)` ends with one line beyond `error.args`: method and
URL, the system's reason, and why there was no further attempt, such as `POST http://127.0.0.1:8000/v1/embeddings:
Connection refused; not retried again after 3 attempts: the endpoint has never answered`, `gave up after 5 retries
(max_retries=5)`, or `not retried: retry_budget_pct=0.05 used up (3 of 50)`.

What else ends a call has `partial` too: `KeyboardInterrupt` and whatever a signal handler raises,
`asyncio.CancelledError`, and the `__cause__` of the `TimeoutError` that `asyncio.wait_for` and `asyncio.timeout` make
of it; where `asyncio.run` turns Ctrl-C into a `KeyboardInterrupt`, its `__context__`. There it is a sequence equal to a
list, made when it is first read. A `RequestFailed` that is an `OSError` with `errno.EMFILE` is the last resort of a
process that lacks even the descriptors to load the classes of requests.

# Refusals and retries

A refusal is a 429, a 503 or 529 with `Retry-After`, or a refused connection to an endpoint that has answered before. It
uses up no retries. The first one stops the requests of all calls and clients of this process that share the quota: same
URL, model and API key. Refused requests go first when it is over: after the `Retry-After` or `retry-after-ms` that the
server gave (seconds, with decimals, or a date), else after 20 ms and then longer, up to a second. One request tries
whether the server takes requests again. From then on the client keeps the pace, or the number of requests at a time, at
which the server refused none, and raises it with care. Calls take turns, so a small one does not wait for a huge one. A
server that refuses at random (one overloaded replica behind a balancer) is told from one with a quota: refusals at
rates that it has borne before begin a trial of higher rates, and where that changes nothing, a refusal concerns the
refused request alone.

- A refusal is final when nothing has succeeded for `patience_s`, when `Retry-After` asks for more than that, or when
  the deadline (`total_timeout_s`) would pass before. With `max_retries=0` or `patience_s=0` there is no second attempt.
- `x-should-retry: false` is final at once, and so is a 429 with `insufficient_quota` that does not say when to come
  back; `x-should-retry: true` is retried.
- Other failures are a request's own: 500, 502, 504, and 503 without `Retry-After`, use up `max_retries`; time-outs and
  resets use up the retry budget (`retry_budget_pct`) as well. When they are so many that they tell of load or of an
  outage, they count as refusals.
- An endpoint that has never answered fails within a second: then its URL is probably wrong.
- While the process lacks descriptors, requests use the connections there are.
- libcurl itself sends a request once more when a kept-alive connection turns out to have been closed before any byte of
  the answer.

# Clients and connections

`with`, `async with` and `close()` end a client: its calls are aborted on the wire, whoever waits for one gets
`OperationCancelled` with `partial`, and later calls raise RuntimeError. Nobody has to close: a client that is no longer
referred to lets go of its connections.

One client is enough for a program: any thread and any event loop may use it, and connections are kept alive for 30 idle
seconds. Clients that are given no `client_wrapper` share one pool of connections per process if their transport
settings are equal (HTTP version, proxies, certificates as they are on disk, unix socket, connect time-out, loops); so
do their copies, and what is unpickled in a worker. `HttpClientWrapper()` is a pool of its own, and stays open until its
own `close()`.

A base URL may be what `openai` takes (`https://api.openai.com/v1`) or the whole URL of an API (`.../v1/embeddings`):
nothing is doubled. An absolute path such as `batch_post("/v1/x", ...)` on a base URL that ends in `/v1` goes to
`/v1/x`.

Many texts cost least in few, large requests (`batch_size=128`) and as base64 (`prefer_base64=True`, or
`encoding_format="base64"`).

# Proxies and certificates

`proxy=` of a client, else `http_proxy`, `https_proxy`, `all_proxy`. `no_proxy` exempts `*` (all), a domain with those
below it (`x.org`, `.x.org` or `*.x.org`), an address (`10.1.2.3`, `::1` or `[::1]`) or a block of them (`10.0.0.0/8`,
`::/0`); a domain or an address may have a port (`x.org:8080`, `[::1]:8080`).

Trusted are the certificates of `verify=`, else of `SSL_CERT_FILE` and `SSL_CERT_DIR` (directories that `openssl rehash`
has seen, with colons between them), one or both, else of `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`, else the system's,
else certifi's.

# Logging and environment variables

The logger is `logging.getLogger("baseten_perf")`, silent by default.

- `BASETEN_API_KEY`, else `OPENAI_API_KEY`: the API key of clients that are given none.
- `PERFORMANCE_CLIENT_LOG_LEVEL=debug` (trace, debug, info, warn, error, off) prints the log to standard error.
- `BASETEN_PERF_LOOPS` (1 to 16): loop threads of a connection pool; by default half the cores, at least two where there
  are two, at most four.
- `BASETEN_PERF_POLLER=poll`: the portable loop instead of epoll.
- `BASETEN_PERF_KERNEL` (avx2, sse41, neon, portable): the code that reads numbers; by default the best of this machine.
- `BASETEN_PERF_LIBCURL=/path/to/libcurl.so`: another libcurl than pycurl's.
- `BASETEN_PERF_CODINGS=libcurl`: leave compressed answers to libcurl, as where zlib is not found beside it. Codings
  that it does not know are errors then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from . import engine as _engine  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "baseten_perf.engine._engine":
        raise
    raise ImportError(
        f"{__path__[0]} is not compiled for this Python: `pip install .` and run from another folder, "
        "or compile in place with `python setup.py build_ext --inplace`"
    ) from None

from ._version import __version__
from .cancellation import CancellationToken
from .client import PerformanceClient
from .connection_pool import HttpClientWrapper
from .exceptions import InvalidResponse, OperationCancelled, RequestFailed
from .late import attributes
from .policy import RequestProcessingPreference

if TYPE_CHECKING:
    from .endpoints import Endpoint, EndpointHealth, EndpointPool, EndpointStatistics
    from .errors import APIConnectionError, APIStatusError, APITimeoutError
    from .execution.stream import Stream
    from .http.trace import TraceContext
    from .post_request import PostRequest
    from .responses import (
        BatchPostResponse,
        ClassificationBatch,
        ClassificationResponse,
        ClassificationResult,
        EmbeddingsBatch,
        OpenAIEmbeddingData,
        OpenAIEmbeddingsResponse,
        OpenAIUsage,
        PostedBatch,
        RerankResponse,
        RerankResult,
    )

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "BatchPostResponse",
    "CancellationToken",
    "ClassificationBatch",
    "ClassificationResponse",
    "ClassificationResult",
    "EmbeddingsBatch",
    "Endpoint",
    "EndpointHealth",
    "EndpointPool",
    "EndpointStatistics",
    "HttpClientWrapper",
    "InvalidResponse",
    "OpenAIEmbeddingData",
    "OpenAIEmbeddingsResponse",
    "OpenAIUsage",
    "OperationCancelled",
    "PerformanceClient",
    "PostRequest",
    "PostedBatch",
    "RequestFailed",
    "RequestProcessingPreference",
    "RerankResponse",
    "RerankResult",
    "Stream",
    "TraceContext",
    "__version__",
]

# What a program asks for is loaded then. The errors are children of those of requests, which takes long to import.
__getattr__ = attributes(
    __name__,
    {
        **dict.fromkeys(("APIConnectionError", "APIStatusError", "APITimeoutError"), "errors"),
        **dict.fromkeys(("Endpoint", "EndpointHealth", "EndpointPool", "EndpointStatistics"), "endpoints"),
        "PostRequest": "post_request",
        "Stream": "execution.stream",
        "TraceContext": "http.trace",
        **dict.fromkeys(
            (
                "BatchPostResponse", "ClassificationBatch", "ClassificationResponse", "ClassificationResult",
                "EmbeddingsBatch", "OpenAIEmbeddingData", "OpenAIEmbeddingsResponse", "OpenAIUsage", "PostedBatch",
                "RerankResponse", "RerankResult",
            ),
            "responses",
        ),
    },
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
