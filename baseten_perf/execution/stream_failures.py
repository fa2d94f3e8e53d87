"""StreamFailures: how the requests of a stream fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .failure import request_failed

if TYPE_CHECKING:
    from ..engine import Completion
    from ..exceptions import InvalidResponse, RequestFailed
    from ..policy import Policy
    from .audience import Audience
    from .pulled import Pulled
    from .stream_items import StreamItems
    from .stream_requests import StreamRequests


class StreamFailures:
    """Used by the thread that its stream is used by.

    Parameters:
        policy, endpoints, requests, items, audience: the stream's.
    """

    __slots__ = ("_audience", "_endpoints", "_items", "_policy", "_requests")

    def __init__(
        self,
        policy: Policy,
        endpoints: list[str],
        requests: StreamRequests,
        items: StreamItems[Any],
        audience: Audience | None,
    ) -> None:
        self._policy = policy
        self._endpoints = endpoints
        self._requests = requests
        self._items = items
        self._audience = audience

    def exception(self, pulled: Pulled, completion: Completion, invalid: InvalidResponse | None) -> RequestFailed:
        """That of a batch whose request has failed; `invalid` when its response cannot be used."""
        failure = request_failed(
            completion, invalid, pulled.operation, self._policy, self._endpoints, self._requests.pushed,
            pulled.numbers, pulled.place,
        )  # fmt: skip
        failure.missing = list(failure.inputs)
        return failure

    def collect(self, pulled: Pulled, completion: Completion, failure: RequestFailed) -> None:
        """A batch has failed, which is an item as others are; the stream goes on."""
        pulled.operation.fail(completion, failure)
        self._items.keep(pulled, completion)
        if self._audience is not None:
            self._audience.took_in(pulled.taken(completion, failure))
