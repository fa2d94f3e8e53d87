"""PerformanceClient: the public methods; each is a policy, an operation and a way to wait."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import operations
from .arguments import instance, string
from .certificates import Cert, Verify
from .drive import blocking
from .drive.call import Call
from .endpoints import EndpointPool
from .engine import EndpointState
from .headers import HeaderBlock, header_lines
from .policy import DEFAULT, Policy
from .pool import CONNECT_TIMEOUT_S, HttpClientWrapper
from .preference import RequestProcessingPreference
from .styles import Preference, policy_of, post_policy_of, unbatched_policy_of
from .urls import request_url

if TYPE_CHECKING:
    import asyncio

    from .engine import EventMailbox
    from .responses import BatchPostResponse, ClassificationResponse, OpenAIEmbeddingsResponse, RerankResponse

KEY_VARIABLES = ("BASETEN_API_KEY", "OPENAI_API_KEY")
# Callers may give each call a time-out of its own.
MOST_HEADER_BLOCKS = 64

MakeOperation = Callable[[Policy], operations.Operation]


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
        verify, cert, uds, connect_timeout_s: see HttpClientWrapper; not together with `client_wrapper`.

    Raises ValueError when there is no API key; for the rest see HttpClientWrapper.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        http_version: int = 1,
        client_wrapper: HttpClientWrapper | None = None,
        proxy: str | None = None,
        endpoint_pool: EndpointPool | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        uds: str | os.PathLike[str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._base_url = string("base_url", base_url)
        self._api_key = _found_api_key() if api_key is None else string("api_key", api_key)
        if client_wrapper is None:
            self._pool = HttpClientWrapper(
                http_version, proxy, verify=verify, cert=cert, uds=uds, connect_timeout_s=connect_timeout_s
            )
        else:
            self._pool = instance("client_wrapper", client_wrapper, HttpClientWrapper)
            if (verify, cert, uds, connect_timeout_s) != (True, None, None, CONNECT_TIMEOUT_S):
                raise ValueError("verify, cert, uds and connect_timeout_s belong to the client_wrapper that is given")
        self._endpoint_pool = None
        if endpoint_pool is not None:
            self._endpoint_pool = instance("endpoint_pool", endpoint_pool, EndpointPool)
        self._prepare()

    def _prepare(self) -> None:
        """Set up what neither copies nor pickles take along."""
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

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_state"], state["_header_blocks"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        response: OpenAIEmbeddingsResponse = self._run(
            lambda policy: operations.Embed(input, model, encoding_format, dimensions, user, policy), policy
        )
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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        return self._start(
            lambda policy: operations.Embed(input, model, encoding_format, dimensions, user, policy), policy
        )

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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        response: RerankResponse = self._run(
            lambda policy: operations.Rerank(
                query, texts, raw_scores, model, return_text, truncate, truncation_direction, policy
            ),
            policy,
        )
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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        return self._start(
            lambda policy: operations.Rerank(
                query, texts, raw_scores, model, return_text, truncate, truncation_direction, policy
            ),
            policy,
        )

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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        response: ClassificationResponse = self._run(
            lambda policy: operations.Classify(inputs, model, raw_scores, truncate, truncation_direction, policy),
            policy,
        )
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
        policy = policy_of(
            preference, max_concurrent_requests, batch_size, timeout_s, max_chars_per_request, hedge_delay,
            total_timeout_s,
        )  # fmt: skip
        return self._start(
            lambda policy: operations.Classify(inputs, model, raw_scores, truncate, truncation_direction, policy),
            policy,
        )

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
        policy, verb = post_policy_of(
            preference, method, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        response: BatchPostResponse = self._run(
            lambda policy: operations.Post(url_path, payloads, verb, policy), policy
        )
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
        policy, verb = post_policy_of(
            preference, method, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        return self._start(lambda policy: operations.Post(url_path, payloads, verb, policy), policy)

    def batch_system_one(
        self,
        requests: Sequence[Any],
        preference: RequestProcessingPreference | None = None,
        *,
        max_concurrent_requests: int | None = None,
        timeout_s: float | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        custom_headers: Mapping[str, str] | None = None,
    ) -> BatchPostResponse:
        """Send System One requests: POST /v1/systemone, one for each.

        Parameters:
            requests: JSON objects of states and questions, sent as they are.
            custom_headers: sent with each request; they replace headers of the same name.

        Returns the parsed JSON answers in the order of the requests.
        """
        policy = unbatched_policy_of(
            preference, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        response: BatchPostResponse = self._run(lambda policy: operations.SystemOne(requests, policy), policy)
        return response

    def async_batch_system_one(
        self,
        requests: Sequence[Any],
        preference: RequestProcessingPreference | None = None,
        *,
        max_concurrent_requests: int | None = None,
        timeout_s: float | None = None,
        hedge_delay: float | None = None,
        total_timeout_s: float | None = None,
        custom_headers: Mapping[str, str] | None = None,
    ) -> asyncio.Future[BatchPostResponse]:
        """As `batch_system_one`; returns an asyncio.Future of the running event loop, and starts at once."""
        policy = unbatched_policy_of(
            preference, hedge_delay, total_timeout_s, custom_headers, max_concurrent_requests, timeout_s
        )
        return self._start(lambda policy: operations.SystemOne(requests, policy), policy)

    def _run(self, make: MakeOperation, policy: Policy | ValueError) -> Any:
        if isinstance(policy, ValueError):
            make(DEFAULT)  # what is wrong with the inputs is told first
            raise policy
        return blocking.run(self._call(make(policy), policy))

    def _start(self, make: MakeOperation, policy: Policy | ValueError) -> asyncio.Future[Any]:
        from .drive import asynchronous

        # What is wrong with the inputs is raised here and now; all else, a policy too, by the future.
        operation = make(DEFAULT if isinstance(policy, ValueError) else policy)

        def call(mailbox: EventMailbox, token: int) -> Call:
            if isinstance(policy, ValueError):
                raise policy
            return self._call(operation, policy, mailbox, token)

        return asynchronous.start(call)

    def _call(
        self, operation: operations.Operation, policy: Policy, mailbox: EventMailbox | None = None, token: int = 0
    ) -> Call:
        ticket = 0
        if self._endpoint_pool is not None:
            routes = self._endpoint_pool.routes(operation.path, self._pool.proxy_for)
            endpoints = [endpoint.base_url for endpoint in self._endpoint_pool.endpoints]
            ticket = self._endpoint_pool.take_tickets(1 if policy.pin_initial_endpoint_once else len(operation))
        else:
            url = request_url(self._base_url, operation.path)
            routes = [(url.encode("ascii"), self._pool.proxy_for(url).encode(), self._state, 1.0)]
            endpoints = [url.removesuffix(operation.path)]
        return Call(
            self._pool.engine,
            operation,
            policy,
            routes=routes,
            endpoints=endpoints,
            ticket=ticket,
            header_block=self._header_block(policy, operation.method in ("POST", "PUT", "PATCH")),
            connect_timeout_s=self._pool.connect_timeout_s,
            mailbox=mailbox,
            token=token,
        )

    def _header_block(self, policy: Policy, has_body: bool) -> HeaderBlock:
        if policy.extra_headers or policy.api_key_override is not None or policy.trace_context is not None:
            return header_lines(
                self._api_key if policy.api_key_override is None else policy.api_key_override,
                policy.extra_headers,
                timeout_s=policy.timeout_s,
                has_body=has_body,
                trace_context=policy.trace_context,
            )
        shape = (policy.timeout_s, has_body)
        block = self._header_blocks.get(shape)
        if block is None:
            if len(self._header_blocks) >= MOST_HEADER_BLOCKS:
                self._header_blocks.clear()
            block = header_lines(self._api_key, {}, timeout_s=policy.timeout_s, has_body=has_body)
            self._header_blocks[shape] = block
        return block


def _found_api_key() -> str:
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable)
        if key is not None:
            return key
    raise ValueError("API key not provided and no environment variable `BASETEN_API_KEY` found")
