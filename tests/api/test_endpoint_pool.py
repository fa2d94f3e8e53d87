"""Calls through an EndpointPool: which endpoint gets which request, retries, hedges, keys, errors."""

from __future__ import annotations

import asyncio
import gc
import pickle
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import Faults, RecordedRequest, Server
from baseten_perf.testing.embeddings import embeddings

CLIENT_KEY = "sk-client"
HEALTH_KEY = "sk-health"
TEXTS = [f"text {i}" for i in range(60)]
# Hits no probe: those have no body.
POSTED = {"containing": "text"}
HASTY = RequestProcessingPreference(max_retries=3, initial_backoff_ms=50)
Eventually = Callable[..., None]
MakePool = Callable[..., EndpointPool]


@pytest.fixture
def pool_of(server: Server) -> Iterator[MakePool]:
    """Make a pool of base URLs, which are probed every 0.1 s without retries, until the test is over."""
    wrapper = HttpClientWrapper()
    made: weakref.WeakSet[Endpoint] = weakref.WeakSet()

    def make(*base_urls: str, weights: list[float] | None = None, **options: Any) -> EndpointPool:
        options = {"health_check_interval_s": 0.1, "health_check_retries": 0, **options}
        endpoints = [Endpoint(url, HEALTH_KEY, wrapper, **options) for url in base_urls]
        made.update(endpoints)
        return EndpointPool(endpoints, weights)

    yield make
    if made:
        gc.collect()  # an exception that the test has caught keeps them, and their probes would reach other tests


def client_of(pool: EndpointPool, **options: Any) -> PerformanceClient:
    return PerformanceClient("http://ignored.invalid", CLIENT_KEY, endpoint_pool=pool, **options)


def calls(server: Server, under: str = "") -> list[RecordedRequest]:
    """The requests that are no probes, of the endpoint with the path `under`."""
    return [one for one in server.requests() if one.target.startswith(under + "/") and "health" not in one.target]


def share_of(server: Server, *paths: str) -> list[int]:
    return [len(calls(server, path)) for path in paths]


def splitmix64(number: int) -> int:
    mask = (1 << 64) - 1
    number = (number + 0x9E3779B97F4A7C15) & mask
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & mask
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & mask
    return number ^ (number >> 31)


def chosen(ticket: int, weights: list[float]) -> int:
    """The endpoint for a ticket when all are healthy, as the peer chooses it."""
    point = splitmix64(ticket) / 2**64 * sum(weights)
    for number, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return number
    return len(weights) - 1


def settled(pool: EndpointPool, eventually: Eventually, *healthy: bool) -> None:
    eventually(lambda: all(health.last_check for health in pool.health()))
    assert [health.healthy for health in pool.health()] == list(healthy)


def test_weights(pool_of: MakePool, server: Server) -> None:
    """Exactly the peer's shares of the first 1000 requests."""
    client = client_of(pool_of(server.url + "/a", server.url + "/b", weights=[0.8, 0.2]))
    answer = client.batch_post("/x", list(range(1000)), RequestProcessingPreference(max_concurrent_requests=16))
    assert answer.data == list(range(1000))
    assert share_of(server, "/a", "/b") == [808, 192]


def test_the_choice_is_the_peers(pool_of: MakePool, server: Server, peer: Any) -> None:
    """Call by call, with a counter that belongs to the pool."""
    paths = ["/a", "/b", "/c"]
    weights = [0.5, 0.2, 0.3]
    ours = pool_of(*(server.url + path for path in paths), weights=weights, health_check_interval_s=30)
    wrapper = peer.HttpClientWrapper()
    endpoints = [peer.Endpoint(server.url + path, "k", wrapper, health_check_interval_s=30.0) for path in paths]
    theirs = peer.EndpointPool(endpoints, weights)
    orders = []
    for clients in (
        [client_of(ours), client_of(ours)],
        [peer.PerformanceClient("http://ignored.invalid", CLIENT_KEY, endpoint_pool=theirs) for _ in range(2)],
    ):
        server.reset()
        for number in range(30):
            clients[number % 2].batch_post("/x", [1])
        orders.append([one.target.split("/")[1] for one in server.requests() if one.target.endswith("/x")])
    assert orders[0] == orders[1] == ["abc"[chosen(ticket, weights)] for ticket in range(30)]


def test_equal_weights(pool_of: MakePool, server: Server) -> None:
    client = client_of(pool_of(server.url + "/a", server.url + "/b", server.url + "/c"))
    client.batch_post("/x", list(range(300)))
    shares = share_of(server, "/a", "/b", "/c")
    assert sum(shares) == 300 and min(shares) > 75


