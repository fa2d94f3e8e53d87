"""Closing connection pools, and clients that share one: whose calls end, and whose go on."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import Endpoint, EndpointPool, HttpClientWrapper, OperationCancelled, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")

Eventually = Callable[..., None]
Make = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(12)]


def test_a_closed_wrapper_is_good_for_nothing(server: Server) -> None:
    with HttpClientWrapper(2) as wrapper:
        pass
    assert repr(wrapper) == "HttpClientWrapper(http_version=2)" and wrapper.connect_timeout_s == 60.0
    for impossible in (
        lambda: PerformanceClient(server.url, "k", client_wrapper=wrapper),
        lambda: Endpoint(server.url, "k", wrapper),
        lambda: pickle.dumps(wrapper),
        lambda: copy.deepcopy(wrapper),
    ):
        with pytest.raises(RuntimeError, match="HttpClientWrapper is closed"):
            impossible()


def test_other_clients_of_the_pool_go_on(server: Server, eventually: Eventually, calling: Make) -> None:
    slow = server.faulty(latency=0.5)
    clients = [PerformanceClient(slow, "k") for _ in range(3)]
    clients.append(PerformanceClient(slow, "k", client_wrapper=clients[0].get_client_wrapper()))
    callers = [calling(lambda client=client: client.batch_post("/x", TEXTS)) for client in clients]
    eventually(lambda: server.statistics().requests_active == 48)
    clients[0].close()
    assert type(callers[0].ended()) is OperationCancelled
    for caller, client in zip(callers[1:], clients[1:], strict=True):
        assert caller.ended() is None and caller.result.data == TEXTS
        assert client.batch_post("/x", [1]).data == [1]
    assert server.statistics().requests_aborted == 12


def test_a_wrapper_that_was_given_stays_open(server: Server) -> None:
    with HttpClientWrapper() as wrapper:
        with PerformanceClient(server.url, "k", client_wrapper=wrapper) as client:
            client.batch_post("/x", [1])
        assert client.closed and not wrapper.closed
        with PerformanceClient(server.url, "k", client_wrapper=wrapper) as client:
            client.batch_post("/x", [1])
    assert server.statistics().connections_opened == 1


def test_closing_a_wrapper(
    server: Server, eventually: Eventually, calling: Make, active: Make, expect_closed: Make
) -> None:
    wrapper = HttpClientWrapper()
    clients = [PerformanceClient(server.faulty(stall=True), "k", client_wrapper=wrapper) for _ in range(2)]
    clients[0].close()
    callers = [calling(lambda: clients[1].batch_post("/x", TEXTS)) for _ in range(2)]
    with active(24):
        wrapper.close()
    for caller in callers:
        error = caller.ended()
        assert type(error) is OperationCancelled and error.partial == [None] * 12
        assert str(error).startswith("Operation cancelled by HttpClientWrapper.close(): batch_post had answers to 0 of")
    assert clients[1].closed
    expect_closed(clients[0])
    expect_closed(clients[1], "HttpClientWrapper")
    eventually(lambda: server.statistics().connections_open == 0)


def test_closing_the_wrapper_of_a_client_leaves_other_clients_alone(server: Server, expect_closed: Make) -> None:
    first, second = PerformanceClient(server.url, "k"), PerformanceClient(server.url, "k")
    first.get_client_wrapper().close()
    expect_closed(first, "HttpClientWrapper")
    assert second.batch_post("/x", [1]).data == [1]


def test_closing_the_maker_of_a_wrapper_leaves_those_who_use_it_alone(server: Server) -> None:
    first = PerformanceClient(server.url, "k")
    second = PerformanceClient(server.url, "k", client_wrapper=first.get_client_wrapper())
    first.close()
    assert second.batch_post("/x", [1]).data == [1]


def test_a_wrapper_forgets_clients_that_are_gone(server: Server) -> None:
    wrapper = HttpClientWrapper()
    for _ in range(5):
        PerformanceClient(server.url, "k", client_wrapper=wrapper)
    assert not wrapper._users


@pytest.mark.usefixtures("no_probes_left")
def test_endpoints_of_a_closed_wrapper(server: Server, other_server: Server, eventually: Eventually) -> None:
    """Their health stays as it is, and requests go on by way of the client's own pool."""
    wrapper = HttpClientWrapper()
    endpoint = Endpoint(server.url, "k", wrapper, health_check_interval_s=0.1)
    stalled = Endpoint(other_server.faulty(stall=True), "k", wrapper, health_check_interval_s=0.1)
    eventually(lambda: endpoint.health.last_check is not None)
    eventually(lambda: other_server.statistics().requests_active == 1)
    wrapper.close()
    eventually(lambda: other_server.statistics().requests_aborted == 1)
    for each in (endpoint, stalled):
        eventually(lambda each=each: each.health.reason == "not probed: HttpClientWrapper is closed")
        assert each.health.healthy
    eventually(lambda: server.statistics().connections_open == other_server.statistics().connections_open == 0)
    client = PerformanceClient(server.url, "k", endpoint_pool=EndpointPool([endpoint]))
    assert client.batch_post("/x", [1]).data == [1]
