"""Limits that the user tells: what the server sees of them, and who waits for them.

A machine that is slow only sends later, so each test asks that nothing comes too soon: at any instant, what has arrived
is at most a second's worth and what has been added since the call began.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from baseten_perf import (
    APIConnectionError,
    APITimeoutError,
    CancellationToken,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
)
from baseten_perf.endpoints import Endpoint, EndpointPool
from baseten_perf.testing import RecordedRequest, Server

FAST = {"max_requests_per_minute": 6000}
TEXTS = [f"text {i}" for i in range(150)]
ONE = {"max_requests_per_minute": 1}  # the second one would wait for a minute
Eventually = Callable[..., None]


def words(text: str) -> int:
    return len(text.split())


def client_of(server: Server, **options: Any) -> PerformanceClient:
    return PerformanceClient(server.url, "k", **options)


def kept(requests: list[RecordedRequest], begin: float, per_minute: float, cost: float = 1) -> bool:
    """Whether none of these requests, of equal costs, has come too soon."""
    rate = per_minute / 61.25
    depth = max(1.0, rate)
    times = sorted(request.time for request in requests)
    return all((k + 1) * cost <= depth + (at - begin) * rate + 1e-6 for k, at in enumerate(times))


async def gathered(client: PerformanceClient) -> int:
    halves = await asyncio.gather(*(client.async_embed(half, "m", batch_size=1) for half in (TEXTS[:75], TEXTS[75:])))
    return sum(len(half.data) for half in halves)


def from_threads(client: PerformanceClient) -> int:
    """Of two copies, from five threads and an event loop."""
    twin = copy.deepcopy(copy.copy(client))
    with ThreadPoolExecutor(5) as threads:
        posts = [threads.submit(each.batch_post, "/same", TEXTS[:30]) for each in (client, twin, client, twin)]
        event_loop = threads.submit(lambda: asyncio.run(twin_embeds(twin)))
        return sum(len(post.result().data) for post in posts) + event_loop.result()


async def twin_embeds(client: PerformanceClient) -> int:
    return len((await client.async_embed(TEXTS[:30], "m", batch_size=1)).data)


WAYS: dict[str, Callable[[PerformanceClient], int]] = {
    "embed": lambda client: len(client.embed(TEXTS, "m", batch_size=1).data),
    "async_embed": lambda client: asyncio.run(gathered(client)),
    "iter_embed": lambda client: sum(len(batch.inputs) for batch in client.iter_embed(iter(TEXTS), "m", batch_size=1)),
    "threads": from_threads,
}


@pytest.mark.parametrize("way", WAYS)
def test_requests_keep_to_the_limit(server: Server, poller: str, way: str) -> None:
    client = client_of(server, **FAST)
    begin = time.monotonic()
    assert WAYS[way](client) == len(TEXTS)
    assert len(server.requests()) == len(TEXTS)
    assert kept(server.requests(), begin, 6000)


def test_many_processes_share_a_limit(server: Server) -> None:
    client = client_of(server, max_requests_per_minute=24000, share=4)
    begin = time.monotonic()
    client.embed(TEXTS, "m", batch_size=1)
    assert kept(server.requests(), begin, 6000)


@pytest.mark.parametrize("way", ["embed", "rerank", "classify", "iter_embed", "batch_post"])
def test_tokens_keep_to_the_limit(server: Server, way: str) -> None:
    """Those of a tokeniser, exactly: requests of 60 tokens, 1000 tokens a second."""
    client = client_of(server, max_tokens_per_minute=61_250, count_tokens=words)
    texts = ["one two three four five six seven eight nine ten"] * 150
    options: dict[str, Any] = {"batch_size": 6, "max_chars_per_request": 100_000}
    begin = time.monotonic()
    if way == "embed":
        assert client.embed(texts, "m", **options).usage.total_tokens == 1500
    elif way == "rerank":
        client.rerank("a b", texts[:125], **{**options, "batch_size": 5})  # (10 + 2) * 5
    elif way == "classify":
        client.classify(texts, **options)
    elif way == "iter_embed":
        assert sum(batch.usage.total_tokens for batch in client.iter_embed(iter(texts), "m", **options)) == 1500
    else:
        client.batch_post("/same", [" ".join(["word"] * 60)] * 25)
    assert len(server.requests()) == 25
    assert kept(server.requests(), begin, 61_250, 60)


def test_answers_correct_an_estimate(server: Server) -> None:
    """Each text has 24 letters, which is taken for 6 tokens, and 12 words, which the server counts."""
    client = client_of(server, max_tokens_per_minute=61_250)
    texts = ["a b c d e f g h i j k l "] * 160
    begin = time.monotonic()
    client.embed(texts[:10], "m", batch_size=10)
    assert client._token_counter.ratio == pytest.approx(2.0)
    usage = client.embed(texts, "m", batch_size=5).usage
    assert usage is not None and usage.total_tokens == 12 * 160
    first, *rest = sorted(server.requests(), key=lambda request: request.time)
    # Of the first the server has counted 120, of each other 60.
    assert kept([first, first, *rest], begin, 61_250, 60)


@pytest.mark.parametrize("options", [{"status": 500}, {"status": 429}, {"reset": True}], ids=str)
def test_what_was_refused_is_used_up_and_a_retry_counts(server: Server, options: dict[str, Any]) -> None:
    client = PerformanceClient(server.faulty(first=1, **options), "k", **ONE)
    with pytest.raises(APITimeoutError):
        client.batch_post("/same", [1], total_timeout_s=0.6, timeout_s=0.5, initial_backoff_ms=50)
    assert len(server.requests()) == 1


def test_what_was_never_sent_is_not_used_up() -> None:
    """Nobody listens: the attempts that find this out must not wait for a minute each."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(APIConnectionError):
        PerformanceClient(url, "k", **ONE).batch_post("/same", [1], total_timeout_s=30, timeout_s=5)


