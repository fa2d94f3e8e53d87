"""Streams: results as they come, of inputs as they come, with `for` and with `async for`."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import (
    CancellationToken,
    InvalidResponse,
    OperationCancelled,
    PerformanceClient,
    PostRequest,
    RequestFailed,
    Stream,
)
from baseten_perf.testing import Faults, Server

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}


async def trickle(items: Iterable[Any]) -> AsyncIterator[Any]:
    """An asynchronous source that lets others have a turn before each item."""
    for item in items:
        await asyncio.sleep(0)
        yield item


# How a stream is consumed, and what kind of source it has.
Way = Callable[[Callable[[Any], Stream[Any]], Iterable[Any]], list[Any]]


def blocking(begin: Callable[[Any], Stream[Any]], source: Iterable[Any]) -> list[Any]:
    return list(begin(iter(source)))


def awaiting(begin: Callable[[Any], Stream[Any]], source: Iterable[Any]) -> list[Any]:
    async def consume() -> list[Any]:
        return [item async for item in begin(iter(source))]

    return asyncio.run(consume())


def awaiting_both(begin: Callable[[Any], Stream[Any]], source: Iterable[Any]) -> list[Any]:
    async def consume() -> list[Any]:
        return [item async for item in begin(trickle(source))]

    return asyncio.run(consume())


def noting(way: Way, stream: Stream[Any], given: list[int]) -> Any:
    """The stream, to be consumed in this way; the starts of its batches are appended to `given`."""

    async def noted() -> AsyncIterator[Any]:
        async for batch in stream:
            given.append(batch.start)
            yield batch

    return (given.append(batch.start) for batch in stream) if way is blocking else noted()


@pytest.fixture(params=[blocking, awaiting, awaiting_both], ids=["for", "async for", "async for, async source"])
def way(request: pytest.FixtureRequest) -> Way:
    consume: Way = request.param
    return consume


def faulty(server: Server, **faults: Any) -> PerformanceClient:
    return PerformanceClient(server.url + Faults(**faults).prefix, "key")


def test_embeddings(client: PerformanceClient, poller: str, way: Way) -> None:
    expected = client.embed(TEXTS, "m").numpy()
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), TEXTS)
    assert [(batch.start, batch.stop) for batch in batches] == [(i, min(i + 4, 50)) for i in range(0, 50, 4)]
    assert [text for batch in batches for text in batch.inputs] == TEXTS
    assert numpy.array_equal(numpy.concatenate([batch.numpy() for batch in batches]), expected)
    last = batches[-1]
    assert (len(last), last.model, last.usage.total_tokens > 0, last.errors, last.missing) == (2, "m", True, {}, [])
    assert last.elapsed > 0 and last.response_headers["content-type"].startswith("application/json")
    assert last.data[0].embedding == pytest.approx(expected[48].tolist())


def test_token_ids(server: Server, way: Way) -> None:
    """Batches are those of a list, and all inputs are what the first one is. The server refuses all, undivided."""
    client = PerformanceClient(server.faulty(status=404), "key")
    tokens: list[Any] = [[i, 2**40 + i] for i in range(30)] + [numpy.array([1, 2]), (3,), [4] * 100, [5]]
    options: dict[str, Any] = {"batch_size": 4, "max_chars_per_request": 50, "return_exceptions": True}
    client.embed(tokens, "m", **options)
    of_list = sorted(request.body for request in server.requests())
    server.reset()
    batches = way(lambda source: client.iter_embed(source, "m", **options), tokens)
    assert sorted(request.body for request in server.requests()) == of_list
    assert sum(map(len, batches)) == 34
    for wrong, message in (
        ([[1], "a"], r"inputs\[1\] must be a sequence of token ids like the first input, not str"),
        ([[1], [2, -1]], r"inputs\[1\]\[1\] must not be negative"),
        (["a"] * 4 + [[1]], r"inputs\[4\] is of type list; inputs must be str"),
        ([[1], []], r"inputs\[1\] has no tokens"),
    ):
        with pytest.raises((TypeError, OverflowError, ValueError), match=message):
            way(lambda source: client.iter_embed(source, "m", **options), wrong)


def test_posts(client: PerformanceClient, way: Way) -> None:
    payloads = [{"number": i} for i in range(40)]
    items = way(lambda source: client.iter_batch_post("/same", source, max_concurrent_requests=3), payloads)
    assert [item.data for item in items] == [[payload] for payload in payloads]
    assert [item.inputs for item in items] == [[payload] for payload in payloads]


def test_labels(client: PerformanceClient, way: Way) -> None:
    expected = client.classify(TEXTS).data
    batches = way(lambda source: client.iter_classify(source, **SMALL), TEXTS)
    assert [labels for batch in batches for labels in batch.data] == expected


def test_batches_are_those_of_a_list(client: PerformanceClient, server: Server) -> None:
    texts = ["x" * length for length in (10, 30, 20, 70, 5, 5, 5, 5, 60, 1)]
    options: dict[str, Any] = {"batch_size": 3, "max_chars_per_request": 60}
    client.embed(texts, "m", **options)
    of_list = sorted(request.body for request in server.requests())
    server.reset()
    assert sum(len(batch) for batch in client.iter_embed(texts, "m", **options)) == 10
    assert sorted(request.body for request in server.requests()) == of_list


def test_in_any_order(server: Server, way: Way) -> None:
    """One request takes longer than all others: unordered, it comes last."""
    client = faulty(server, containing='"text 0"', latency=0.5)
    batches = way(lambda source: client.iter_embed(source, "m", ordered=False, **SMALL), TEXTS)
    assert sorted(batch.start for batch in batches) == list(range(0, 50, 4))
    assert batches[-1].start == 0
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), TEXTS)
    assert [batch.start for batch in batches] == list(range(0, 50, 4))


def test_no_inputs(client: PerformanceClient, server: Server, way: Way) -> None:
    assert way(lambda source: client.iter_embed(source, "m"), []) == []
    assert server.statistics().requests == 0


def test_the_source_is_not_pulled_further_than_needed(client: PerformanceClient, way: Way) -> None:
    """Back-pressure: an endless source, of which the consumer takes little."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"text {pulled}"

    if way is blocking:
        with client.iter_embed(endless(), "m", **SMALL) as stream:
            assert [next(stream).start for _ in range(10)] == list(range(0, 40, 4))
    else:

        async def take() -> None:
            source: Any = endless() if way is awaiting else trickle(endless())
            async with client.iter_embed(source, "m", **SMALL) as stream:
                assert [(await anext(stream)).start for _ in range(10)] == list(range(0, 40, 4))

        asyncio.run(take())
    # The window: half as many requests again as may be in flight, and 16; four of them while an early answer is late.
    assert pulled <= 4 * (10 + 4 * (4 + 2 + 16) + 1)


