"""The methods that block until the response is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from .. import operations
from ..drive import blocking
from ..policy import DEFAULT, Policy
from ..preference import RequestProcessingPreference
from ..styles import Preference, policy_of, post_policy_of, unbatched_policy_of
from .connected import Connected, MakeOperation

if TYPE_CHECKING:
    from ..responses import BatchPostResponse, ClassificationResponse, OpenAIEmbeddingsResponse, RerankResponse


class BlockingMethods(Connected):
    """Each method: a policy, an operation, and a wait without the GIL."""

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
            lambda policy: operations.Embed(
                input, model, encoding_format, dimensions, user, policy, self._refusing
            ),
            policy,
        )
        return response

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

    def _run(self, make: MakeOperation, policy: Policy | ValueError) -> Any:
        if isinstance(policy, ValueError):
            make(DEFAULT)  # what is wrong with the inputs is told first
            # A copy: frames in a traceback refer to the policy, and must not keep themselves and the client.
            raise copy(policy)
        return blocking.run(self._call(make(policy), policy))