def test_a_hedge_counts_and_never_waits(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.3, first=1), "k", **ONE)
    assert client.batch_post("/same", [1], hedge_delay=0.05, hedge_budget_pct=3.0).data == [1]
    assert len(server.requests()) == 1


def test_patience_is_for_refusals_alone(server: Server) -> None:
    client = client_of(server, max_requests_per_minute=600)
    assert client.batch_post("/same", list(range(14)), patience_s=0).data == list(range(14))


def test_a_pickle_has_limits_of_its_own_and_a_copy_has_not(server: Server) -> None:
    client = client_of(server, **ONE)
    client.batch_post("/same", [1])
    assert client_of(server, **ONE).batch_post("/same", [2]).data == [2]  # by the same engine
    for twin in (copy.copy(client), copy.deepcopy(client), client):
        with pytest.raises(APITimeoutError):
            twin.batch_post("/same", [2], total_timeout_s=0.15, timeout_s=0.1)
    assert pickle.loads(pickle.dumps(client)).batch_post("/same", [3]).data == [3]


class Stopped:
    """Ends a call that waits at a limit, from another thread, once its first request has been answered."""

    def __init__(self, client: PerformanceClient, eventually: Eventually, stop: Callable[[], Any]) -> None:
        self.thread = threading.Thread(target=self.run, args=(client, eventually, stop))

    @staticmethod
    def run(client: PerformanceClient, eventually: Eventually, stop: Callable[[], Any]) -> None:
        eventually(lambda: client.statistics()[0].answered == 1)
        stop()

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.thread.join()


