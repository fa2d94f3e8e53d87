"""The methods that return a future of the running event loop: the same calls, not waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import operations
from ..drive.call import Call
from ..late import load
from ..policy import DEFAULT, Policy
from ..preference import RequestProcessingPreference
from ..styles import Preference, policy_of, post_policy_of, unbatched_policy_of
from .connected import Connected, MakeOperation

if TYPE_CHECKING:
    import asyncio

    from ..engine import EventMailbox
    from ..responses import BatchPostResponse, ClassificationResponse, OpenAIEmbeddingsResponse, RerankResponse


class AwaitableMethods(Connected):
    """Each method: a policy, an operation, and a future."""

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
            lambda policy: operations.Embed(
                input, model, encoding_format, dimensions, user, policy, self._refusing
            ),
            policy,
        )

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

    def _start(self, make: MakeOperation, policy: Policy | ValueError) -> asyncio.Future[Any]:
        start = load("baseten_perf.drive.asynchronous").start  # asyncio is for those who use it
        # What is wrong with the inputs is raised here and now; all else, a policy too, by the future.
        if isinstance(policy, ValueError):
            make(DEFAULT)
            return start(_refuse, policy)  # type: ignore[no-any-return]
        return start(self._call, make(policy), policy)  # type: ignore[no-any-return]


def _refuse(policy: ValueError, mailbox: EventMailbox, token: int) -> Call:
    raise policy