def test_breaking_off_aborts_on_the_wire(server: Server, poller: str, eventually: Callable[..., None]) -> None:
    """One request stalls. When later ones have been answered, it is in flight."""
    stalling = faulty(server, containing='"text 4"', stall=True)

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


def test_closing(server: Server, eventually: Callable[..., None]) -> None:
    stream = faulty(server, containing='"text 4"', stall=True).iter_embed(TEXTS, "m", **SMALL)
    assert next(stream).start == 0
    assert not stream.closed
    stream.close()
    stream.close()
    assert stream.closed
    assert list(stream) == []
    eventually(lambda: server.statistics().requests_active == 0)


def test_the_client_is_closed(server: Server, way: Way, eventually: Callable[..., None]) -> None:
    """It aborts its streams, too, and begins no more."""
    client = faulty(server, containing='"text 20"', stall=True)

    def closing() -> Iterator[str]:
        yield from TEXTS
        client.close()

    with pytest.raises(OperationCancelled, match="close"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), closing())
    eventually(lambda: server.statistics().requests_active == 0)
    with pytest.raises(RuntimeError, match="is closed"):
        way(lambda source: client.iter_embed(source, "m"), TEXTS)


def test_a_source_that_raises(client: PerformanceClient, way: Way) -> None:
    """What was sent is given, and then the exception goes up."""
    given: list[int] = []

    def failing() -> Iterator[str]:
        yield from TEXTS[:22]
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        way(lambda source: noting(way, client.iter_embed(source, "m", **SMALL), given), failing())
    assert given == [0, 4, 8, 12, 16]


