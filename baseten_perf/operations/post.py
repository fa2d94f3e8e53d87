"""Post: any JSON payloads to any path, one request each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..responses.batch_post import BatchPostResponse
from ..validation import utf8_string
from .operation import WITH_BODY, Operation
from .payload import serialised
from .response_body import decoded

# Their answers need not be JSON: what is not counts as {}.
LENIENT = ("DELETE", "HEAD", "OPTIONS")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class Post(Operation):
    """One batch_post call.

    Parameters:
        url_path: appended to the base URL.
        payloads: sequence of JSON values, not empty.
        method: None for POST, or one of METHODS in any case. The others than POST, PUT and PATCH send no body, but
            need a payload for each request all the same.
        name: of the public method.
        argument: what that method calls the payloads.
        first: number of the first payload, for errors.

    All payloads are serialised here and not in `body`: the last of a million may be impossible to serialise, and then
    nothing must have been sent. It also lets the caller change them while the requests run.

    Raises TypeError or ValueError.
    """

    __slots__ = ("_bodies", "_data")

    def __init__(
        self,
        url_path: str,
        payloads: Any,
        method: str | None,
        policy: Policy,
        *,
        name: str = "batch_post",
        argument: str = "payloads",
        first: int = 0,
    ) -> None:
        path = utf8_string("url_path", url_path)
        if isinstance(payloads, str):
            raise TypeError(f"argument '{argument}': Can't extract `str` to `Vec`")
        if isinstance(payloads, (bytes, bytearray, memoryview)) or not isinstance(payloads, Sequence):
            kind = type(payloads).__name__
            raise TypeError(f"argument '{argument}': '{kind}' object cannot be converted to 'Sequence'")
        verb = "POST" if method is None else utf8_string("method", method).upper()
        if not payloads:
            raise ValueError("Payloads list cannot be empty")
        self._bodies = [serialised(payload, index) for index, payload in enumerate(payloads, first)]
        if verb not in METHODS:
            raise ValueError(f"Invalid HTTP method '{method}'. Supported methods: {', '.join(METHODS)}")
        if verb not in WITH_BODY:
            self._bodies = [b""] * len(self._bodies)
        super().__init__(name, verb, path, len(self._bodies), model=_common_model(payloads))
        self._data: list[Any] = [None] * len(self._bodies)

    def body(self, index: int) -> bytes:
        body = self._bodies[index]
        self._bodies[index] = b""  # handed over: from here on the bytes live as long as their request
        return body

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in an answer: decoded JSON, or what stands for an answer without any."""
        self._data[completion.index - self.first] = self._answer(completion)
        self.record(completion)

    def _answer(self, completion: Completion) -> Any:
        empty = completion.body == b""
        if self.method in LENIENT:
            if empty:
                return {}
            try:
                return decoded(completion)
            except ValueError:
                return {}
        return None if empty or completion.status == 204 else decoded(completion)

    def response(self, total_time: float, matrix: Matrix | None) -> BatchPostResponse:
        return BatchPostResponse(self._data, total_time, self.elapsed, self.headers)


def _common_model(payloads: Sequence[Any]) -> str | None:
    """The model that all payloads name."""
    first = payloads[0].get("model") if isinstance(payloads[0], dict) else None
    if type(first) is str and all(isinstance(other, dict) and other.get("model") == first for other in payloads):
        return first
    return None
