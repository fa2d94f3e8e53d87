"""TraceContext as a value, and its header lines."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import pytest

from baseten_perf import TraceContext
from baseten_perf.http.headers import header_lines, trace_lines

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_signature_and_attributes() -> None:
    assert str(inspect.signature(TraceContext)).startswith("(traceparent: 'str', tracestate: 'str | None' = None)")
    context = TraceContext(PARENT, "congo=t61rcWkgMzE")
    assert (context.traceparent, context.tracestate) == (PARENT, "congo=t61rcWkgMzE")
    assert TraceContext(PARENT).tracestate is None
    for name in ("traceparent", "tracestate"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(context, name, "x")


def test_it_is_a_value() -> None:
    context = TraceContext(PARENT, "a=b")
    assert context == TraceContext(PARENT, "a=b") and hash(context) == hash(TraceContext(PARENT, "a=b"))
    assert context != TraceContext(PARENT)
    for twin in (copy.copy(context), copy.deepcopy(context), pickle.loads(pickle.dumps(context))):
        assert twin == context
    assert eval(repr(context)) == context


@pytest.mark.parametrize("arguments", [(None,), (1,), (b"00",), ("00", 1), ("00", b"a")])
def test_only_strings(arguments: Any) -> None:
    with pytest.raises(TypeError, match="must be a str, not"):
        TraceContext(*arguments)


def test_the_lines_are_verbatim_and_before_the_user_agent() -> None:
    block = header_lines("k", {}, timeout_s=1, has_body=True, trace_context=TraceContext("no parent", " a = b, "))
    at = block.lines.index(b"traceparent: no parent")
    assert block.lines[at + 1] == b"tracestate:  a = b, "
    assert block.lines[at - 1].startswith(b"content-type") and block.lines[at + 2].startswith(b"user-agent")


def test_without_a_state_there_is_no_such_line() -> None:
    assert trace_lines(TraceContext("é"), {}) == ["traceparent: é".encode()]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (TraceContext(""), "invalid traceparent header"),
        (TraceContext(" "), "invalid traceparent header"),
        (TraceContext("a\r\nx: SECRET"), "invalid traceparent header"),
        (TraceContext("a\0"), "invalid traceparent header"),
        (TraceContext("\ud800"), "invalid traceparent header"),
        (TraceContext("a", ""), "invalid tracestate header"),
        (TraceContext("a", "b\nc"), "invalid tracestate header"),
    ],
)
def test_what_no_header_can_hold(context: TraceContext, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        trace_lines(context, {})
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["traceparent", "tracestate"])
def test_not_together_with_trace_headers(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        trace_lines(TraceContext("a"), {name: "b"})
    assert str(caught.value) == "trace_context cannot be combined with trace headers in extra_headers"
