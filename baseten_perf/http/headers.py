"""Header lines of a request, checked against injection, and the parsing of a response's.

No error message here holds a header's value or an API key.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from .._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .trace import TraceContext

# Would make the body end elsewhere than where the engine says it ends.
FRAMING = frozenset({"content-length", "transfer-encoding"})
REQUEST_ID = "x-baseten-customer-request-id"
REQUEST_ID_VARIABLE = "PERFORMANCE_CLIENT_REQUEST_ID_PREFIX"
DEADLINE = "request-deadline-ms"
MEDIA_TYPES = "application/json, application/msgpack"

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_CONTROL = frozenset(map(chr, (*range(9), *range(10, 32), 127)))
_CONTENT_TYPE = b"content-type: application/json"
USER_AGENT = f"user-agent: baseten-perf/{__version__}".encode()


class HeaderBlock:
    """The header lines that stay the same for all requests of an operation.

    Attributes:
        lines: `b"name: value"`, without line ends; an empty value is `b"name;"`, libcurl's way to send one.
        request_id: True when the engine adds the request id itself, False when the caller gave one.
        deadline: True when the engine adds the deadline of each attempt itself, False when the caller gave one.
    """

    __slots__ = ("deadline", "lines", "request_id")

    def __init__(self, lines: list[bytes], request_id: bool, deadline: bool) -> None:
        self.lines = lines
        self.request_id = request_id
        self.deadline = deadline


def header_lines(
    api_key: str,
    extra_headers: Mapping[str, str],
    *,
    timeout_s: float,
    has_body: bool,
    media_types: str = MEDIA_TYPES,
    trace_context: TraceContext | None = None,
) -> HeaderBlock:
    """Build the constant header lines of an operation; extra headers replace ours, whatever their case.

    Parameters:
        timeout_s: seconds per attempt, sent as whole milliseconds, rounded up.
        has_body: False for methods without a body: then there is no content-type.
        media_types: of responses, for the accept line.
        trace_context: the caller's trace, sent as it is.

    Raises ValueError for an empty API key that is needed, for line breaks, NUL and other characters that a header
    cannot hold, and for a trace that is given in both ways.
    """
    extra = checked(extra_headers) if extra_headers else {}
    lines = []
    if "authorization" not in extra:
        lines.append(b"authorization: Bearer " + check_api_key(api_key))
    if "request-timeout-ms" not in extra:
        lines.append(b"request-timeout-ms: %d" % math.ceil(timeout_s * 1000))
    if "accept" not in extra:
        lines.append(f"accept: {media_types}".encode())
    if has_body and "content-type" not in extra:
        lines.append(_CONTENT_TYPE)
    if trace_context is not None:
        lines += trace_lines(trace_context, extra)
    if "user-agent" not in extra:
        lines.append(USER_AGENT)
    for name, value in extra.items():
        lines.append(f"{name}: {value}".encode() if value else f"{name};".encode())
    return HeaderBlock(lines, request_id=REQUEST_ID not in extra, deadline=DEADLINE not in extra)


def trace_lines(trace_context: TraceContext, extra_headers: Mapping[str, str]) -> list[bytes]:
    """The header lines of the caller's trace, verbatim. Raises ValueError.

    The names in `extra_headers` are in lower case, as `checked` gives them.
    """
    if "traceparent" in extra_headers or "tracestate" in extra_headers:
        raise ValueError("trace_context cannot be combined with trace headers in extra_headers")
    lines = []
    for name, value in (("traceparent", trace_context.traceparent), ("tracestate", trace_context.tracestate)):
        if value is None:
            continue
        # Of blanks alone libcurl would make no header.
        if not value.strip(" \t") or not _is_value(value):
            raise ValueError(f"invalid {name} header")
        lines.append(f"{name}: {value}".encode())
    return lines


def checked(extra_headers: Mapping[str, str]) -> dict[str, str]:
    """Check a caller's headers; return them with lower-case names and without blanks around the values.

    Of names that differ only in case the last one counts. Raises ValueError.
    """
    result: dict[str, str] = {}
    for name, value in extra_headers.items():
        token = re.match(_TOKEN, name)
        if token is None or token.end() != len(name):
            # A whole line pasted as a name may hold a secret after its colon: show no more than the token.
            shown = f" starting with {token.group()!r}" if token else ""
            raise ValueError(f"Invalid header name{shown}: it may hold only letters, digits and !#$%&'*+-.^_`|~")
        lowered = name.lower()
        if lowered in FRAMING:
            raise ValueError(f"Header {lowered!r} cannot be set: the client frames the body itself")
        if not _is_value(value):
            raise ValueError(f"Invalid value of header {lowered!r}: it holds a line break or another control character")
        # A value of blanks alone would make libcurl drop the header.
        result[lowered] = value.strip(" \t")
    return result


def request_id_prefix(environment: Mapping[str, str]) -> bytes:
    """What request ids begin with: "perfclient" and PERFORMANCE_CLIENT_REQUEST_ID_PREFIX. Raises ValueError."""
    given = environment.get(REQUEST_ID_VARIABLE, "").strip(" \t").lower()
    if not _is_value(given):
        raise ValueError(f"{REQUEST_ID_VARIABLE} holds a line break or another character that no header can hold")
    return f"perfclient{given}".encode()


def merged(under: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Both mappings together; `over` wins where names are equal but for their case."""
    replaced = {name.lower() for name in over}
    return {**{name: value for name, value in under.items() if name.lower() not in replaced}, **over}


def check_api_key(api_key: str) -> bytes:
    """Return the key as it goes into the authorization line. Raises ValueError, without the key in the message."""
    if not api_key:
        raise ValueError("API key cannot be empty")
    if not _is_value(api_key):
        raise ValueError("API key holds a line break or another control character")
    return api_key.encode()


def _is_value(text: str) -> bool:
    """Whether a header can hold the text."""
    if not _CONTROL.isdisjoint(text):
        return False
    # Not by catching UnicodeEncodeError around the caller's code: that exception carries the whole text.
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def parse(raw: bytes) -> dict[str, str]:
    """Parse raw response header lines: lower-case names, UTF-8 values with U+FFFD, the last duplicate wins."""
    result: dict[str, str] = {}
    name = ""
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        if line[:1] in (" ", "\t") and name:
            result[name] = f"{result[name]} {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        if colon:
            name = key.strip().lower()
            result[name] = value.strip()
    return result
