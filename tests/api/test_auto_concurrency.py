"""max_concurrent_requests="auto": begins with 8, learns for the calls to come, and leaves other calls alone."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from baseten_perf import (
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Server

# What starts a call of so many payloads: its client, their number, its token.
Way = Callable[[PerformanceClient, int, CancellationToken], Any]


def blocking(client: PerformanceClient, count: int, token: CancellationToken) -> Any:
    return client.batch_post("/x", list(range(count)), max_concurrent_requests="auto", cancel_token=token)


def awaited(client: PerformanceClient, count: int, token: CancellationToken) -> Any:
    preference = RequestProcessingPreference(max_concurrent_requests="auto", cancel_token=token)

    async def main() -> Any:
        return await client.async_batch_post("/x", list(range(count)), preference)

    return asyncio.run(main())


def streamed(client: PerformanceClient, count: int, token: CancellationToken) -> Any:
    return list(client.iter_batch_post("/x", iter(range(count)), max_concurrent_requests="auto", cancel_token=token))


every_way = pytest.mark.parametrize("way", [blocking, awaited, streamed])


@pytest.fixture
def key() -> str:
    """Of an endpoint that nothing is known of."""
    return uuid.uuid4().hex


@pytest.mark.usefixtures("poller")
@every_way
def test_it_begins_with_eight_and_can_be_cancelled(
    server: Server, key: str, way: Way, eventually: Callable[..., None]
) -> None:
    token = CancellationToken()
    ended: list[BaseException] = []

    def call() -> None:
        try:
            way(PerformanceClient(server.faulty(stall=True), key), 100, token)
        except OperationCancelled as cancelled:
            ended.append(cancelled)

    thread = threading.Thread(target=call)
    thread.start()
    eventually(lambda: server.statistics().requests_active == 8)
    token.cancel()
    thread.join()
    assert len(ended) == 1
    eventually(lambda: server.statistics().requests_aborted == 8)
    assert server.statistics().requests == 8


@pytest.mark.usefixtures("poller")
@every_way
def test_what_a_call_learns_serves_the_next(server: Server, key: str, way: Way) -> None:
    url = server.faulty(latency=0.04)
    assert len(_answers(way(PerformanceClient(url, key), 300, CancellationToken()))) == 300
    assert 16 <= server.statistics().peak_concurrent_requests <= 300
    server.reset()
    way(PerformanceClient(url, key), 40, CancellationToken())
    assert 16 <= server.statistics().peak_concurrent_requests <= 40


def _answers(response: Any) -> list[Any]:
    return response if isinstance(response, list) else response.data


def test_a_preference_of_the_client_may_say_so(server: Server, key: str, eventually: Callable[..., None]) -> None:
    preference = RequestProcessingPreference(max_concurrent_requests="auto", batch_size=2)
    client = PerformanceClient(server.faulty(stall=True), key, preference=preference)

    async def main() -> None:
        call = asyncio.ensure_future(client.async_embed([f"text {i}" for i in range(100)], "m"))
        while server.statistics().requests_active < 8:
            await asyncio.sleep(0.005)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(main())
    eventually(lambda: server.statistics().requests_aborted == 8)
    assert server.statistics().requests == 8
    assert preference.max_concurrent_requests == "auto"


def test_calls_share_it_and_others_are_not_hindered(server: Server, key: str, eventually: Callable[..., None]) -> None:
    client = PerformanceClient(server.faulty(stall=True, containing="stall"), key)
    token = CancellationToken()

    def stalled() -> None:
        with pytest.raises(OperationCancelled):
            client.batch_post("/x", ["stall"] * 20, max_concurrent_requests="auto", cancel_token=token)

    threads = [threading.Thread(target=stalled) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: server.statistics().requests_active == 8)
    answer = client.batch_post("/x", list(range(50)), max_concurrent_requests=20)
    assert answer.data == list(range(50))
    assert server.statistics().requests == 58
    token.cancel()
    for thread in threads:
        thread.join()


def test_each_endpoint_of_a_pool_has_its_own(
    server: Server, other_server: Server, key: str, eventually: Callable[..., None]
) -> None:
    urls = [each.faulty(stall=True) for each in (server, other_server)]
    token = CancellationToken()

    def call() -> None:
        client = PerformanceClient(
            urls[0], key, endpoint_pool=EndpointPool([Endpoint(url, key, HttpClientWrapper()) for url in urls])
        )
        with pytest.raises(OperationCancelled):
            client.batch_post("/x", list(range(100)), max_concurrent_requests="auto", cancel_token=token)

    thread = threading.Thread(target=call)
    thread.start()
    eventually(lambda: [each.statistics().requests_active for each in (server, other_server)] == [8, 8])
    token.cancel()
    thread.join()


def test_a_stream_pulls_no_more_than_it_has_a_use_for(
    server: Server, key: str, eventually: Callable[..., None]
) -> None:
    pulled = 0
    token = CancellationToken()

    def source() -> Iterator[int]:
        nonlocal pulled
        for i in range(1000):
            pulled += 1
            yield i

    def consume() -> None:
        client = PerformanceClient(server.faulty(stall=True), key)
        with pytest.raises(OperationCancelled):
            list(client.iter_batch_post("/x", source(), max_concurrent_requests="auto", cancel_token=token))

    thread = threading.Thread(target=consume)
    thread.start()
    eventually(lambda: server.statistics().requests_active == 8 and pulled == 28)
    token.cancel()
    thread.join()
    assert pulled == 28