def test_all_kinds_of_calls(pool_of: MakePool, server: Server) -> None:
    texts = [f"text {i}" for i in range(64)]
    client = client_of(pool_of(server.url + "/a", server.url + "/b"))
    vectors = client.embed(texts, "m", dimensions=16, batch_size=4).numpy()
    assert numpy.array_equal(vectors, embeddings(texts, 16))
    assert len(client.rerank("query", texts, batch_size=4).data) == 64
    assert len(client.classify(texts, batch_size=4).data) == 64

    async def posted() -> Any:
        return await client.async_batch_post("/x", texts)

    assert asyncio.run(posted()).data == texts
    assert min(share_of(server, "/a", "/b")) > 10
    assert {one.header("authorization") for one in calls(server)} == {f"Bearer {CLIENT_KEY}"}


def test_probes_have_the_endpoints_key(pool_of: MakePool, server: Server, eventually: Eventually) -> None:
    pool = pool_of(server.url + "/a")
    settled(pool, eventually, True)
    probes = [one for one in server.requests() if "health" in one.target]
    assert {one.header("authorization") for one in probes} == {f"Bearer {HEALTH_KEY}"}


def test_key_override(pool_of: MakePool, server: Server) -> None:
    client = client_of(pool_of(server.url + "/a", server.url + "/b"))
    client.batch_post("/x", list(range(10)), RequestProcessingPreference(primary_api_key_override="sk-other"))
    assert {one.header("authorization") for one in calls(server)} == {"Bearer sk-other"}


def test_weight_0_is_not_used(pool_of: MakePool, server: Server) -> None:
    client = client_of(pool_of(server.url + "/a", server.url + "/b", weights=[0, 1]))
    client.batch_post("/x", list(range(100)))
    assert share_of(server, "/a", "/b") == [0, 100]


def test_weight_0_is_used_when_the_others_are_unhealthy(
    pool_of: MakePool, server: Server, other_server: Server, eventually: Eventually
) -> None:
    pool = pool_of(server.url + "/a", other_server.faulty(status=500), weights=[0, 1])
    settled(pool, eventually, True, False)
    client_of(pool).batch_post("/x", TEXTS, HASTY)
    assert share_of(server, "/a") == [60]


def test_weight_0_is_used_when_the_others_were_tried(pool_of: MakePool, server: Server) -> None:
    pool = pool_of(server.url + "/a", server.faulty(status=503, **POSTED), weights=[0, 1])
    assert client_of(pool).batch_post("/x", TEXTS[:5], HASTY).data == TEXTS[:5]
    assert share_of(server, "/-", "/a") == [5, 5]


def test_unhealthy_endpoints_are_avoided(
    pool_of: MakePool, server: Server, other_server: Server, eventually: Eventually
) -> None:
    pool = pool_of(server.url + "/a", other_server.faulty(status=500))
    settled(pool, eventually, True, False)
    client_of(pool).batch_post("/x", list(range(50)))
    assert share_of(server, "/a") == [50]
    assert {one.path for one in other_server.requests()} == {"/health"}


def test_when_all_are_unhealthy(pool_of: MakePool, server: Server, eventually: Eventually) -> None:
    pool = pool_of(server.url + "/a", server.url + "/b", deployment_health_path="/redirect/300")
    eventually(lambda: not any(health.healthy for health in pool.health()))
    assert client_of(pool).batch_post("/x", list(range(40))).data == list(range(40))
    paths = [one.target.split("/")[1] for one in server.requests() if one.target.endswith("/x")]
    assert min(paths.count("a"), paths.count("b")) > 5


def test_retries_go_to_untried_endpoints(pool_of: MakePool, server: Server) -> None:
    failing = [server.faulty(Faults(status=503, tag=tag, **POSTED)) for tag in "ab"]
    client = client_of(pool_of(*failing, server.url + "/c"))
    assert client.batch_post("/x", TEXTS, HASTY).data == TEXTS
    assert share_of(server, "/c") == [60]
    tried: dict[bytes, list[str]] = {}
    for one in calls(server):
        tried.setdefault(one.body, []).append(one.target)
    assert all(len(set(targets)) == len(targets) for targets in tried.values())
    assert max(map(len, tried.values())) == 3


def test_a_dead_endpoint_costs_an_attempt(pool_of: MakePool, server: Server, eventually: Eventually) -> None:
    """Before its first probe has told."""
    pool = pool_of("http://127.0.0.1:9", server.url + "/b", health_check_interval_s=30)
    settled(pool, eventually, False, True)
    pool.endpoints[0]._state.healthy = True
    assert client_of(pool).batch_post("/x", TEXTS, HASTY).data == TEXTS
    assert share_of(server, "/b") == [60]


@pytest.mark.parametrize("method", ["batch_post", "embed"])
def test_pinned(pool_of: MakePool, server: Server, method: str) -> None:
    """First attempts of a call all go to one endpoint, another one for another call: one ticket for each call."""
    paths = ["/a", "/b", "/c"]
    client = client_of(pool_of(*(server.url + path for path in paths), health_check_interval_s=30))
    pinned = RequestProcessingPreference(pin_initial_endpoint_once=True, batch_size=1)
    for ticket in range(8):
        server.reset()
        if method == "embed":
            client.embed(["text"] * 20, "m", preference=pinned)
        else:
            client.batch_post("/x", list(range(20)), pinned)
        expected = [0, 0, 0]
        expected[chosen(ticket, [1, 1, 1])] = 20
        assert share_of(server, *paths) == expected