@pytest.mark.parametrize("how", ["token", "close", "task", "stream", "break"])
def test_who_waits_can_be_stopped(server: Server, eventually: Eventually, poller: str, how: str) -> None:
    client, token = client_of(server, **ONE), CancellationToken()
    if how in ("token", "close"):
        stop = token.cancel if how == "token" else client.close
        with Stopped(client, eventually, stop), pytest.raises(OperationCancelled) as raised:
            client.batch_post("/same", [1, 2, 3], cancel_token=token)
        assert raised.value.partial == [1, None, None]
    elif how == "task":

        async def cancelled() -> None:
            call = client.async_batch_post("/same", [1, 2, 3])
            await asyncio.to_thread(eventually, lambda: server.statistics().requests == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        asyncio.run(cancelled())
    elif how == "stream":
        stream = client.iter_batch_post("/same", iter([1, 2, 3]), cancel_token=token)
        with Stopped(client, eventually, token.cancel), pytest.raises(OperationCancelled):
            list(stream)
    else:
        for batch in client.iter_batch_post("/same", iter([1, 2, 3])):
            assert batch.data == [1]
            break
    assert len(server.requests()) == 1


def test_calls_at_one_limit_take_turns(server: Server) -> None:
    """A call of one request does not wait for the end of one of many."""
    client = client_of(server, max_requests_per_minute=600)
    with ThreadPoolExecutor(1) as threads:
        huge = threads.submit(client.batch_post, "/same", ["huge"] * 60)
        while not server.requests():
            time.sleep(0.005)
        client.batch_post("/same", ["tiny"])
        assert not huge.done()
        client.close()
        with pytest.raises(OperationCancelled):
            huge.result()


@pytest.fixture
def pool_of(server: Server) -> Iterator[Callable[..., EndpointPool]]:
    wrapper = HttpClientWrapper()

    def make(*urls: str, limits: list[dict[str, Any]]) -> EndpointPool:
        return EndpointPool(
            [
                Endpoint(url, "k", wrapper, health_check_interval_s=100.0, **limit)
                for url, limit in zip(urls, limits, strict=True)
            ]
        )

    yield make


def posted(server: Server) -> list[RecordedRequest]:
    return [request for request in server.requests() if request.method == "POST"]


def test_an_endpoint_has_a_limit_of_its_own(
    server: Server, other_server: Server, pool_of: Callable[..., EndpointPool]
) -> None:
    pool = pool_of(server.url, other_server.url, limits=[ONE, FAST])
    clients = [PerformanceClient("http://ignored.invalid", "k", endpoint_pool=pool) for _ in range(2)]
    begin = time.monotonic()
    for client in (*clients, copy.deepcopy(clients[0])):
        assert client.batch_post("/same", list(range(50))).data == list(range(50))
    assert len(posted(server)) == 1
    assert len(posted(other_server)) == 149
    assert kept(posted(other_server), begin, 6000)


def test_an_endpoint_s_tokens_are_settled_where_they_were_spent(
    server: Server, other_server: Server, pool_of: Callable[..., EndpointPool]
) -> None:
    pool = pool_of(server.url, other_server.url, limits=[{"max_tokens_per_minute": 61_250}] * 2)
    client = PerformanceClient("http://ignored.invalid", "k", endpoint_pool=pool, count_tokens=lambda text: 100)
    texts = ["one two three"] * 100  # of 3 tokens, as the server counts them
    begin = time.monotonic()
    client.embed(texts, "m", batch_size=10)
    client.embed(texts, "m", batch_size=10)
    for each in (server, other_server):
        assert kept(posted(each), begin, 61_250, 30)
    assert len(posted(server)) + len(posted(other_server)) == 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_requests_per_minute": 0}, ValueError, "max_requests_per_minute must be between 1 and 10{12}, not 0"),
        ({"max_tokens_per_minute": -5}, ValueError, "max_tokens_per_minute must be between 1 and 10{12}, not -5"),
        ({"max_tokens_per_minute": float("nan")}, ValueError, "max_tokens_per_minute must be between 1 and 10{12}"),
        ({"max_requests_per_minute": "600"}, TypeError, "max_requests_per_minute must be a number, not str"),
        ({"share": 0}, ValueError, "share must be at least 1, not 0"),
        ({"share": 65537}, ValueError, "share must be between 1 and 65536, not 65537"),
        ({"share": 1.5}, TypeError, "share must be an int, not float"),
    ],
)  # fmt: skip
def test_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        PerformanceClient("http://127.0.0.1:9", "k", **options)
    with pytest.raises(error, match=message):
        Endpoint("http://127.0.0.1:9", "k", HttpClientWrapper(), **options)


def test_a_repr_tells_limits() -> None:
    client = PerformanceClient("http://h", "secret", max_requests_per_minute=600, max_tokens_per_minute=1e6, share=2)
    assert repr(client) == (
        "PerformanceClient(base_url='http://h', max_requests_per_minute=600, max_tokens_per_minute=1000000.0, share=2)"
    )
    assert repr(pickle.loads(pickle.dumps(client))) == repr(client)


def test_what_count_tokens_raises_goes_up(server: Server) -> None:
    def count(text: str) -> int:
        if text == "text 7":
            raise KeyError("unknown token")
        return 1

    client = client_of(server, max_tokens_per_minute=61_250, count_tokens=count)
    with pytest.raises(KeyError, match="unknown token"):
        client.embed(TEXTS, "m", batch_size=1)
    client = client_of(server, max_tokens_per_minute=61_250, count_tokens=lambda text: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="count_tokens must return an int, not NoneType"):
        asyncio.run(twin_embeds(client))
    assert len(server.requests()) <= 7


@pytest.fixture
def telling() -> Iterator[tuple[str, list[float], dict[str, str]]]:
    """A server that tells what is left of a bucket: its URL, the instants of requests, the headers of its responses."""
    arrivals: list[float] = []
    headers: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            arrivals.append(time.monotonic())
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "1")
            self.end_headers()
            self.wfile.write(b"1")

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}", arrivals, headers
        finally:
            httpd.shutdown()
            thread.join()


def test_headers_of_responses_lower_the_pace(telling: tuple[str, list[float], dict[str, str]], poller: str) -> None:
    """Nothing is left of 30, which are there again in a second: one each 33 ms, of all clients with this key."""
    url, arrivals, headers = telling
    headers.update(
        {
            "x-ratelimit-limit-requests": "30",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
        }
    )
    clients = [PerformanceClient(url, "k") for _ in range(2)]
    clients[0].batch_post("/x", [0])
    for client in clients:
        client.batch_post("/x", list(range(8)))
    assert len(arrivals) == 17
    # Each response begins anew with nothing, so each next request comes as long after one of them.
    assert arrivals[-1] - arrivals[0] >= 16 / 30
    headers.clear()
    clients[0].batch_post("/x", list(range(10)))  # the last word was 30 a second; it is not said again
    assert len(arrivals) == 27
