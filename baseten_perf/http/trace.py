"""TraceContext: the caller's W3C trace, sent with the requests of a call."""

from __future__ import annotations

from dataclasses import dataclass

from ..validation import string


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The span that the requests of a call belong to, as two header values of W3C Trace Context.

    Both are sent as they are, with every request of the call; what a header cannot hold is refused by the call.
    Instances are read-only and compared by value.

    Parameters:
        traceparent: e.g. "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
        tracestate: the vendors' list, e.g. "congo=t61rcWkgMzE"; None sends no such header.

    Raises TypeError for anything but strings.
    """

    traceparent: str
    tracestate: str | None = None

    def __post_init__(self) -> None:
        string("traceparent", self.traceparent)
        if self.tracestate is not None:
            string("tracestate", self.tracestate)
