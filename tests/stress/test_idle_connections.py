"""Connections that the server closes while idle, or in the middle: reused where possible, replaced where not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Eventually = Callable[..., None]
PATIENT = RequestProcessingPreference(max_retries=4, initial_backoff_ms=50, retry_budget_pct=3.0)


def test_reuse(server: Server, poller: str) -> None:
    client = PerformanceClient(server.url, "key")
    for i in range(60):
        assert client.batch_post("/same", [i]).data == [i]
        assert client.embed(["a"], "m", dimensions=3).numpy().shape == (1, 3)
    assert server.statistics().connections_opened <= 2


def test_closed_after_each_answer(server: Server, poller: str) -> None:
    """FIN right behind the answer, unannounced: the next request may meet it, and then is sent again by itself."""
    client = PerformanceClient(server.faulty(close_after=True), "key")
    for i in range(40):
        assert client.batch_post("/same", [i, i + 1], PATIENT).data == [i, i + 1]
    payloads = list(range(300))
    assert client.batch_post("/same", payloads, PATIENT, max_concurrent_requests=20).data == payloads


def test_closed_while_idle(server: Server, poller: str, eventually: Eventually) -> None:
    """A pool full of connections that the server has closed meanwhile."""
    for turn in range(10):
        client = PerformanceClient(server.url, "key")
        closing = PerformanceClient(server.faulty(close_after=True), "key", client_wrapper=client.get_client_wrapper())
        payloads = [[turn, i] for i in range(40)]
        assert closing.batch_post("/same", payloads, PATIENT, max_concurrent_requests=20).data == payloads
        eventually(lambda: server.statistics().connections_open == 0)
        assert client.batch_post("/same", payloads, PATIENT, max_concurrent_requests=20).data == payloads
        del client, closing
        eventually(lambda: server.statistics().connections_open == 0)


def test_server_that_comes_back(poller: str) -> None:
    """All connections die at once, with the server; a new one listens in its place."""
    with Server() as first:
        client = PerformanceClient(first.url, "key")
        assert client.batch_post("/same", [0] * 50, max_concurrent_requests=50).data == [0] * 50
        port = first.port
    for _ in range(3):
        with Server(port=port):
            payloads = list(range(50))
            assert client.batch_post("/same", payloads, PATIENT, max_concurrent_requests=50).data == payloads


def test_resets_in_between(server: Server, poller: str) -> None:
    """Every seventh request is reset, every fifth answer cut: retries fill the gaps, on connections old and new."""
    client = PerformanceClient(server.faulty(reset=True, every=7), "key")
    cutting = PerformanceClient(
        server.faulty(truncate=True, every=5), "key", client_wrapper=client.get_client_wrapper()
    )
    for turn in range(8):
        payloads = [[turn, i] for i in range(25)]
        assert client.batch_post("/same", payloads, PATIENT, max_concurrent_requests=5).data == payloads
        assert cutting.batch_post("/same", payloads, PATIENT, max_concurrent_requests=5).data == payloads


def test_kept_in_two_threads_and_a_loop(server: Server) -> None:
    """One pool, many ways to wait: what one leaves idle, the others use."""
    client = PerformanceClient(server.url, "key")

    async def alternate() -> None:
        for i in range(30):
            answers = await asyncio.gather(
                client.async_batch_post("/same", [i]), asyncio.to_thread(client.batch_post, "/same", [i])
            )
            assert [answer.data for answer in answers] == [[i], [i]]

    asyncio.run(asyncio.wait_for(alternate(), 60))
    assert server.statistics().connections_opened <= 8


def test_connections_close_with_the_client(server: Server, poller: str, eventually: Eventually) -> None:
    for _ in range(5):
        client = PerformanceClient(server.url, "key")
        client.batch_post("/same", [0] * 60, max_concurrent_requests=30)
        assert server.statistics().connections_open > 0
        del client
        eventually(lambda: server.statistics().connections_open == 0)
