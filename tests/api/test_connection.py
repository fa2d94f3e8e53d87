"""Connections are kept alive, shared by calls and clients, and closed with the last client."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")


def test_calls_in_turn_use_one_connection(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    for number in range(100):
        client.batch_post("/x", [number])
    assert server.statistics().connections_opened == 1


def test_all_operations_share_it(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    client.embed(["a"], "m")
    client.rerank("q", ["a"])
    client.classify(["a"])
    client.batch_post("/x", [1])
    asyncio.run(awaited(client))
    assert server.statistics().connections_opened == 1


async def awaited(client: PerformanceClient) -> None:
    await client.async_embed(["a"], "m")


def test_no_more_connections_than_requests_at_once(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.01), "k")
    for _ in range(3):
        client.batch_post("/x", list(range(200)), max_concurrent_requests=20)
    assert server.statistics().connections_opened <= 20


def test_embeddings_too(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    client.embed([f"text {i}" for i in range(2000)], "m", batch_size=5, max_concurrent_requests=10)
    assert server.statistics().connections_opened <= 10


def test_http_10_answers_are_not_kept(server: Server) -> None:
    client = PerformanceClient(server.faulty(http10=True), "k")
    for _ in range(3):
        client.batch_post("/x", [1])
    assert server.statistics().connections_opened == 3


def test_clients_with_one_wrapper_share_connections(server: Server) -> None:
    wrapper = HttpClientWrapper()
    for _ in range(5):
        PerformanceClient(server.url, "k", client_wrapper=wrapper).batch_post("/x", [1])
    assert server.statistics().connections_opened == 1


def test_each_wrapper_has_its_own(server: Server) -> None:
    clients = [PerformanceClient(server.url, "k", client_wrapper=HttpClientWrapper()) for _ in range(2)]
    for client in (*clients, PerformanceClient(server.url, "k")):
        client.batch_post("/x", [1])
    assert server.statistics().connections_opened == 3


def test_they_close_with_the_client(server: Server, eventually: Any) -> None:
    before = server.statistics().connections_open
    client = PerformanceClient(server.faulty(latency=0.1), "k")
    client.batch_post("/x", list(range(20)))
    del client
    gc.collect()
    eventually(lambda: server.statistics().connections_open <= before)


def test_the_wrapper_keeps_them(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    client.batch_post("/x", [1])
    wrapper = client.get_client_wrapper()
    del client
    gc.collect()
    PerformanceClient(server.url, "k", client_wrapper=wrapper).batch_post("/x", [1])
    assert server.statistics().connections_opened == 1


def test_two_servers(server: Server, other_server: Server) -> None:
    wrapper = HttpClientWrapper()
    for _ in range(5):
        for one in (server, other_server):
            assert PerformanceClient(one.url, "k", client_wrapper=wrapper).batch_post("/x", [1]).data == [1]
    assert server.statistics().connections_opened == other_server.statistics().connections_opened == 1


def test_no_cookies(server: Server) -> None:
    client = PerformanceClient(server.faulty(set_cookie=True), "k")
    for _ in range(2):
        assert client.batch_post("/x", [1]).response_headers[0]["set-cookie"] == "size=small; Path=/"
    assert [request.header("cookie") for request in server.requests()] == [None, None]
