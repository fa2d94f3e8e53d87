"""PerformanceClient: the public methods; each is a policy, an operation and a way to wait."""

from __future__ import annotations

from .awaitable import AwaitableMethods
from .blocking import BlockingMethods


class PerformanceClient(BlockingMethods, AwaitableMethods):
    """Embeds, reranks, classifies and posts in massive concurrency, blocking (`embed`) or in asyncio (`async_embed`).

    A drop-in for `baseten_performance_client.PerformanceClient`. Any thread and any event loop may use it, also at the
    same time and after a fork; connections are kept alive and shared by all calls.

    How requests are processed is given by keywords, or by `preference=RequestProcessingPreference(...)`, or both: a
    keyword then overrides the preference's field. All methods take:

    - `max_concurrent_requests`: 1 to 1024 requests in flight (default 256; 128 when any of these keywords is given).
    - `batch_size`: 1 to 1024 inputs in a request (default 8; 128 when any of these keywords is given).
    - `max_chars_per_request`: 50 to 1048576 characters in a request (default 8000; none with keywords).
    - `timeout_s`: 0.1 to 3600 seconds for an attempt (default 3600).
    - `total_timeout_s`: seconds for the whole call, at least `timeout_s` (default none).
    - `hedge_delay`: seconds without an answer after which a copy of a request is sent, 0.045 and up to less than
      `timeout_s` - 0.045 (default none: no copies).

    All methods raise, before anything is sent, TypeError, ValueError or OverflowError naming the argument; then:

    - requests.exceptions.HTTPError (args: status and message; `response`) for an answer that is not 2xx,
    - requests.exceptions.Timeout when `timeout_s` or `total_timeout_s` passes,
    - APIConnectionError (a requests.exceptions.ConnectionError and a ValueError) when no whole answer comes,
    - InvalidResponse (a ValueError) when an answer cannot be used,
    - OperationCancelled (a ValueError) when the preference's `cancel_token` is cancelled.

    Each has `batch_index` (the request that failed), `attempts`, `endpoint` and `partial`: what `response.data` would
    have held, with None where no answer had arrived.

    A pickle holds these parameters, the API key included, and no connection. A repr holds no key.

    Parameters:
        base_url: http or https URL, to which the paths of the API are appended. Checked when a call is made.
        api_key: sent as a bearer token; else the environment's BASETEN_API_KEY or OPENAI_API_KEY.
        http_version: see HttpClientWrapper.
        client_wrapper: connection pool to share; it beats `http_version` and `proxy`.
        proxy: URL of a proxy for all requests.
        endpoint_pool: endpoints to share the requests among; `base_url` is then not used.
        prefer_base64: ask for embeddings in base64 (four times smaller) where a call leaves the format open. They are
            floats to the caller all the same. Servers that ignore it are read as they answer; where one refuses it, the
            call is made again without it, and so are later calls for that model, at once.
        verify, cert, uds, connect_timeout_s: see HttpClientWrapper; not together with `client_wrapper`.

    Raises ValueError when there is no API key; for the rest see HttpClientWrapper.
    """
