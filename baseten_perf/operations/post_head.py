"""The head of a PostRequest: method, path with its query, headers; checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..http import headers as header_block
from ..late import load
from ..validation import string, string_mapping, url_path_of, utf8_string, wrong_type
from .operation import WITH_BODY, Head

if TYPE_CHECKING:
    from ..policy import Policy
    from ..post_request import PostRequest

# Their answers need not be JSON: what is not counts as {}.
LENIENT = ("DELETE", "HEAD", "OPTIONS")
METHODS = ("GET", *WITH_BODY, *LENIENT)


def head_of(request: PostRequest, place: str, path: str, method: str, policy: Policy) -> Head:
    """How the request begins, where the call's own path and method are these.

    Raises TypeError or ValueError naming the attribute at `place`.
    """
    if request.url_path is not None:
        path = url_path_of(f"{place}.url_path", request.url_path)
    if request.params is not None:
        path = _with_query(f"{place}.params", path, request.params)
    if request.method is not None:
        method = utf8_string(f"{place}.method", request.method).upper()
        if method not in METHODS:
            raise ValueError(f"{place}.method must be one of {', '.join(METHODS)}, not {request.method!r}")
    own = {} if request.headers is None else string_mapping(f"{place}.headers", request.headers)
    try:
        own = header_block.checked(own)
        if policy.trace_context is not None:
            header_block.trace_lines(policy.trace_context, own)
    except ValueError as refused:
        raise ValueError(f"{place}.headers: {refused}") from None
    if request.content is not None:
        _check_content(f"{place}.content", request, method)
        if "content-type" not in own | header_block.checked(policy.extra_headers or {}):
            own["content-type"] = "application/octet-stream"
    return Head(method, path, tuple(own.items()))


def _check_content(name: str, request: PostRequest, method: str) -> None:
    if not isinstance(request.content, bytes):
        raise wrong_type(name, "bytes", request.content)
    if request.payload is not None:
        raise ValueError(f"{name} and a payload cannot both be given")
    if method not in WITH_BODY:
        raise ValueError(f"{name} cannot be sent with {method}, which has no body")


def _with_query(name: str, path: str, params: Any) -> str:
    if isinstance(params, (str, bytes)) or not isinstance(params, (Mapping, Sequence)):
        raise wrong_type(name, "a mapping or a sequence of pairs", params)
    pairs: list[tuple[str, str]] = []
    for pair in params.items() if isinstance(params, Mapping) else params:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"{name} must hold pairs of a name and a value, not {type(pair).__name__}")
        key = string(f"a name in {name}", pair[0])
        several = isinstance(pair[1], Sequence) and not isinstance(pair[1], (str, bytes, bytearray))
        for value in pair[1] if several else [pair[1]]:
            if value is not None:
                pairs.append((key, _parameter(f"{name}[{key!r}]", value)))
    path = path.partition("#")[0]
    if not pairs:
        return path
    return f"{path}{'&' if '?' in path else '?'}{load('urllib.parse').urlencode(pairs)}"


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return value
    raise wrong_type(name, "a str, a number or a bool", value)