def test_pinned_retries_go_elsewhere(pool_of: MakePool, server: Server) -> None:
    pool = pool_of(server.faulty(status=503, **POSTED), server.url + "/b", weights=[1, 1e-12])
    pinned = RequestProcessingPreference(pin_initial_endpoint_once=True, initial_backoff_ms=50)
    assert client_of(pool).batch_post("/x", TEXTS[:10], pinned).data == TEXTS[:10]
    assert share_of(server, "/-", "/b") == [10, 10]


def test_a_hedge_prefers_another_endpoint(pool_of: MakePool, server: Server) -> None:
    pool = pool_of(server.faulty(stall=True, **POSTED), server.url + "/b", weights=[1, 1e-12])
    hedging = RequestProcessingPreference(hedge_delay=0.1, timeout_s=20)
    answer = client_of(pool).batch_post("/x", TEXTS[:1], hedging)
    assert answer.data == TEXTS[:1] and answer.total_time < 20  # the first attempt has not timed out
    assert share_of(server, "/-", "/b") == [1, 1]
    identifiers = {one.header("x-baseten-customer-request-id") for one in calls(server)}
    assert len(identifiers) == 2


def test_errors_name_the_endpoint(pool_of: MakePool, server: Server) -> None:
    refusing = server.faulty(status=404, **POSTED)
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client_of(pool_of(server.url + "/a", refusing, weights=[1e-12, 1])).batch_post("/x", TEXTS)
    error: Any = caught.value
    assert error.endpoint == refusing
    assert error.response.url == refusing + "/x"


def test_errors_name_the_endpoint_of_the_last_attempt(pool_of: MakePool, server: Server) -> None:
    urls = [server.faulty(status=status, **POSTED) for status in (503, 404)]
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        client_of(pool_of(*urls, weights=[1, 1e-12])).batch_post("/x", TEXTS[:1], HASTY)
    error: Any = caught.value
    assert (error.endpoint, error.attempts, error.response.status_code) == (urls[1], 2, 404)


def test_the_clients_proxy(server: Server, other_server: Server, eventually: Eventually) -> None:
    """Requests take the client's proxy, unless the endpoint's wrapper was given one; probes take the wrapper's."""
    own = Endpoint("http://own.invalid", HEALTH_KEY, HttpClientWrapper(proxy=other_server.url))
    plain = Endpoint(other_server.url + "/plain", HEALTH_KEY, HttpClientWrapper())
    pool = EndpointPool([own, plain])
    settled(pool, eventually, True, True)
    client_of(pool, proxy=server.url).batch_post("/x", TEXTS)
    assert other_server.url + "/plain/x" in {one.target for one in server.requests()}
    targets = {one.target for one in other_server.requests()}
    assert targets == {"http://own.invalid/health", "http://own.invalid/x", "/plain/health"}


def test_the_client_keeps_its_pool_alive(server: Server, eventually: Eventually) -> None:
    def probes() -> int:
        return sum(one.target == "/kept/health" for one in server.requests())

    endpoints = [Endpoint(server.url + "/kept", HEALTH_KEY, HttpClientWrapper(), health_check_interval_s=0.1)]
    client = client_of(EndpointPool(endpoints))
    endpoints.clear()
    gc.collect()
    server.reset()
    eventually(lambda: probes() >= 4)
    assert client.batch_post("/x", [1]).data == [1]
    del client
    server.reset()
    time.sleep(0.4)
    assert probes() <= 1


def test_pickle(pool_of: MakePool, server: Server) -> None:
    client: PerformanceClient = pickle.loads(pickle.dumps(client_of(pool_of(server.url + "/a", server.url + "/b"))))
    assert client.batch_post("/x", list(range(20))).data == list(range(20))
    assert min(share_of(server, "/a", "/b")) > 2


def test_arguments(pool_of: MakePool, server: Server) -> None:
    pool = pool_of(server.url)
    client = PerformanceClient("http://ignored.invalid", CLIENT_KEY, 1, None, None, pool)
    assert client.batch_post("/x", [1]).data == [1]
    assert CLIENT_KEY not in repr(client) and HEALTH_KEY not in repr(client)
    for wrong in ([pool], pool.endpoints, "http://127.0.0.1"):
        with pytest.raises(TypeError) as caught:
            PerformanceClient("http://ignored.invalid", CLIENT_KEY, endpoint_pool=wrong)  # type: ignore[arg-type]
        kind = type(wrong).__name__
        assert str(caught.value) == f"endpoint_pool must be an instance of EndpointPool, not {kind}"
    with pytest.raises(ValueError, match="API key not provided"):
        PerformanceClient("http://ignored.invalid", endpoint_pool=pool)
