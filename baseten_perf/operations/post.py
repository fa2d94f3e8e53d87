"""Post: any JSON payloads to any path, one request each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..http import headers as header_block
from ..http.headers import MEDIA_TYPES
from ..late import loaded
from ..log import logger
from ..policy import Policy
from ..protocols import Completion, Matrix
from ..responses.batch_post import BatchPostResponse
from ..validation import boolean, url_path_of, utf8_string, wrong_type
from ._inputs import AT_ONCE, give_way, holds_instance
from .columns import listed
from .operation import WITH_BODY, Head, Operation
from .payload import Encoder
from .post_head import LENIENT, METHODS, head_of
from .response_body import decoded

if TYPE_CHECKING:
    from ..post_request import PostRequest

FORMATS = ("json", "text", "bytes")

_CHARSET = r"(?i:charset)\s*=\s*[\"']?([^\s;\"']+)"


class Post(Operation):
    """One batch_post call.

    Parameters:
        url_path: appended to the base URL.
        payloads: sequence or column of JSON values and PostRequests, not empty.
        method: None for POST, or one of METHODS in any case. The others than POST, PUT and PATCH send no body, but
            need a payload for each request all the same.
        response_format: "json"; or "text" or "bytes", for bodies that are not to be parsed.
        allow_nan: see Encoder.
        name: of the public method.
        argument: what that method calls the payloads.
        first: number of the first payload, for errors.

    All payloads are serialised here and not in `body`: the last of a million may be impossible to serialise, and then
    nothing must have been sent. It also lets the caller change them while the requests run.

    Raises TypeError or ValueError.
    """

    __slots__ = (
        "_allow_nan", "_argument", "_bodies", "_data", "_format", "_strict", "_unlike_200",
    )  # fmt: skip

    def __init__(
        self,
        url_path: str,
        payloads: Any,
        method: str | None,
        response_format: str,
        allow_nan: bool | None,
        policy: Policy,
        *,
        name: str = "batch_post",
        argument: str = "payloads",
        first: int = 0,
    ) -> None:
        path = url_path_of("url_path", url_path)
        values = listed(payloads)
        if values is None:
            raise wrong_type(argument, "a sequence", payloads)
        verb = "POST" if method is None else utf8_string("method", method).upper()
        if response_format not in FORMATS:
            shown = utf8_string("response_format", response_format)
            raise ValueError(f"response_format must be one of {', '.join(FORMATS)}, not {shown!r}")
        self._allow_nan = None if allow_nan is None else boolean("allow_nan", allow_nan)
        if not values:
            raise ValueError("Payloads list cannot be empty")
        requests: list[Any] = []
        kind = _kind_of_requests()
        if kind is not None and holds_instance(values, kind):
            requests = [each if type(each) is kind else kind(each) for each in values]
            values = [request.payload for request in requests]
        self.name = name
        self._argument = argument
        self._bodies = self._encoded(values, first)
        if verb not in METHODS:
            raise ValueError(f"Invalid HTTP method '{method}'. Supported methods: {', '.join(METHODS)}")
        heads: list[Head] | None = None
        if requests:
            heads = [head_of(each, f"{argument}[{i}]", path, verb, policy) for i, each in enumerate(requests)]
            for i, each in enumerate(requests):
                if each.content is not None or heads[i].method not in WITH_BODY:
                    self._bodies[i] = each.content or b""
        elif verb not in WITH_BODY:
            self._bodies = [b""] * len(self._bodies)
        self._format = response_format
        self._strict = response_format == "json" and not requests and verb not in LENIENT
        media_types = MEDIA_TYPES if response_format == "json" else "*/*"
        self._prepare(name, verb, path, len(self._bodies), _common_model(values), media_types, heads)
        self._data: list[Any] = [None] * len(self._bodies)
        self._unlike_200: dict[int, int] | None = None  # statuses, by request

    def carrying(self, inputs: list[Any], first: int) -> Post | None:
        kind = _kind_of_requests()
        if kind is not None and holds_instance(inputs, kind):
            return None
        post = self._of_one_request()
        post._bodies = self._encoded(inputs, first)
        if self.method not in WITH_BODY:
            post._bodies = [b""]
        post.model = _common_model(inputs)
        post._data = [None]
        post._unlike_200 = None
        return post

    def _encoded(self, payloads: list[Any], first: int) -> list[bytes]:
        encoder = Encoder(self._allow_nan)
        bodies: list[bytes] = []
        try:
            for payload in payloads:
                bodies.append(encoder.encode(payload))
                if not len(bodies) % AT_ONCE:
                    give_way()
        except (TypeError, ValueError) as reason:
            text = f"{type(reason).__name__}: {reason}" if isinstance(reason, UnicodeError) else reason
            raise ValueError(f"Failed to depythonize payload at index {first + len(bodies)}: {text}") from None
        listened = logger() if encoder.nulled else None
        if listened is not None:
            listened.warning(
                "%s: NaN and infinities in %s are sent as null; see `allow_nan`", self.name, self._argument
            )
        return bodies

    def body(self, index: int) -> bytes:
        body = self._bodies[index]
        self._bodies[index] = b""  # handed over: from here on the bytes live as long as their request
        return body

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in an answer: decoded, or what stands for an answer without any."""
        status = completion.status
        usual = self._strict and status != 204 and completion.body
        self._data[completion.index - self.first] = decoded(completion) if usual else self._answer(completion)
        if status != 200:
            if self._unlike_200 is None:
                self._unlike_200 = {}
            self._unlike_200[completion.index - self.first] = status
        self.record(completion)

    def _answer(self, completion: Completion) -> Any:
        if self._format == "bytes":
            return bytes(completion.body)
        if self._format == "text":
            return _text(completion)
        if self.method_of(completion.index - self.first) in LENIENT:
            try:
                return {} if completion.body == b"" else decoded(completion)
            except ValueError:
                return {}
        return None if completion.body == b"" or completion.status == 204 else decoded(completion)

    def response(self, total_time: float, matrix: Matrix | None) -> BatchPostResponse[Any]:
        return BatchPostResponse(self._data, total_time, self.elapsed, self.headers, self.timings, self._unlike_200)


def _kind_of_requests() -> type[PostRequest] | None:
    """PostRequest; None as long as its module is not loaded, and so there is no instance of it."""
    module = loaded("baseten_perf.post_request")
    return None if module is None else module.PostRequest


def _text(completion: Completion) -> str:
    """A body in the character set that the response names, or in UTF-8 when it names none that is usable."""
    found = re.search(_CHARSET, header_block.parse(completion.headers).get("content-type", ""))
    if found:
        try:
            return str(completion.body, found.group(1), "replace")
        except (LookupError, ValueError):
            pass  # unknown, no encoding of text, or one that can replace nothing
    return str(completion.body, "utf-8", "replace")


def _common_model(payloads: list[Any]) -> str | None:
    """The model that all payloads name."""
    first = payloads[0].get("model") if isinstance(payloads[0], dict) else None
    if type(first) is not str:
        return None
    for other in payloads:
        if not isinstance(other, dict) or other.get("model") != first:
            return None
    return first
