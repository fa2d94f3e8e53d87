"""PerformanceClient: the public methods; each is a policy, an operation and a way to wait."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import operations
from .arguments import string
from .drive import blocking
from .drive.call import Call
from .engine import EndpointState
from .headers import HeaderBlock, header_lines
from .policy import Policy, resolve
from .pool import HttpClientWrapper
from .preference import RequestProcessingPreference
from .urls import request_url

if TYPE_CHECKING:
    import asyncio

    from .engine import EventMailbox
    from .responses import BatchPostResponse, ClassificationResponse, OpenAIEmbeddingsResponse, RerankResponse

KEY_VARIABLES = ("BASETEN_API_KEY", "OPENAI_API_KEY")

# In the places where the older client took max_concurrent_requests, the newer one takes its preference.
Preference = RequestProcessingPreference | int | None


class PerformanceClient:
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
    - `hedge_delay`: 0.045 to 3600 seconds. It is checked; hedging itself is not there yet.

    All methods raise, before anything is sent, TypeError, ValueError or OverflowError naming the argument; then:

    - requests.exceptions.HTTPError (args: status and message; `response`) for an answer that is not 2xx,
    - requests.exceptions.Timeout when `timeout_s` or `total_timeout_s` passes,
    - APIConnectionError (a requests.exceptions.ConnectionError and a ValueError) when no whole answer comes,
    - InvalidResponse (a ValueError) when an answer cannot be used.

    Each has `batch_index` (the request that failed), `attempts`, `endpoint` and `partial`: what `response.data` would
    have held, with None where no answer had arrived.

    Parameters:
        base_url: http or https URL, to which the paths of the API are appended. Checked when a call is made.
        api_key: sent as a bearer token; else the environment's BASETEN_API_KEY or OPENAI_API_KEY.
        http_version: see HttpClientWrapper.
        client_wrapper: connection pool to share; it beats `http_version` and `proxy`.
        proxy: URL of a proxy for all requests.

    Raises ValueError when there is no API key.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        http_version: int = 1,
        client_wrapper: HttpClientWrapper | None = None,
        proxy: str | None = None,
    ) -> None:
        self._base_url = string("base_url", base_url)
        self._api_key = _found_api_key() if api_key is None else string("api_key", api_key)
        self._pool = client_wrapper if client_wrapper is not None else HttpClientWrapper(http_version, proxy)
        self._state = EndpointState()
        # Of calls without extra headers, which repeat: (time-out, with body) -> header lines.
        self._header_blocks: dict[tuple[float, bool], HeaderBlock] = {}

    @property
    def api_key(self) -> str:
        """The key that requests are sent with."""
        return self._api_key

    def get_client_wrapper(self) -> HttpClientWrapper:
        """The connection pool, for other clients to share."""
        return self._pool

    def __repr__(self) -> str:
        # A base URL may carry a user's password.
        scheme, mark, rest = self._base_url.partition("://")
        location, slash, path = rest.partition("/")
        return f"PerformanceClient(base_url={scheme + mark + location.rpartition('@')[2] + slash + path!r})"

    def embed(
        self,
        input: Sequence[str],
        model: str,
        encoding_format: str | None = None,
        dimensions: int | None = None,
        user: str | None = None,
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> OpenAIEmbeddingsResponse:
        """Embed texts: POST /v1/embeddings (OpenAI API), a batch of inputs per request.

        Parameters:
            input: texts, in any sequence of str.
            model: name of the model.
            encoding_format: "float" or "base64" (four times less on the wire); None leaves it to the server.
            dimensions: floats per vector, 1 to 1000000, for models that can shorten theirs.
            user: end user's identifier, at most 1000 bytes.

        Returns the vectors in input order; `.numpy()` gives them as float32 of shape (inputs, dimension).
        """
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        operation = operations.Embed(input, model, encoding_format, dimensions, user, policy)
        response: OpenAIEmbeddingsResponse = self._run(operation, policy)
        return response

    def async_embed(
        self,
        input: Sequence[str],
        model: str,
        encoding_format: str | None = None,
        dimensions: int | None = None,
        user: str | None = None,
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> asyncio.Future[OpenAIEmbeddingsResponse]:
        """As `embed`; returns an asyncio.Future of the running event loop, and starts at once."""
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        return self._start(operations.Embed(input, model, encoding_format, dimensions, user, policy), policy)

    def rerank(
        self,
        query: str,
        texts: Sequence[str],
        raw_scores: bool = False,
        model: str | None = None,
        return_text: bool = False,
        truncate: bool = False,
        truncation_direction: str = "Right",
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> RerankResponse:
        """Score texts against a query: POST /rerank (text-embeddings-inference API), a batch of texts per request.

        Parameters:
            query: what the texts are scored against.
            texts: any sequence of str.
            raw_scores: scores as the model gives them, not squashed into 0 to 1.
            model: name of the model, for servers that have several.
            return_text: whether results carry their text.
            truncate: cut texts that are too long for the model, instead of failing.
            truncation_direction: "Right" or "Left".

        Returns one result per text with its `index` in `texts`: batches in order, in each the server's order (best
        first). There is no sorting across batches.
        """
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        operation = operations.Rerank(
            query, texts, raw_scores, model, return_text, truncate, truncation_direction, policy
        )
        response: RerankResponse = self._run(operation, policy)
        return response

    def async_rerank(
        self,
        query: str,
        texts: Sequence[str],
        raw_scores: bool = False,
        model: str | None = None,
        return_text: bool = False,
        truncate: bool = False,
        truncation_direction: str = "Right",
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> asyncio.Future[RerankResponse]:
        """As `rerank`; returns an asyncio.Future of the running event loop, and starts at once."""
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        operation = operations.Rerank(
            query, texts, raw_scores, model, return_text, truncate, truncation_direction, policy
        )
        return self._start(operation, policy)

    def classify(
        self,
        inputs: Sequence[str],
        model: str | None = None,
        raw_scores: bool = False,
        truncate: bool = False,
        truncation_direction: str = "Right",
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> ClassificationResponse:
        """Classify texts: POST /predict (text-embeddings-inference API), a batch of inputs per request.

        Parameters: as for `rerank`.

        Returns, for each input in order, the list of its labels with scores.
        """
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        operation = operations.Classify(inputs, model, raw_scores, truncate, truncation_direction, policy)
        response: ClassificationResponse = self._run(operation, policy)
        return response

    def async_classify(
        self,
        inputs: Sequence[str],
        model: str | None = None,
        raw_scores: bool = False,
        truncate: bool = False,
        truncation_direction: str = "Right",
        preference: Preference = None,
        batch_size: int | None = None,
        timeout_s: float | None = None,
        max_chars_per_request: int | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        *,
        max_concurrent_requests: int | None = None,
    ) -> asyncio.Future[ClassificationResponse]:
        """As `classify`; returns an asyncio.Future of the running event loop, and starts at once."""
        policy = _policy(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        operation = operations.Classify(inputs, model, raw_scores, truncate, truncation_direction, policy)
        return self._start(operation, policy)

    def batch_post(
        self,
        url_path: str,
        payloads: Sequence[Any],
        preference: Preference = None,
        method: str | float | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        custom_headers: Mapping[str, str] | None = None,
        *,
        max_concurrent_requests: int | None = None,
        timeout_s: float | None = None,
    ) -> BatchPostResponse:
        """Send JSON payloads to any path, one request each.

        Parameters:
            url_path: appended to the base URL.
            payloads: JSON values: dict, list, str, numbers, numpy arrays, ...
            method: POST (the default), PUT, PATCH; or GET, DELETE, HEAD, OPTIONS, which send no body.
            custom_headers: sent with each request; they replace headers of the same name.

        Returns the parsed JSON answers in the order of the payloads.
        """
        policy, verb = _post_policy(
            preference, method, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        response: BatchPostResponse = self._run(operations.Post(url_path, payloads, verb, policy), policy)
        return response

    def async_batch_post(
        self,
        url_path: str,
        payloads: Sequence[Any],
        preference: Preference = None,
        method: str | float | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        custom_headers: Mapping[str, str] | None = None,
        *,
        max_concurrent_requests: int | None = None,
        timeout_s: float | None = None,
    ) -> asyncio.Future[BatchPostResponse]:
        """As `batch_post`; returns an asyncio.Future of the running event loop, and starts at once."""
        policy, verb = _post_policy(
            preference, method, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        return self._start(operations.Post(url_path, payloads, verb, policy), policy)

    def _run(self, operation: operations.Operation, policy: Policy) -> Any:
        return blocking.run(self._call(operation, policy))

    def _start(self, operation: operations.Operation, policy: Policy) -> asyncio.Future[Any]:
        from .drive import asynchronous

        return asynchronous.start(lambda mailbox, token: self._call(operation, policy, mailbox, token))

    def _call(
        self, operation: operations.Operation, policy: Policy, mailbox: EventMailbox | None = None, token: int = 0
    ) -> Call:
        url = request_url(self._base_url, operation.path)
        return Call(
            self._pool.engine,
            operation,
            policy,
            routes=[(url.encode("ascii"), self._pool.proxy_for(url).encode(), self._state, 1.0)],
            endpoints=[url[: len(url) - len(operation.path)] if url.endswith(operation.path) else url],
            ticket=0,
            header_block=self._header_block(policy, operation.method in ("POST", "PUT", "PATCH")),
            mailbox=mailbox,
            token=token,
        )

    def _header_block(self, policy: Policy, has_body: bool) -> HeaderBlock:
        if policy.extra_headers or policy.api_key_override is not None:
            key = self._api_key if policy.api_key_override is None else policy.api_key_override
            return header_lines(key, policy.extra_headers, timeout_s=policy.timeout_s, has_body=has_body)
        shape = (policy.timeout_s, has_body)
        block = self._header_blocks.get(shape)
        if block is None:
            block = header_lines(self._api_key, {}, timeout_s=policy.timeout_s, has_body=has_body)
            self._header_blocks[shape] = block
        return block


def _found_api_key() -> str:
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable)
        if key is not None:
            return key
    raise ValueError("API key not provided and no environment variable `BASETEN_API_KEY` found")


def _policy(
    preference: Preference,
    max_concurrent_requests: int | None,
    batch_size: int | None,
    timeout_s: float | None,
    max_chars_per_request: int | None,
    hedge_delay: float | None,
    total_timeout_s: float | None,
) -> Policy:
    preference, max_concurrent_requests = _told_apart(preference, max_concurrent_requests)
    return resolve(
        preference,
        max_concurrent_requests=max_concurrent_requests,
        batch_size=batch_size,
        timeout_s=timeout_s,
        max_chars_per_request=max_chars_per_request,
        hedge_delay=hedge_delay,
        total_timeout_s=total_timeout_s,
    )


def _post_policy(
    preference: Preference,
    method: str | float | None,
    hedge_delay: float | None,
    total_timeout_s: float | None,
    custom_headers: Mapping[str, str] | None,
    max_concurrent_requests: int | None,
    timeout_s: float | None,
) -> tuple[Policy, str | None]:
    preference, max_concurrent_requests = _told_apart(preference, max_concurrent_requests)
    if method is not None and not isinstance(method, str):
        # The older client's fourth parameter was the time-out.
        if timeout_s is not None:
            raise TypeError("argument 'timeout_s' is given twice, by position and by keyword")
        method, timeout_s = None, method
    policy = resolve(
        preference,
        max_concurrent_requests=max_concurrent_requests,
        timeout_s=timeout_s,
        hedge_delay=hedge_delay,
        total_timeout_s=total_timeout_s,
        custom_headers=custom_headers,
        batched=False,
    )
    return policy, method


def _told_apart(
    preference: Preference, max_concurrent_requests: int | None
) -> tuple[RequestProcessingPreference | None, int | None]:
    """By type: the newer client's `preference` from the older one's max_concurrent_requests in the same place."""
    if not isinstance(preference, int):
        return preference, max_concurrent_requests
    if max_concurrent_requests is not None:
        raise TypeError("argument 'max_concurrent_requests' is given twice, by position and by keyword")
    return None, preference
