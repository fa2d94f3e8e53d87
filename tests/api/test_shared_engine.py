"""Clients without a wrapper share connections if their settings are equal; copies and pickles share them too."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import Endpoint, EndpointPool, HttpClientWrapper, PerformanceClient
from baseten_perf.testing import Server

pytestmark = pytest.mark.usefixtures("poller")

Duplicate = Callable[[Any], Any]
DUPLICATES: list[Duplicate] = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


def connections(server: Server, *clients: PerformanceClient) -> int:
    """How many connections are opened when each client makes a call, one after the other."""
    before = server.statistics().connections_opened
    for client in clients:
        assert client.batch_post("/x", [1]).data == [1]
    return server.statistics().connections_opened - before


def test_clients_without_a_wrapper(server: Server) -> None:
    assert connections(server, *(PerformanceClient(server.url, key) for key in ("a", "b", "c"))) == 1


def test_as_many_as_one_client_needs(server: Server) -> None:
    slow = server.faulty(latency=0.02)
    clients = [PerformanceClient(slow, "k"), *(pickle.loads(pickle.dumps(PerformanceClient(slow, "k"))) for _ in "123")]
    for client in clients:
        client.batch_post("/x", list(range(64)), max_concurrent_requests=64)
    assert server.statistics().connections_opened <= 64


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_and_pickles(server: Server, duplicate: Duplicate) -> None:
    client = PerformanceClient(server.url, "k")
    assert connections(server, client, duplicate(client), duplicate(duplicate(client))) == 1


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_and_pickles_of_a_wrapper(server: Server, duplicate: Duplicate) -> None:
    wrapper = HttpClientWrapper()
    client = PerformanceClient(server.url, "k", client_wrapper=wrapper)
    twins = [duplicate(wrapper), duplicate(wrapper)]
    assert (
        connections(server, client, *(PerformanceClient(server.url, "k", client_wrapper=twin) for twin in twins)) == 1
    )
    assert connections(server, duplicate(client)) == 0
    # Nobody else's.
    assert connections(server, PerformanceClient(server.url, "k")) == 1


def test_pickles_share_with_each_other_where_the_first_is_gone(server: Server) -> None:
    for client in (PerformanceClient(server.url, "k"), PerformanceClient(server.url, "k", 1, HttpClientWrapper())):
        pickled = pickle.dumps(client)
        del client
        gc.collect()
        assert connections(server, *[pickle.loads(pickled) for _ in range(4)]) == 1


def test_other_settings(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = tmp_path / "some.pem"
    pem.write_text("")
    clients = [
        PerformanceClient(server.url, "k"),
        PerformanceClient(server.url, "k", verify=False),
        PerformanceClient(server.url, "k", verify=pem),
        PerformanceClient(server.url, "k", cert=pem),
        PerformanceClient(server.url, "k", cert=(pem, pem, "password")),
        PerformanceClient(server.url, "k", cert=(pem, pem, "another")),
        PerformanceClient(server.url, "k", connect_timeout_s=5),
    ]
    for name, value in (("no_proxy", "h:81"), ("https_proxy", "http://h"), ("BASETEN_PERF_LOOPS", "5")):
        monkeypatch.setenv(name, value)
        clients.append(PerformanceClient(server.url, "k"))
    assert connections(server, *clients) == len(clients)


def test_another_password_of_a_proxy(server: Server, other_server: Server) -> None:
    # The "proxy" is a server that answers whatever it is asked for.
    address = other_server.url.removeprefix("http://")
    first, second = (PerformanceClient(server.url, "k", proxy=f"http://{user}:p@{address}") for user in ("a", "b"))
    assert connections(other_server, first, second, first) == 2


@pytest.mark.parametrize("touch", [os.utime, lambda pem: os.replace(shutil.copy2(pem, f"{pem}.new"), pem)])
def test_a_certificate_that_has_changed(server: Server, tmp_path: Path, touch: Callable[[Any], None]) -> None:
    pem = tmp_path / "some.pem"
    pem.write_text("")
    os.utime(pem, (1, 1))
    for keyword in ("verify", "cert"):
        before = PerformanceClient(server.url, "k", **{keyword: str(pem)})
        assert connections(server, before, PerformanceClient(server.url, "k", **{keyword: pem})) == 1
        touch(pem)
        assert connections(server, before, PerformanceClient(server.url, "k", **{keyword: str(pem)})) == 1


def test_it_goes_with_the_last_client(server: Server, eventually: Any) -> None:
    clients = [PerformanceClient(server.url, "k") for _ in range(3)]
    assert connections(server, *clients) == 1
    clients.pop().close()
    clients.pop()
    assert connections(server, *clients) == 0
    clients.pop()
    eventually(lambda: server.statistics().connections_open == 0)
    first, second = PerformanceClient(server.url, "k"), PerformanceClient(server.url, "k")
    assert connections(server, first, second) == 1
    first.close()
    second.close()
    eventually(lambda: server.statistics().connections_open == 0)


def test_threads_that_make_clients_at_once(server: Server) -> None:
    clients: list[PerformanceClient] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        clients.extend(PerformanceClient(server.url, "k") for _ in range(20))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 160 and connections(server, *clients) == 1


def test_threads_that_make_use_and_drop_clients(server: Server) -> None:
    """The engine may go at any moment, and another come in its place."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(60):
                client = PerformanceClient(server.url, "k")
                assert client.batch_post("/x", [number]).data == [number]
                if number % 2:
                    client.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_wrapper_of_a_client_is_shared_as_before(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    other = PerformanceClient(server.url, "k", client_wrapper=client.get_client_wrapper())
    assert other.get_client_wrapper() is client.get_client_wrapper()
    assert PerformanceClient(server.url, "k").get_client_wrapper() is not client.get_client_wrapper()


@pytest.mark.usefixtures("no_probes_left")
def test_pickled_endpoints_share_connections(server: Server, eventually: Any) -> None:
    pool = EndpointPool([Endpoint(server.url, "k", HttpClientWrapper(), health_check_interval_s=3600)])
    client = PerformanceClient(server.url, "k", endpoint_pool=pool, client_wrapper=HttpClientWrapper())
    eventually(lambda: pool.health()[0].last_check is not None)
    pickled = pickle.dumps(client)
    for _ in range(3):
        twin = pickle.loads(pickled)
        twin.batch_post("/x", [1])
        endpoints = twin._endpoint_pool
        eventually(lambda endpoints=endpoints: endpoints.health()[0].last_check is not None)
    assert server.statistics().connections_opened == 2
