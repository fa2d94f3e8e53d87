"""Health probes on the wire: what is sent and when, what counts as healthy, what users see of it."""

from __future__ import annotations

import gc
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import Faults, RecordedRequest, Server

KEY = "sk-health-5d1e"
OFTEN = {"health_check_interval_s": 0.1}
Eventually = Callable[..., None]
Make = Callable[..., Endpoint]


@pytest.fixture
def make(server: Server) -> Iterator[Make]:
    """Make an endpoint that is probed every 0.1 s; it is dropped before the server looks for what is left."""
    made: list[Endpoint] = []
    alive: weakref.WeakSet[Endpoint] = weakref.WeakSet()

    def endpoint(base_url: str, **options: Any) -> Endpoint:
        wrapper = options.pop("client_wrapper", None) or HttpClientWrapper()
        made.append(Endpoint(base_url, KEY, wrapper, **{**OFTEN, **options}))
        alive.add(made[-1])
        return made[-1]

    yield endpoint
    made.clear()
    if alive:
        gc.collect()


@pytest.fixture
def deployment(httpserver: HTTPServer) -> dict[str, int]:
    """Statuses of the paths of `httpserver`, 200 at first; change them at any time."""
    statuses = {"/health": 200, "/deep": 200}

    def answer(request: Request) -> Response:
        return Response("{}", statuses[request.path])

    for path in statuses:
        httpserver.expect_request(path).respond_with_handler(answer)
    return statuses


def probes(server: Server) -> list[str]:
    return [request.path for request in server.requests()]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "baseten_perf"]


def probing_threads() -> int:
    return sum(thread.name == "baseten_perf-health" for thread in threading.enumerate())


def rounds(endpoint: Endpoint, number: int, eventually: Eventually) -> None:
    """Wait until `number` more rounds have ended."""
    for _ in range(number):
        last = endpoint.health.last_check
        eventually(lambda last=last: endpoint.health.last_check != last)


def test_what_a_probe_sends(make: Make, server: Server, eventually: Eventually) -> None:
    def probes_of_mine() -> list[RecordedRequest]:
        # An earlier test's endpoint may still send a last one.
        return [request for request in server.requests() if request.target.startswith("/mine")]

    make(f"{server.url}/mine")
    eventually(lambda: len(probes_of_mine()) >= 2)
    mine = probes_of_mine()
    for request in mine:
        names = [name.lower() for name, _ in request.headers]
        assert (request.method, request.target, request.body) == ("GET", "/mine/health", b"")
        assert request.header("authorization") == f"Bearer {KEY}"
        assert request.header("accept") == "*/*"
        assert sorted(names) == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    assert len({request.connection for request in mine}) == 1


def test_the_same_requests_as_the_peer(make: Make, servers: list[Server], peer: Any, eventually: Eventually) -> None:
    ours, theirs = servers
    for server in servers:
        server.reset()
    options = {"health_check_retries": 1, "deployment_health_path": "a/health?x=1"}
    kept = [
        make(ours.url + "/base/", deep_health_url=ours.faulty(status=503) + "/deep?y=2", **options),
        peer.Endpoint(
            theirs.url + "/base/",
            KEY,
            peer.HttpClientWrapper(),
            deep_health_url=theirs.faulty(status=503) + "/deep?y=2",
            **options,
        ),
    ]
    eventually(lambda: len(ours.requests()) >= 3 and len(theirs.requests()) >= 3)
    seen = [
        [(one.method, one.target, sorted(name.lower() for name, _ in one.headers)) for one in server.requests()[:3]]
        for server in servers
    ]
    assert seen[0] == seen[1]
    assert [one[1] for one in seen[0]] == ["/base/a/health?x=1", "/-/status=503/deep?y=2", "/-/status=503/deep?y=2"]
    gaps = [server.requests()[2].time - server.requests()[1].time for server in servers]
    assert min(gaps) > 0.19
    kept.clear()


@pytest.mark.parametrize(
    ("path", "target"),
    [(None, "/base/health"), ("/ready", "/base/ready"), (" ready?a=b ", "/base/ready?a=b"), ("/a/../b", "/base/b")],
)
def test_where_probes_go(make: Make, server: Server, eventually: Eventually, path: str | None, target: str) -> None:
    make(server.url + "/base", deployment_health_path=path)
    eventually(lambda: bool(server.requests()))
    assert server.requests()[0].target == target


def test_shallow_and_deep_alternate(make: Make, server: Server, eventually: Eventually) -> None:
    make(server.url, deep_health_url=server.url + "/x/health")
    eventually(lambda: len(server.requests()) >= 6)
    assert probes(server)[:6] == ["/health", "/x/health"] * 3


def test_a_healthy_endpoint(make: Make, server: Server, eventually: Eventually) -> None:
    before = time.time()
    endpoint = make(server.url)
    rounds(endpoint, 2, eventually)
    health = endpoint.health
    assert health.healthy and health.reason == "" and health.consecutive_failures == 0
    assert health.last_check is not None and before <= health.last_check <= time.time()
    assert health.last_latency is not None and health.last_latency > 0
    assert endpoint._state.healthy
    assert EndpointPool([endpoint]).health()[0].base_url == server.url


