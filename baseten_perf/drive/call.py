"""Call: one operation under way on the engine; bodies go down in waves, answers come up, an error ends it."""

from __future__ import annotations

import math
import os
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .. import engine
from ..headers import HeaderBlock

if TYPE_CHECKING:
    from ..operations.operation import Operation
    from ..policy import Policy

# Seconds to establish a connection, unless the attempt's own time-out is shorter.
CONNECT_TIMEOUT_S = 60.0
# Bodies are serialised ahead of the network up to this many bytes, so that memory stays bounded.
MOST_BYTES_AHEAD = 16 * 1024 * 1024

REQUEST_ID_PREFIX = "perfclient" + os.environ.get("PERFORMANCE_CLIENT_REQUEST_ID_PREFIX", "").strip().lower()


class Call:
    """One operation under way. Used by one thread at a time; knows how to go on, never how to wait.

    Parameters:
        pool: the native engine of the client's connection pool.
        operation: what is asked for.
        policy: how its requests are processed.
        url: URL of every request.
        proxy: URL of the proxy; empty for none.
        header_block: constant header lines.
        endpoint: base URL, for errors.
        mailbox, token: where the engine announces progress, for callers that do not block.
    """

    __slots__ = (
        "_ahead", "_arrived", "_began", "_endpoint", "_failure", "_matrix", "_operation", "_policy", "_sent", "handle",
    )  # fmt: skip

    def __init__(
        self,
        pool: engine.Engine,
        operation: Operation,
        policy: Policy,
        *,
        url: str,
        proxy: str,
        header_block: HeaderBlock,
        endpoint: str,
        mailbox: engine.EventMailbox | None = None,
        token: int = 0,
    ) -> None:
        count = len(operation)
        self._operation = operation
        self._policy = policy
        self._endpoint = endpoint
        self._sent = 0
        self._ahead = 2 * policy.max_concurrent_requests + 16
        self._arrived: deque[engine.Completion] = deque()
        self._failure: engine.Completion | Exception | None = None
        self._matrix: engine.Matrix | None = None
        self._began = perf_counter()
        self.handle = engine.Operation(
            pool,
            url=url.encode("ascii"),
            proxy=proxy.encode(),
            method=operation.method,
            bodyless=operation.method not in ("POST", "PUT", "PATCH"),
            lines=header_block.lines,
            request_id_stem=f"{REQUEST_ID_PREFIX}-{os.urandom(5).hex()}".encode() if header_block.request_id else None,
            deadline_header=header_block.deadline,
            rows=operation.rows,
            count=count,
            concurrency=policy.max_concurrent_requests,
            timeout_s=policy.timeout_s,
            connect_timeout_s=min(CONNECT_TIMEOUT_S, policy.timeout_s),
            total_timeout_s=policy.total_timeout_s,
            max_retries=policy.max_retries,
            initial_backoff_ms=policy.initial_backoff_ms,
            retry_budget=max(2, 1 + math.ceil(count * policy.retry_budget_pct)),
            final_statuses=policy.non_retryable_status_codes,
            mailbox=mailbox,
            token=token,
        )

    def feed(self, most_bytes: int = MOST_BYTES_AHEAD) -> bool:
        """Serialise and hand down the next wave of bodies; True when there is room for more at once."""
        handle, operation = self.handle, self._operation
        count = len(operation)
        wave_end = min(count, handle.started + self._ahead)
        size = 0
        while self._sent < wave_end and size < most_bytes:
            body = operation.body(self._sent)
            handle.push(body)
            size += len(body)
            self._sent += 1
        left = self._sent - handle.started
        handle.flush(0 if self._sent == count else max(1, left // 2))
        return self._sent < wave_end

    def advance(self, until: float = math.inf) -> bool:
        """Take in what has arrived, up to the instant `until` (of perf_counter); True when nothing is left to do."""
        handle = self.handle
        self._arrived.extend(handle.drain())
        # Looked at after draining: what ends from here on is announced again.
        over = handle.over
        if over:
            self._arrived.extend(handle.drain())
        while self._arrived:
            self._take_in(self._arrived.popleft())
            if perf_counter() >= until and self._arrived:
                return False
        return over

    def _take_in(self, completion: engine.Completion) -> None:
        if completion.outcome != 0:
            self._failure = self._failure or completion
            return
        if self._operation.rows is not None and self._matrix is None:
            self._matrix = self.handle.matrix
        try:
            self._operation.accept(completion, self._matrix)
        except ValueError as refused:
            if self._failure is None:
                self._failure = self._annotated(refused, completion)
            self.handle.cancel()

    def result(self) -> Any:
        """The response, once `advance` has returned True. Raises what ended the operation otherwise."""
        failure = self._failure
        if failure is None:
            if self.handle.cancelled:
                raise MemoryError("out of memory, even for the reason why the call failed")
            return self._operation.response(perf_counter() - self._began, self._matrix)
        if isinstance(failure, Exception):
            raise failure
        from ..errors import exception_from

        exception = exception_from(
            failure, method=self._operation.method, total_timeout_s=self._policy.total_timeout_s
        )
        raise self._annotated(exception, failure)

    def _annotated(self, exception: Exception, completion: engine.Completion) -> Exception:
        from ..errors import annotate

        return annotate(
            exception,
            batch_index=completion.index,
            partial=self._operation.partial(self._matrix),
            attempts=completion.attempts,
            endpoint=self._endpoint,
        )

    @property
    def has_arrivals(self) -> bool:
        """Whether answers wait to be taken in."""
        return bool(self._arrived)

    def cancel(self) -> None:
        """Abort on the wire whatever is in flight."""
        self.handle.cancel()
