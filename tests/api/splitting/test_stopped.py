"""Calls and streams that end while batches are divided: what was answered is there, and what is not is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient

Call = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(1000)]


def answered_and_missing(picky: Any, partial: Any, missing: list[int], count: int) -> None:
    """What was answered is there, and whatever is not is told."""
    array = partial.numpy(missing="nan")
    assert partial.missing == missing
    for i in range(count):
        assert numpy.isnan(array[i]).all() if i in missing else array[i].tolist() == picky.vector_of(TEXTS[i])


@pytest.mark.parametrize("stop_at", [5, 9, 12])
@pytest.mark.parametrize("end", ["token", "close", "deadline"])
def test_a_call_that_is_stopped_while_batches_are_divided(
    picky: Any, poller: str, respond: Call, end: str, stop_at: int
) -> None:
    """At a counted request; 4 batches of 16, of which one is bad, then its parts."""
    picky.reset(picky.refusing({TEXTS[5]}), stop_at=stop_at)
    client = PerformanceClient(picky.url, "key")
    token = CancellationToken()

    def stop() -> None:
        picky.stopped.wait(30)
        token.cancel() if end == "token" else client.close()

    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 2, "return_exceptions": True}
    if end == "deadline":
        options["total_timeout_s"] = 0.5
    else:
        threading.Thread(target=stop, daemon=True).start()
    kind = requests.exceptions.Timeout if end == "deadline" else OperationCancelled
    with pytest.raises(kind) as raised:
        respond(client, "embed", TEXTS[:64], "m", cancel_token=token, **options)
    failure: Any = raised.value
    assert 5 in failure.missing
    answered_and_missing(picky, failure.response_partial, failure.missing, 64)
    assert len(failure.response_partial.response_headers) == len(failure.response_partial.individual_request_times)
    if stop_at == 12:
        assert len(failure.missing) < 20


@pytest.mark.parametrize("stop_at", [5, 9])
def test_a_future_that_is_cancelled_while_batches_are_divided(picky: Any, stop_at: int) -> None:
    picky.reset(picky.refusing({TEXTS[5]}), stop_at=stop_at)
    client = PerformanceClient(picky.url, "key")

    async def run() -> Any:
        future = client.async_embed(TEXTS[:64], "m", batch_size=16, max_concurrent_requests=2, return_exceptions=True)
        await asyncio.to_thread(picky.stopped.wait, 30)
        future.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await future
        return raised.value

    partial = asyncio.run(run()).partial  # type: ignore[attr-defined]
    assert len(partial) == 64 and partial[5] is None
    picky.go_on.set()
    picky.reset(lambda inputs: None)
    assert client.embed(TEXTS[:4], "m").numpy().shape == (4, 3)


def test_a_stream_that_is_left_while_batches_are_divided(picky: Any, way: str) -> None:
    picky.reset(picky.refusing({TEXTS[20]}), stop_at=7)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 2, "return_exceptions": True}

    async def leave() -> Any:
        async with client.iter_embed(iter(TEXTS), "m", **options) as stream:
            assert (await anext(stream)).start == 0
            await asyncio.to_thread(picky.stopped.wait, 30)
        return stream

    if way:
        stream = asyncio.run(leave())
    else:
        with client.iter_embed(iter(TEXTS), "m", **options) as stream:
            assert next(stream).start == 0
            picky.stopped.wait(30)
    assert stream.closed
    picky.go_on.set()