def test_down_and_up_again(
    make: Make,
    deployment: dict[str, int],
    httpserver: HTTPServer,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="baseten_perf")
    endpoint = make(httpserver.url_for(""), health_check_retries=0)
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy
    for _ in range(2):
        deployment["/health"] = 503
        eventually(lambda: endpoint.health.consecutive_failures >= 2)
        assert not endpoint.health.healthy and not endpoint._state.healthy
        assert endpoint.health.reason == f"GET {endpoint.base_url}/health: status 503"
        deployment["/health"] = 200
        eventually(lambda: endpoint.health.healthy)
        assert endpoint._state.healthy
        assert (endpoint.health.consecutive_failures, endpoint.health.reason) == (0, "")
    url = endpoint.base_url
    eventually(lambda: len(told(caplog)) >= 4)
    assert told(caplog) == [
        ("WARNING", f"endpoint {url} is unhealthy: GET {url}/health: status 503"),
        ("INFO", f"endpoint {url} is healthy again"),
    ] * 2  # fmt: skip
    assert KEY not in caplog.text


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (204, True), (299, True), (404, False), (429, False)])
def test_statuses(make: Make, server: Server, eventually: Eventually, status: int, healthy: bool) -> None:
    endpoint = make(server.faulty(status=status), health_check_retries=0)
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy is healthy


def test_redirects_are_followed(make: Make, server: Server, eventually: Eventually) -> None:
    endpoint = make(server.url, deployment_health_path="/redirect/302?to=/health")
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy
    assert probes(server)[:2] == ["/redirect/302", "/health"]


def test_a_key_does_not_follow_to_another_host(
    make: Make, server: Server, other_server: Server, eventually: Eventually
) -> None:
    make(server.url, deployment_health_path=f"/redirect/302?to={other_server.url}/health")
    eventually(lambda: bool(other_server.requests()))
    assert other_server.requests()[0].header("authorization") is None


def test_nobody_listens(make: Make, eventually: Eventually) -> None:
    endpoint = make("http://127.0.0.1:9", health_check_retries=0)
    rounds(endpoint, 1, eventually)
    health = endpoint.health
    assert not health.healthy and health.last_latency is None
    assert health.reason.startswith("GET http://127.0.0.1:9/health: ") and "onnect" in health.reason


