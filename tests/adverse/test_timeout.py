"""timeout_s in every phase of an attempt: always a requests.exceptions.Timeout."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = [pytest.mark.usefixtures("poller"), pytest.mark.timeout(30)]

PHASES = [{"stall": True}, {"stall_body": True}, {"latency": 20.0}, {"body_latency": 20.0}]


def check_remote(error: requests.exceptions.Timeout) -> None:
    assert len(error.args) == 2
    assert error.args[0] == error.errno == 408
    assert error.args[1].startswith("Remote timeout: Server did not respond within timeout: Request ID: perfclient-")
    assert "\n  Error: " in error.args[1]
    assert error.filename == "remote"


@pytest.mark.parametrize("faults", PHASES, ids=str)
@pytest.mark.parametrize(
    "call",
    [
        lambda client, preference: client.batch_post("/x", [{"a": "b" * 100}], preference),
        lambda client, preference: client.embed(["a"], "m", preference=preference),
    ],
    ids=["batch_post", "embed"],
)
def test_before_headers_and_in_the_body(server: Server, hasty: Hasty, faults: dict[str, Any], call: Any) -> None:
    client = PerformanceClient(server.faulty(**faults), "k")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        call(client, hasty(timeout_s=0.2, max_retries=0))
    check_remote(caught.value)


def test_it_is_aborted_on_the_wire(server: Server, hasty: Hasty, eventually: Callable[..., None]) -> None:
    client = PerformanceClient(server.faulty(stall=True), "k")
    with pytest.raises(requests.exceptions.Timeout):
        client.batch_post("/x", list(range(10)), hasty(timeout_s=0.2, max_retries=0))
    eventually(lambda: server.statistics().requests_active == 0)
    assert server.statistics().requests_aborted == server.statistics().requests > 0


def test_it_includes_the_body(server: Server, hasty: Hasty) -> None:
    # Neither part alone takes too long.
    client = PerformanceClient(server.faulty(latency=0.3, body_latency=0.3), "k")
    with pytest.raises(requests.exceptions.Timeout):
        client.batch_post("/x", [1], hasty(timeout_s=0.45, max_retries=0))


def test_it_is_per_attempt(server: Server, hasty: Hasty) -> None:
    # Eight requests one after the other take longer than timeout_s in all.
    client = PerformanceClient(server.faulty(latency=0.15), "k")
    response = client.batch_post("/x", list(range(8)), hasty(timeout_s=0.9, max_concurrent_requests=1))
    assert response.data == list(range(8))
    assert response.total_time >= 1.2


def test_async(server: Server, hasty: Hasty) -> None:
    async def main() -> None:
        client = PerformanceClient(server.faulty(stall=True), "k")
        await client.async_batch_post("/x", [1], hasty(timeout_s=0.2, max_retries=0))

    with pytest.raises(requests.exceptions.Timeout) as caught:
        asyncio.run(main())
    check_remote(caught.value)


@pytest.fixture
def deaf() -> Iterator[str]:
    """Base URL of a port whose queue of connections is full: attempts to connect get no answer."""
    if sys.platform != "linux":
        pytest.skip("a full backlog is silent on Linux only")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        yield f"http://127.0.0.1:{address[1]}"
        for filler in fillers:
            filler.close()


def test_connecting(deaf: str, hasty: Hasty) -> None:
    with pytest.raises(requests.exceptions.Timeout) as caught:
        PerformanceClient(deaf, "k").batch_post("/x", [1], hasty(timeout_s=0.3, max_retries=0))
    error = caught.value
    assert error.args[0] == 408
    assert error.args[1].startswith("Local timeout: Could not connect within timeout: ")
    assert error.filename == "local"


def test_a_deadline_while_connecting(deaf: str, hasty: Hasty) -> None:
    with pytest.raises(requests.exceptions.Timeout) as caught:
        PerformanceClient(deaf, "k").batch_post("/x", [1], hasty(timeout_s=0.5, total_timeout_s=0.5))
    assert caught.value.filename == "local"


def test_as_the_peer(server: Server, hasty: Hasty) -> None:
    module = pytest.importorskip("baseten_performance_client")
    client = module.PerformanceClient(server.faulty(stall=True), "k")
    with pytest.raises(requests.exceptions.Timeout) as theirs:
        client.batch_post("/x", [1], module.RequestProcessingPreference(timeout_s=0.2, max_retries=0))
    with pytest.raises(requests.exceptions.Timeout) as ours:
        PerformanceClient(server.faulty(stall=True), "k").batch_post("/x", [1], hasty(timeout_s=0.2, max_retries=0))
    assert isinstance(ours.value, type(theirs.value))
    assert ours.value.filename == theirs.value.filename
    assert ours.value.args[0] == theirs.value.args[0]
    assert ours.value.args[1].partition("perfclient")[0] == theirs.value.args[1].partition("perfclient")[0]