def test_a_request_that_fails_ends_the_stream(server: Server, poller: str, way: Way) -> None:
    client = faulty(server, containing='"text 13"', status=400)
    given: list[int] = []

    def begin(source: Any) -> Any:
        stream = client.iter_embed(source, "m", batch_size=4, max_concurrent_requests=1, max_retries=0)
        return noting(way, stream, given)

    with pytest.raises(requests.exceptions.HTTPError) as raised:
        way(begin, TEXTS)
    assert given == [0, 4, 8]
    failed: Any = raised.value
    assert isinstance(failed, RequestFailed)
    assert (failed.batch_index, list(failed.inputs), list(failed.missing)) == (3, [12, 13, 14, 15], [12, 13, 14, 15])


def test_return_exceptions(server: Server, poller: str, way: Way) -> None:
    client = faulty(server, containing='"text 13"', status=404)
    batches = way(lambda source: client.iter_embed(source, "m", return_exceptions=True, **SMALL), TEXTS)
    assert [batch.start for batch in batches] == list(range(0, 50, 4))
    failed = batches[3]
    assert failed.missing == list(failed.errors) == [12, 13, 14, 15]
    assert list(failed.errors[13].inputs) == [12, 13, 14, 15]
    assert failed.data == [None] * 4
    assert failed.response_headers == {}
    assert [batch.missing for batch in batches].count([]) == 12
    with pytest.raises(ValueError, match="missing"):
        failed.numpy()


def test_an_answer_that_cannot_be_used(server: Server) -> None:
    client = faulty(server, containing='"text 13"', not_json=True)
    with pytest.raises(InvalidResponse, match=r"batch 3, status 200") as raised:
        list(client.iter_embed(TEXTS, "m", **SMALL))
    assert raised.value.batch_index == 3


def test_wrong_inputs(client: PerformanceClient, way: Way) -> None:
    with pytest.raises(TypeError, match=r"inputs\[5\] is None; inputs must be str"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), [*TEXTS[:5], None])
    with pytest.raises(TypeError, match=r"inputs\[0\] is of type int"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), [3])
    with pytest.raises(UnicodeEncodeError, match=r"inputs\[1\]"):
        way(lambda source: client.iter_embed(source, "m", **SMALL), ["a", "\ud800"])
    with pytest.raises(ValueError, match="index 2"):
        way(lambda source: client.iter_batch_post("/same", source), [{}, {}, {"a": object()}])


def test_wrong_arguments(client: PerformanceClient, server: Server) -> None:
    """They are refused when the stream is made, before anything is pulled."""
    calls: list[tuple[type[Exception], Callable[[], Any]]] = [
        (TypeError, lambda: client.iter_embed("text", "m")),
        (TypeError, lambda: client.iter_embed(3, "m")),  # type: ignore[arg-type]
        (TypeError, lambda: client.iter_embed(TEXTS, 3)),  # type: ignore[arg-type]
        (ValueError, lambda: client.iter_embed(TEXTS, "m", batch_size=0)),
        (ValueError, lambda: client.iter_embed(TEXTS, "m", dimensions=0)),
        (TypeError, lambda: client.iter_embed(TEXTS, "m", ordered="no")),  # type: ignore[arg-type]
        (TypeError, lambda: client.iter_embed(TEXTS, "m", bach_size=3)),  # type: ignore[call-arg]
        (ValueError, lambda: client.iter_batch_post("/x", [], method="FETCH")),
    ]
    for kind, call in calls:
        with pytest.raises(kind):
            call()
    assert server.statistics().requests == 0


def test_an_asynchronous_source_needs_async_for(client: PerformanceClient) -> None:
    stream = client.iter_embed(trickle(TEXTS), "m")
    with pytest.raises(TypeError, match="async for"):
        iter(stream)


def test_a_cancelled_token(server: Server, way: Way) -> None:
    token = CancellationToken()
    client = faulty(server, containing='"text 20"', stall=True)

    def cancelling() -> Iterator[str]:
        yield from TEXTS
        token.cancel()

    with pytest.raises(OperationCancelled):
        way(lambda source: client.iter_embed(source, "m", cancel_token=token, **SMALL), cancelling())


def test_the_time_of_the_whole_stream(server: Server, way: Way) -> None:
    client = faulty(server, containing='"text 20"', stall=True)
    with pytest.raises(requests.exceptions.Timeout):
        way(lambda source: client.iter_embed(source, "m", total_timeout_s=1.0, **SMALL), TEXTS)


