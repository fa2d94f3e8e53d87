"""PerformanceClient: each public method is an operation, described once, to be waited for or to be awaited."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .. import operations, responses
from ..policy.call_options import Takes
from ..policy.description import docstring_lines
from ..policy.fields import OPTIONS
from .connection import Connection
from .method import Streamed, awaitable, blocking, streaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
    from typing import Any, Literal

    import numpy
    from numpy.typing import NDArray
    from typing_extensions import Buffer, Unpack

    from ..policy import RequestProcessingPreference
    from ..policy.call_options import Preference
    from ..policy.keywords import BatchKeywords, PostKeywords
    from ..post_request import Method
    from ..responses import (
        BatchPostResponse,
        ClassificationBatch,
        ClassificationResponse,
        EmbeddingsBatch,
        OpenAIEmbeddingsResponse,
        PostedBatch,
        RerankResponse,
    )
    from ..responses.answers import ReturnExceptions
    from .inputs import Payloads, Texts, Tokens
    from .method import Described

BATCHED = Takes("batch_size", "timeout_s", "max_chars_per_request", "hedge_delay", "total_timeout_s", batched=True)
POSTED = Takes("hedge_delay", "total_timeout_s", "custom_headers", batched=False)
SENT = Takes(batched=False)
STREAMED = Takes(batched=True)


class PerformanceClient(Connection):
    """Embeds, reranks, classifies and posts in massive concurrency, blocking (`embed`) or in asyncio (`async_embed`).

    A drop-in for `baseten_performance_client.PerformanceClient`. Any thread and any event loop may use it, also at the
    same time and after a fork; connections are kept alive and shared by all calls, and by all clients of the process
    that have equal settings and were given no `client_wrapper`, copies and unpickled ones too.

    It lets go of its connections with `close()`, at the end of `with` or `async with`, or when nobody refers to it any
    more. Closing aborts its calls, in all threads and event loops, and does not wait; later calls raise RuntimeError.
    A `client_wrapper` stays open, and has a `close()` of its own.

    How requests are processed is given by keywords of a method, by `preference=RequestProcessingPreference(...)` of a
    method, or for all calls by that of the client; what comes first here overrides what follows. Positional arguments
    after `preference` are those of 0.0.x, which takes `max_concurrent_requests` in its place.

    All methods raise, before anything is sent, TypeError, ValueError or OverflowError naming the argument; then:

    - APIStatusError (a requests.exceptions.HTTPError; args: status and message) for a response that is not 2xx,
    - APITimeoutError (a requests.exceptions.Timeout) when `timeout_s` or `total_timeout_s` passes,
    - APIConnectionError (a requests.exceptions.ConnectionError and a ValueError) when no whole answer comes,
    - InvalidResponse (a ValueError) when an answer cannot be used,
    - OperationCancelled (a ValueError) when the `cancel_token` of the call is cancelled, or the client is closed.

    Each is a RequestFailed: it tells which request failed, and holds the answers that had arrived, as a list
    (`partial`) and as a response (`response_partial`).

    A batch that is refused for its size (413; "batch size 128 > maximum allowed batch size 32", "max 300000 tokens per
    request" and other words of servers) is divided and sent again. Limits that are told or found so are kept by path
    and model, and batches are cut to them, never above `batch_size`. With return_exceptions=True, batches that are
    refused with 400, 413 or 422 are halved until the culprits stand alone: a bad input costs 2 log2(batch_size)
    requests, and no retries. Where no request of a call is answered at all, one batch is tried in this way; if all of
    it is refused for one reason, each of the others fails as a whole.

    A pickle holds these parameters, the API key included, and no connection. A repr holds no key. A closed client can
    be neither pickled nor copied.

    Parameters:
        base_url: http or https URL, to which the paths of the API are appended. It may end in a version, or be the
            whole URL of an API, as in ".../v1", ".../v1beta/openai", ".../v1/embeddings", ".../rerank": nothing is
            doubled. Checked when a call is made.
        api_key: sent as a bearer token; else the environment's BASETEN_API_KEY or OPENAI_API_KEY.
        http_version: see HttpClientWrapper.
        client_wrapper: connection pool to share; it beats `http_version` and `proxy`.
        proxy: URL of a proxy for all requests.
        endpoint_pool: endpoints to share the requests among; `base_url` is then not used.
        prefer_base64: ask for embeddings in base64 (four times smaller) where a call leaves the format open. They are
            floats to the caller all the same. Servers that ignore it are read as they answer; where one refuses it, the
            call is made again without it, and so are later calls for that model, at once.
        preference: options of all calls. It may be changed, for the calls that follow.
        max_requests_per_minute, max_tokens_per_minute: what is sent in any minute at most, retries and hedges included,
            by all calls, threads, event loops and copies of this client: 1 to 1000000000000. A second's worth may be
            sent at once. Tokens are counted before a request is sent, and corrected by `usage` of its answer; a request
            of more than a second's worth waits until that is there. Who waits here is ended by `total_timeout_s`, not
            by `patience_s`.
        count_tokens: gives the number of tokens of a text, such as `lambda text: len(encoding.encode(text))` with
            tiktoken. None: 4 bytes of UTF-8 are a token, corrected by the ratio that `usage` of the answers shows.
            It is called in the thread of the call, or in the event loop.
        share: of these limits each of so many processes takes its part: 1 to 65536. A pickle has limits of its own.
        verify, cert, uds, connect_timeout_s: see HttpClientWrapper; not together with `client_wrapper`.

    Raises ValueError when there is no API key; for the rest see HttpClientWrapper.

    Options, keywords of every method (`batch_size`, `max_chars_per_request`, `max_tokens_per_request` and `dedupe` only
    where a request has several inputs). With keywords of 0.0.x and nothing newer a call has the defaults of 0.0.x:
    """

    @blocking(BATCHED)
    def embed(
        self,
        input: Texts | Tokens,
        model: str | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        dimensions: int | None = None,
        user: str | None = None,
        preference: Preference = None,
        *positions: float | None,
        out: NDArray[numpy.float32] | Buffer | None = None,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Unpack[BatchKeywords[ReturnExceptions]],
    ) -> Described[OpenAIEmbeddingsResponse[ReturnExceptions]]:
        """Embed texts: POST /v1/embeddings (OpenAI API), a batch of inputs per request.

        Parameters:
            input: texts: a str, or a sequence or column of str (numpy, pandas, polars, pyarrow); or token ids: a
                sequence of int for one input, of sequences of int for several. Tokens count as characters do.
            model: name of the model; None leaves it out, for servers that have one.
            encoding_format: "float" or "base64" (four times less on the wire); None leaves it to the server.
            dimensions: floats per vector, 1 to 1000000, for models that can shorten theirs.
            user: end user's identifier, at most 1000 bytes.
            out: where the vectors go: a writable C-contiguous float32 array of shape (inputs, dimension), such as a
                numpy.memmap, whose space on the disk is allocated first (OSError when it is full). A request's rows are
                written when its answer is whole; rows without an answer stay untouched, and nothing is written any more
                once the call has ended. Wrong shapes raise ValueError, at the first answer at the latest.
            url_path: appended to the base URL, instead of /v1/embeddings.
            extra_body: further members of each request's body, such as `input_type` or `truncate_prompt_tokens`; they
                replace what the parameters say. Neither `input` nor what JSON cannot hold.

        The options are those of PerformanceClient. Returns the vectors in input order; `.numpy()` gives them as float32
        of shape (inputs, dimension), `.arrow()` as an Arrow array.
        """
        return (
            partial(
                operations.Embed, self._learned, input, model, encoding_format, dimensions, user, url_path, extra_body,
                out,
            ),
            preference, positions, options,
        )  # fmt: skip

    async_embed = awaitable(embed)

    @blocking(BATCHED)
    def rerank(
        self,
        query: str,
        texts: Texts,
        raw_scores: bool = False,
        model: str | None = None,
        return_text: bool = False,
        truncate: bool = False,
        truncation_direction: Literal["Right", "Left"] = "Right",
        preference: Preference = None,
        *positions: float | None,
        api: Literal["tei", "cohere"] = "tei",
        top_n: int | None = None,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Unpack[BatchKeywords[ReturnExceptions]],
    ) -> Described[RerankResponse[ReturnExceptions]]:
        """Score texts against a query, a batch of texts per request.

        Parameters:
            query: what the texts are scored against.
            texts: a str, or a sequence or column of str.
            raw_scores: scores as the model gives them, not squashed into 0 to 1.
            model: name of the model, for servers that have several; None leaves it out. Jina and LiteLLM require it.
            return_text: whether results carry their text.
            truncate: cut texts that are too long for the model, instead of failing.
            truncation_direction: "Right" or "Left": the end that is cut.
            api: "tei": POST /rerank as text-embeddings-inference has it
                (https://huggingface.github.io/text-embeddings-inference). "cohere": POST /v1/rerank as Cohere
                (https://docs.cohere.com/v1/reference/rerank), Jina, vLLM, Infinity, LiteLLM, llama.cpp and SGLang have
                it; there, `raw_scores`, `truncate` and `truncation_direction` stay at their defaults (ValueError).
            top_n: give the best of all batches only, so many, at least 1; None gives all.
            url_path: appended to the base URL, instead of the path of the API.
            extra_body: further members of each request's body, such as vLLM's `truncate_prompt_tokens`; they replace
                what the parameters say. Neither `query`, `texts`, `documents` and `top_n` nor what JSON cannot hold.

        The options are those of PerformanceClient. Returns one result per text with its `index` in `texts`: batches in
        order, in each the server's order (best first), not sorted across batches. With `top_n`, sorted by score, best
        first; after a failure, `partial` has the best of what had arrived. `response.scores()` gives the scores in the
        order of `texts`.
        """
        return (
            partial(
                operations.Rerank, self._learned, query, texts, raw_scores, model, return_text, truncate,
                truncation_direction, url_path, extra_body, api, top_n,
            ),
            preference, positions, options,
        )  # fmt: skip

    async_rerank = awaitable(rerank)

    @blocking(BATCHED)
    def classify(
        self,
        inputs: Texts,
        model: str | None = None,
        raw_scores: bool = False,
        truncate: bool = False,
        truncation_direction: Literal["Right", "Left"] = "Right",
        preference: Preference = None,
        *positions: float | None,
        api: Literal["tei", "vllm", "infinity"] = "tei",
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Unpack[BatchKeywords[ReturnExceptions]],
    ) -> Described[ClassificationResponse[ReturnExceptions]]:
        """Classify texts, a batch of inputs per request.

        Parameters:
            inputs: a str, or a sequence or column of str.
            model, raw_scores, truncate, truncation_direction: as for `rerank`.
            api: "tei": POST /predict as text-embeddings-inference has it. "vllm": POST /classify as vLLM
                (https://docs.vllm.ai, "Classification API") and SGLang have it. "infinity": POST /classify as Infinity
                (https://github.com/michaelfeil/infinity) has it, which truncates always; there, `truncate` and
                `truncation_direction` stay at their defaults (ValueError).
            url_path: appended to the base URL, instead of the path of the API.
            extra_body: as for `rerank`. Neither `inputs` and `input` nor what JSON cannot hold.

        The options are those of PerformanceClient. Returns, for each input in order, the list of its labels with
        scores, best first. vLLM names the best class of each input only: one that is the best nowhere in the call is
        LABEL_3, by its number. `response.labels()` gives the best label of each input, `response.scores()` the matrix
        of inputs and `response.classes`.
        """
        return (
            partial(
                operations.Classify, self._learned, inputs, model, raw_scores, truncate, truncation_direction, url_path,
                extra_body, api,
            ),
            preference, positions, options,
        )  # fmt: skip

    async_classify = awaitable(classify)

    @blocking(POSTED)
    def batch_post(
        self,
        url_path: str,
        payloads: Payloads,
        preference: Preference = None,
        method: Method | float | None = None,
        *positions: Any,
        response_format: Literal["json", "text", "bytes"] = "json",
        allow_nan: bool | None = None,
        **options: Unpack[PostKeywords[ReturnExceptions]],
    ) -> Described[BatchPostResponse[ReturnExceptions]]:
        """Send JSON payloads to any path, one request each.

        Parameters:
            url_path: appended to the base URL; where both have the same version ("/v1"), it is not doubled.
            payloads: a sequence, an array of objects or a Series of JSON values: dict, list, str, numbers, numpy
                arrays, ...; or of PostRequests, which have a path, method, headers or query of their own. All requests
                of a call share one flow control.
            method: POST (the default), PUT, PATCH; or GET, DELETE, HEAD, OPTIONS, which send no body. A number is the
                `timeout_s` of 0.0.x, which had its place here.
            response_format: "json" for parsed answers; "text" for str, by the charset of their content type or UTF-8;
                "bytes" for bytes.
            allow_nan: what becomes of NaN and infinities, which JSON lacks: None sends null and logs a warning, False
                raises ValueError, True sends NaN, Infinity and -Infinity.
            custom_headers: sent with each request; they replace headers of the same name.

        The options are those of PerformanceClient. Returns the answers in the order of the payloads.
        """
        if method is not None and not isinstance(method, str):
            if options.get("timeout_s") is not None:
                raise TypeError("argument 'timeout_s' is given twice, by position and by keyword")
            options["timeout_s"], method = method, None
        post = partial(operations.Post, url_path, payloads, method, response_format, allow_nan)
        return post, preference, positions, options

    async_batch_post = awaitable(batch_post)

    @streaming(STREAMED)
    def iter_embed(
        self,
        inputs: Iterable[str] | Iterable[Sequence[int]] | AsyncIterable[str] | AsyncIterable[Sequence[int]],
        model: str | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        dimensions: int | None = None,
        user: str | None = None,
        preference: RequestProcessingPreference | None = None,
        *,
        ordered: bool = True,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Unpack[BatchKeywords[ReturnExceptions]],
    ) -> Streamed[EmbeddingsBatch[ReturnExceptions]]:
        """Embed texts as they come, however many: a stream of batches with their embeddings, in flat memory.

        Parameters:
            inputs: iterable of str, such as a generator or a file's lines, or of sequences of token ids; or an
                asynchronous one, which needs `async for`. It is pulled in the consumer's thread, as far ahead as keeps
                the requests busy; one that blocks, blocks the event loop of an `async for`.
            model, encoding_format, dimensions, user, url_path, extra_body: as for `embed`.
            ordered: False gives batches as their requests end.

        The options are those of PerformanceClient; `total_timeout_s` is for the whole stream, from its first batch on.
        Returns a Stream of EmbeddingsBatch: `start`, `stop`, `inputs`, `numpy()`, `usage`. A request that fails ends
        the stream with its exception; with return_exceptions=True its batch has `errors`, and the stream goes on. When
        `inputs` raises, what was sent is given first, and then the exception goes up.
        """
        return Streamed(
            inputs, "-",
            lambda policy, probe: operations.GatheredTokens("inputs", self._learned.wanted(policy), probe.limit),
            lambda policy, batch, first: operations.Embed(
                self._learned, batch, model, encoding_format, dimensions, user, url_path, extra_body, None, policy,
                operations.ONE_BATCH,
            ),
            responses.EmbeddingsBatch, ordered, preference, options,
        )  # fmt: skip

    @streaming(STREAMED)
    def iter_classify(
        self,
        inputs: Iterable[str] | AsyncIterable[str],
        model: str | None = None,
        raw_scores: bool = False,
        truncate: bool = False,
        truncation_direction: Literal["Right", "Left"] = "Right",
        preference: RequestProcessingPreference | None = None,
        *,
        ordered: bool = True,
        api: Literal["tei", "vllm", "infinity"] = "tei",
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **options: Unpack[BatchKeywords[ReturnExceptions]],
    ) -> Streamed[ClassificationBatch[ReturnExceptions]]:
        """Classify texts as they come: a stream of batches with their labels.

        Parameters: as for `classify`; `inputs` and `ordered` as for `iter_embed`. The options are those of
        PerformanceClient. A class that vLLM numbers has its name from when an answer of the stream has told it.
        """
        return Streamed(
            inputs, "-",
            lambda policy, probe: operations.GatheredTexts("inputs", self._learned.wanted(policy), probe.limit),
            lambda policy, batch, first: operations.Classify(
                self._learned, batch, model, raw_scores, truncate, truncation_direction, url_path, extra_body, api,
                policy, operations.ONE_BATCH,
            ),
            responses.ClassificationBatch, ordered, preference, options,
        )  # fmt: skip

    @streaming(SENT)
    def iter_batch_post(
        self,
        url_path: str,
        payloads: Iterable[Any] | AsyncIterable[Any],
        preference: RequestProcessingPreference | None = None,
        method: Method | None = None,
        *,
        ordered: bool = True,
        response_format: Literal["json", "text", "bytes"] = "json",
        allow_nan: bool | None = None,
        **options: Unpack[PostKeywords[ReturnExceptions]],
    ) -> Streamed[PostedBatch[ReturnExceptions]]:
        """Send JSON payloads as they come, one request each: a stream of payloads with their answers.

        Parameters: as for `batch_post`; `payloads` and `ordered` as `inputs` and `ordered` of `iter_embed`. The options
        are those of PerformanceClient. Each item's `inputs` and `data` are lists of one.
        """
        return Streamed(
            payloads, {}, lambda policy, probe: operations.GatheredPayloads(),
            lambda policy, batch, first: operations.Post(
                url_path, batch, method, response_format, allow_nan, policy, name="iter_batch_post", first=first
            ),
            responses.PostedBatch, ordered, preference, options,
        )  # fmt: skip

    @blocking(SENT)
    def batch_system_one(
        self,
        requests: Payloads,
        preference: RequestProcessingPreference | None = None,
        **options: Unpack[PostKeywords[ReturnExceptions]],
    ) -> Described[BatchPostResponse[ReturnExceptions]]:
        """Send System One requests: POST /v1/systemone, one for each.

        Parameters:
            requests: JSON objects of states and questions, sent as they are.
            custom_headers: sent with each request; they replace headers of the same name.

        The options are those of PerformanceClient. Returns the parsed JSON answers in the order of the requests.
        """
        return partial(operations.SystemOne, requests), preference, (), options

    async_batch_system_one = awaitable(batch_system_one)


if PerformanceClient.__doc__:  # `python -OO` has none
    PerformanceClient.__doc__ = f"{PerformanceClient.__doc__.rstrip()}\n{docstring_lines(OPTIONS)}"
