"""How streams end before their last item: they are left, closed, cancelled, or something fails."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from baseten_perf import CancellationToken, InvalidResponse, OperationCancelled, PerformanceClient, RequestFailed
from baseten_perf.testing import Server

Make = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}


def test_breaking_off_aborts_on_the_wire(
    server: Server, poller: str, eventually: Make, faulty: Make, trickle: Make
) -> None:
    """One request stalls. When later ones have been answered, it is in flight."""
    stalling = faulty(containing='"text 4"', stall=True)

    def idle() -> bool:
        return server.statistics().requests_active == 0

    for batch in stalling.iter_embed(iter(TEXTS), "m", ordered=False, **SMALL):
        if batch.start >= 20:
            break
    gc.collect()
    eventually(idle)
    assert server.statistics().requests_aborted >= 1

    async def consume() -> None:
        async for batch in stalling.iter_embed(trickle(TEXTS), "m", ordered=False, **SMALL):
            if batch.start >= 20:
                break
        gc.collect()
        await asyncio.to_thread(eventually, idle)

    asyncio.run(consume())
    assert server.statistics().requests_aborted >= 2


def test_closing(server: Server, eventually: Make, faulty: Make) -> None:
    stream = faulty(containing='"text 4"', stall=True).iter_embed(TEXTS, "m", **SMALL)
    assert next(stream).start == 0
    assert not stream.closed
    stream.close()
    stream.close()
    assert stream.closed
    assert list(stream) == []
    eventually(lambda: server.statistics().requests_active == 0)


def test_the_client_is_closed(server: Server, way: Make, eventually: Make, faulty: Make) -> None:
    """It aborts its streams, too, and begins no more."""
    client = faulty(containing='"text 20"', stall=True)

    def closing() -> Iterator[str]:
        yield from TEXTS
        client.close()

    with pytest.raises(OperationCancelled, match="close"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), closing())
    eventually(lambda: server.statistics().requests_active == 0)
    with pytest.raises(RuntimeError, match="is closed"):
        way(lambda source: client.iter_embed(source, "m"), TEXTS)


def test_a_source_that_raises(client: PerformanceClient, way: Any) -> None:
    """What was sent is given, and then the exception goes up."""
    given: list[int] = []

    def failing() -> Iterator[str]:
        yield from TEXTS[:22]
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        way(lambda source: way.noting(client.iter_embed(source, "m", **SMALL), given), failing())
    assert given == [0, 4, 8, 12, 16]


def test_a_request_that_fails_ends_the_stream(poller: str, way: Any, faulty: Make) -> None:
    client = faulty(containing='"text 13"', status=400)
    given: list[int] = []

    def begin(source: Any) -> Any:
        stream = client.iter_embed(source, "m", batch_size=4, max_concurrent_requests=1, max_retries=0)
        return way.noting(stream, given)

    with pytest.raises(requests.exceptions.HTTPError) as raised:
        way(begin, TEXTS)
    assert given == [0, 4, 8]
    failed: Any = raised.value
    assert isinstance(failed, RequestFailed)
    assert (failed.batch_index, list(failed.inputs), list(failed.missing)) == (3, [12, 13, 14, 15], [12, 13, 14, 15])


def test_an_answer_that_cannot_be_used(faulty: Make) -> None:
    client = faulty(containing='"text 13"', not_json=True)
    with pytest.raises(InvalidResponse, match=r"batch 3, status 200") as raised:
        list(client.iter_embed(TEXTS, "m", **SMALL))
    assert raised.value.batch_index == 3


def test_a_cancelled_token(way: Make, faulty: Make) -> None:
    token = CancellationToken()
    client = faulty(containing='"text 20"', stall=True)

    def cancelling() -> Iterator[str]:
        yield from TEXTS
        token.cancel()

    with pytest.raises(OperationCancelled):
        way(lambda source: client.iter_embed(source, "m", cancel_token=token, **SMALL), cancelling())


def test_the_time_of_the_whole_stream(way: Make, faulty: Make) -> None:
    client = faulty(containing='"text 20"', stall=True)
    with pytest.raises(requests.exceptions.Timeout):
        way(lambda source: client.iter_embed(source, "m", total_timeout_s=1.0, **SMALL), TEXTS)