def test_a_model_that_refuses_base64(server: Server, way: Way) -> None:
    """Each refused batch is sent again without base64, and later ones at once."""
    refused = Faults(containing='"encoding_format":"base64"', status=400).prefix
    client = PerformanceClient(server.url + refused, "key", prefer_base64=True)
    texts = [f"text {i}" for i in range(800)]
    expected = PerformanceClient(server.url, "key").embed(texts, "m").numpy()
    server.reset()
    batches = way(lambda source: client.iter_embed(source, "m", **SMALL), texts)
    assert numpy.array_equal(numpy.concatenate([batch.numpy() for batch in batches]), expected)
    refusals = [request for request in server.requests() if b"base64" in request.body]
    assert 1 <= len(refusals) < 100 < 200 == len(server.requests()) - len(refusals)


def test_dimensions_may_differ_between_batches(server: Server) -> None:
    """Each request has rows of its own."""
    client = faulty(server, containing='"text 9"', ragged=True)
    batches = list(client.iter_embed(TEXTS, "m", **SMALL))
    with pytest.raises(ValueError, match="same dimension"):
        batches[2].numpy()
    assert batches[1].numpy().shape == batches[3].numpy().shape


def test_retries_hedges_and_several_streams_at_once(server: Server, poller: str) -> None:
    """Many requests, some of which fail at first, on all loops."""
    client = faulty(server, every=7, status=503)
    texts = [f"text {i}" for i in range(3000)]
    expected = PerformanceClient(server.url, "key").embed(texts, "m").numpy()
    streams = [
        client.iter_embed(
            iter(texts), "m", batch_size=4, max_concurrent_requests=64, hedge_delay=0.2, max_retries=6, ordered=ordered
        )
        for ordered in (True, False)
    ]
    rows = [numpy.zeros_like(expected) for _ in streams]
    seen: list[set[int]] = [set(), set()]
    open_streams = {0, 1}
    while open_streams:
        for number in sorted(open_streams):
            batch = next(streams[number], None)
            if batch is None:
                open_streams.discard(number)
                continue
            assert batch.start not in seen[number]
            seen[number].add(batch.start)
            rows[number][batch.start : batch.stop] = batch.numpy()
    assert all(numpy.array_equal(each, expected) for each in rows)


def test_threads(client: PerformanceClient) -> None:
    """Each has streams of its own, on the same connections."""
    payloads = [{"number": i} for i in range(300)]

    def consume(_: int) -> list[Any]:
        return [item.data[0] for item in client.iter_batch_post("/same", iter(payloads), max_concurrent_requests=16)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(consume, range(4))) == [payloads] * 4


def test_many_event_loops(client: PerformanceClient) -> None:
    """A stream belongs to the event loop in which it was begun; others have streams of their own."""
    for _ in range(3):
        assert len(awaiting(lambda source: client.iter_embed(source, "m", **SMALL), TEXTS)) == 13


def test_streams_beside_calls_in_one_event_loop(client: PerformanceClient) -> None:
    async def both() -> None:
        stream = client.iter_embed(trickle(TEXTS), "m", **SMALL)

        async def consume() -> int:
            return sum([len(batch) async for batch in stream])

        counted, *responses = await asyncio.gather(
            consume(), *[client.async_batch_post("/same", [{"i": i}]) for i in range(20)]
        )
        assert counted == 50
        assert [response.data for response in responses] == [[{"i": i}] for i in range(20)]

    asyncio.run(both())


def test_signatures_and_docstrings() -> None:
    for name in ("iter_embed", "iter_classify", "iter_batch_post"):
        method = getattr(PerformanceClient, name)
        parameters = inspect.signature(method).parameters
        assert parameters["ordered"].kind is inspect.Parameter.KEYWORD_ONLY
        assert "return_exceptions" in parameters and "max_concurrent_requests" in parameters
        assert method.__doc__
        assert method.__qualname__ == f"PerformanceClient.{name}"


def test_requests_of_their_own(client: PerformanceClient, server: Server) -> None:
    """Payloads of a stream may be PostRequests, too."""
    payloads = [{"a": 1}, PostRequest({"b": 2}, url_path="/same", method="PUT"), {"c": 3}]
    items = list(client.iter_batch_post("/same", iter(payloads)))
    assert [item.data for item in items] == [[{"a": 1}], [{"b": 2}], [{"c": 3}]]
    assert sorted(request.method for request in server.requests()) == ["POST", "POST", "PUT"]