def test_retries(make: Make, server: Server, eventually: Eventually) -> None:
    """Two failures, then a success, 0.2 s apart: healthy all the time."""
    endpoint = make(server.faulty(status=503, first=2), health_check_interval_s=30)
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy and endpoint.health.reason == ""
    times = [request.time for request in server.requests()]
    assert len(times) == 3
    assert all(0.19 < later - earlier < 0.5 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("retries", [0, 1])
def test_number_of_retries(make: Make, server: Server, eventually: Eventually, retries: int) -> None:
    endpoint = make(server.faulty(status=500), health_check_interval_s=30, health_check_retries=retries)
    rounds(endpoint, 1, eventually)
    assert not endpoint.health.healthy
    assert len(server.requests()) == 1 + retries


def test_a_network_error_is_retried(make: Make, server: Server, eventually: Eventually) -> None:
    endpoint = make(server.faulty(Faults(reset=True, first=1)), health_check_interval_s=30)
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy
    assert len(server.requests()) >= 2


QUICK: dict[str, Any] = {"health_check_timeout_s": 0.1, "health_check_retries": 0}


def test_a_time_out_is_no_vote(make: Make, server: Server, eventually: Eventually) -> None:
    endpoint = make(server.faulty(stall=True), **QUICK)
    rounds(endpoint, 2, eventually)
    health = endpoint.health
    assert health.healthy and health.consecutive_failures == 0
    assert health.reason.endswith("/health: no answer within 0.1 s")


def test_a_time_out_leaves_it_unhealthy(make: Make, server: Server, eventually: Eventually) -> None:
    endpoint = make(server.faulty(Faults(status=500, first=1), Faults(stall=True)), **QUICK)
    rounds(endpoint, 3, eventually)
    health = endpoint.health
    assert not health.healthy and health.consecutive_failures == 1
    assert health.reason.endswith("/health: status 500")


def test_a_time_out_that_counts(make: Make, server: Server, eventually: Eventually) -> None:
    endpoint = make(server.faulty(stall=True), deployment_timeout_is_no_vote=False, **QUICK)
    rounds(endpoint, 1, eventually)
    assert not endpoint.health.healthy
    assert endpoint.health.reason.endswith("/health: no answer within 0.1 s")


@pytest.mark.parametrize(("no_vote", "healthy"), [(None, True), (True, True), (False, False)])
def test_a_deep_time_out(
    make: Make, server: Server, eventually: Eventually, no_vote: bool | None, healthy: bool
) -> None:
    deep = server.faulty(stall=True) + "/deep"
    endpoint = make(server.url, deep_health_url=deep, deep_timeout_is_no_vote=no_vote, **QUICK)
    rounds(endpoint, 1, eventually)
    assert endpoint.health.healthy is healthy
    assert "no answer" in endpoint.health.reason


def test_a_deep_failure(make: Make, deployment: dict[str, int], httpserver: HTTPServer, eventually: Eventually) -> None:
    deployment["/deep"] = 500
    endpoint = make(httpserver.url_for(""), deep_health_url=httpserver.url_for("/deep?token=x"), health_check_retries=0)
    rounds(endpoint, 1, eventually)
    assert not endpoint.health.healthy
    assert endpoint.health.reason == f"GET {endpoint.base_url}/deep: status 500"
    deployment["/deep"] = 200
    eventually(lambda: endpoint.health.healthy)


@pytest.mark.parametrize(("fail_on_first", "paths"), [(False, ["/health", "/deep"]), (True, ["/health"])])
def test_fail_on_first(
    make: Make, server: Server, eventually: Eventually, fail_on_first: bool, paths: list[str]
) -> None:
    endpoint = make(
        server.faulty(status=500),
        deep_health_url=server.url + "/deep",
        health_fail_on_first=fail_on_first,
        health_check_interval_s=30,
        health_check_retries=0,
    )
    rounds(endpoint, 1, eventually)
    assert not endpoint.health.healthy
    assert probes(server) == paths


def test_slow_rounds_stretch_the_interval(make: Make, server: Server, eventually: Eventually) -> None:
    latency = 0.35
    make(server.faulty(latency=latency), health_check_interval_s=0.4)
    eventually(lambda: len(server.requests()) >= 4)
    times = [request.time for request in server.requests()]
    pauses = [later - earlier - latency for earlier, later in itertools.pairwise(times)]
    for pause, expected in zip(pauses, [0.6, 0.9, 0.4], strict=False):
        assert expected - 0.03 < pause < expected + 0.19, pauses


def test_a_collected_endpoint(make: Make, server: Server, eventually: Eventually) -> None:
    """Its probe in flight is aborted on the wire, no other is sent, and the thread ends with the last endpoint."""
    wrapper = HttpClientWrapper()
    stalled = Endpoint(server.faulty(stall=True), KEY, wrapper)
    prompt = Endpoint(server.url, KEY, wrapper, **OFTEN)
    eventually(lambda: server.statistics().requests_active == 1)
    rounds(prompt, 1, eventually)
    assert probing_threads() == 1
    del stalled
    gc.collect()
    eventually(lambda: server.statistics().requests_aborted == 1, 1.0)
    rounds(prompt, 2, eventually)
    del prompt
    gc.collect()
    eventually(lambda: probing_threads() == 0, 2.0)
    sent = server.statistics().requests
    time.sleep(0.3)
    assert server.statistics().requests == sent
    # And it begins again with the next one.
    rounds(make(server.url), 1, eventually)


def test_many_endpoints_in_one_thread(make: Make, server: Server, eventually: Eventually) -> None:
    wrapper = HttpClientWrapper()
    endpoints = [make(f"{server.url}/{i}", client_wrapper=wrapper) for i in range(20)]
    eventually(lambda: len(server.requests()) >= 50)
    assert probing_threads() == 1
    assert all(endpoint.health.healthy for endpoint in endpoints)
    assert {f"/{i}/health" for i in range(20)} <= set(probes(server))


def test_a_slow_endpoint_holds_no_other_up(make: Make, server: Server, eventually: Eventually) -> None:
    wrapper = HttpClientWrapper()
    stalled = [make(f"{server.faulty(stall=True)}/{i}", client_wrapper=wrapper) for i in range(5)]
    prompt = make(server.url, client_wrapper=wrapper)
    rounds(prompt, 3, eventually)
    assert all(endpoint.health.last_check is None for endpoint in stalled)


def test_probes_take_the_proxy_of_the_wrapper(make: Make, server: Server, eventually: Eventually) -> None:
    make("http://nowhere.invalid/a", client_wrapper=HttpClientWrapper(proxy=server.url))
    eventually(lambda: bool(server.requests()))
    assert server.requests()[0].target == "http://nowhere.invalid/a/health"


def test_a_log_filter_that_raises(
    make: Make, server: Server, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is lost with the program's exception, which is told as for any thread; the next look starts it."""
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def refuse(record: logging.LogRecord) -> bool:
        raise LookupError

    logger = logging.getLogger("baseten_perf")
    logger.addFilter(refuse)
    try:
        endpoint = make(server.faulty(status=500, first=1), health_check_retries=0)
        eventually(lambda: len(told) == 1)
    finally:
        logger.removeFilter(refuse)
    assert told[0].exc_type is LookupError
    eventually(lambda: endpoint.health.healthy)


def test_concurrent_making_and_dropping(server: Server, eventually: Eventually) -> None:
    wrapper = HttpClientWrapper()

    def churn(number: int) -> None:
        for turn in range(30):
            kept = [Endpoint(f"{server.url}/{number}/{turn}/{i}", KEY, wrapper, **OFTEN) for i in range(2)]
            if turn % 3 == 0:
                time.sleep(0.002)
            assert all(endpoint.health.healthy for endpoint in kept)

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    gc.collect()
    eventually(lambda: probing_threads() == 0, 3.0)
    eventually(lambda: server.statistics().requests_active == 0)
