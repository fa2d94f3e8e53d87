"""NaN and infinities in payloads: null and a warning, refused, or sent."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient, PostRequest
from baseten_perf.testing import Server

PAYLOADS: list[Any] = [{"a": [1, math.nan]}, 2, numpy.array([math.inf, -math.inf])]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_null_and_one_warning(client: PerformanceClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.batch_post("/x", PAYLOADS).data == [{"a": [1, None]}, 2, [None, None]]
    assert warnings(caplog) == ["batch_post: NaN and infinities in payloads are sent as null; see `allow_nan`"]


def test_null_alone_warns_of_nothing(client: PerformanceClient, caplog: pytest.LogCaptureFixture) -> None:
    client.batch_post("/x", [None, {"a": None}, "null", numpy.array([1.0])])
    assert warnings(caplog) == []


@pytest.mark.parametrize("wrap", [lambda value: value, PostRequest])
def test_refused(client: PerformanceClient, server: Server, wrap: Any) -> None:
    for payload in (math.nan, numpy.array([math.inf]), [{"a": -math.inf}]):
        with pytest.raises(ValueError, match=r"payload at index 1: it holds NaN or an infinity"):
            client.batch_post("/x", [None, wrap(payload)], allow_nan=False)
    assert server.statistics().requests == 0


def test_sent(client: PerformanceClient, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    data = client.batch_post("/x", PAYLOADS, allow_nan=True, max_concurrent_requests=1).data
    assert [request.body for request in server.requests()] == [b'{"a":[1,NaN]}', b"2", b"[Infinity,-Infinity]"]
    assert math.isnan(data[0]["a"][1]) and data[1:] == [2, [math.inf, -math.inf]]
    assert warnings(caplog) == []
