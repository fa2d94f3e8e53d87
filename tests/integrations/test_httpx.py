"""Transports for httpx and httpx2, beside their own and below `openai`: the same requests, responses and exceptions."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from baseten_perf import HttpClientWrapper
from baseten_perf.testing import Faults, Server

# What the engine decides: codings that it undoes, connections, and the framing of bodies, which it sends whole.
OWN = {"accept-encoding", "connection", "content-length", "transfer-encoding"}


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


def transports(library: Any) -> Any:
    return importlib.import_module(f"baseten_perf.integrations.{library.__name__}")


def sent_headers(server: Server) -> list[tuple[str, str]]:
    given = ((name.lower(), value) for name, value in server.requests()[-1].headers)
    return sorted((name, value) for name, value in given if name not in OWN)


def requests(library: Any, server: Server) -> list[tuple[str, str, dict[str, Any]]]:
    embed = {"input": ["cat"], "model": "m", "dimensions": 4}
    authorized = {"Authorization": "Bearer sk-own", "X-Empty": "", "X-Twice": "a"}
    return [
        ("POST", f"{server.url}/v1/embeddings?a=%20b&a=c", {"json": embed, "headers": authorized}),
        ("POST", f"{server.faulty(gzip=True)}/v1/embeddings", {"json": embed, "headers": {"user-agent": "mine"}}),
        ("POST", f"{server.url}/v1/embeddings", {"content": b"no JSON"}),
        ("POST", f"{server.url}/v1/embeddings", {"content": iter([b'{"input":', b' ["cat"]}'])}),
        ("PUT", f"{server.url}/no/such", {"data": {"a": "b"}}),
        ("POST", f"{server.url}/v1/embeddings", {"files": {"file": b"x" * 100000}, "headers": {
            "content-type": "multipart/form-data; boundary=limit"}}),
        ("GET", f"{server.faulty(set_cookie=True)}/health", {}),
        ("HEAD", f"{server.url}/health", {}),
        ("DELETE", f"{server.url}/v1/files/7", {}),
        ("POST", f"{server.faulty(status=429, retry_after=60)}/v1/embeddings", {"json": embed}),
        ("POST", f"{server.faulty(status=503)}/v1/embeddings", {"json": embed}),
        ("GET", f"{server.faulty(status=304)}/health", {}),
        ("POST", f"{server.faulty(status=201)}/v1/embeddings", {"json": embed}),
    ]  # fmt: skip


def told(response: Any, server: Server) -> tuple[Any, ...]:
    coded = response.headers.get("content-encoding")
    headers = [(n, v) for n, v in response.headers.multi_items() if not coded or n != "content-length"]
    headers = sorted(header for header in headers if header[0] not in ("content-encoding", "transfer-encoding"))
    request = server.requests()[-1]
    return response.status_code, response.content, headers, request.target, request.body, sent_headers(server)


def test_same_as_the_own_transport(library: Any, server: Server) -> None:
    ours = transports(library).PerformanceTransport()
    answers: list[list[Any]] = []
    for transport in (ours, library.HTTPTransport()):
        with library.Client(transport=transport) as client:
            answers.append([])
            for method, url, options in requests(library, server):
                client.cookies.clear()
                answers[-1].append(told(client.request(method, url, **options), server))
    for mine, theirs in zip(*answers, strict=True):
        if mine[2] != theirs[2]:  # only the length of a body that was compressed is missing
            assert set(theirs[2]) - set(mine[2]) <= {("content-length", str(len(theirs[1])))}, theirs[3]
        assert mine[:2] + mine[3:] == theirs[:2] + theirs[3:]


def test_same_in_asyncio(library: Any, server: Server) -> None:
    async def run(transport: Any) -> list[Any]:
        async def parts() -> Any:
            yield b'{"input":'
            yield b' ["cat"]}'

        async with library.AsyncClient(transport=transport) as client:
            responses = [await client.post(f"{server.url}/v1/embeddings", content=parts())]
            for url in (server.url, server.faulty(status=400)):
                responses.append(await client.post(f"{url}/v1/embeddings", json={"input": ["cat"]}))
        return [told(response, server)[:3] for response in responses]

    mine = asyncio.run(run(transports(library).AsyncPerformanceTransport()))
    assert mine == asyncio.run(run(library.AsyncHTTPTransport()))
    assert [answer[0] for answer in mine] == [200, 200, 400]


def redirects(server: Server, other: Server) -> list[tuple[str, str]]:
    embeddings = quote(f"{server.url}/v1/embeddings", safe="")
    return [
        *(("POST", f"{server.url}/redirect/{status}?to=/echo") for status in (301, 302, 303, 307, 308, 300, 304)),
        ("PUT", f"{server.url}/redirect/302?to=/echo"),
        ("DELETE", f"{server.url}/redirect/307?to=/echo"),
        ("HEAD", f"{server.url}/redirect/307?to=/health"),
        ("POST", f"{other.url}/redirect/308?to={embeddings}"),
        ("POST", f"{server.url}/redirect/307?to={quote('ftp://127.0.0.1/')}"),
        ("POST", f"{server.url}/redirect/302"),
    ]


@pytest.mark.parametrize("follow", [None, False, True])
def test_redirects_are_the_library_s(library: Any, server: Server, other_server: Server, follow: bool | None) -> None:
    """Its default follows none; what it follows becomes the same requests, with its history and its exceptions."""
    options: dict[str, Any] = {} if follow is None else {"follow_redirects": follow}
    headers = {"authorization": "Bearer sk-own", "x-own": "1"}
    ended: list[list[Any]] = []
    for transport in (transports(library).PerformanceTransport(), library.HTTPTransport()):
        ended.append([])
        with library.Client(transport=transport, max_redirects=5, headers=headers, **options) as client:
            for method, url in redirects(server, other_server):
                server.reset()
                body = {"json": {"input": ["cat"], "dimensions": 2}} if method in ("POST", "PUT") else {}
                try:
                    response = client.request(method, url, **body)
                except library.HTTPError as error:
                    ended[-1].append(type(error))
                    continue
                to = response.headers.get("location")
                history = [(one.status_code, one.headers["location"]) for one in response.history]
                sent = [(one.method, one.target, one.body, one.header("authorization"), one.header("x-own"))
                        for one in server.requests()]  # fmt: skip
                ended[-1].append((response.status_code, to, history, str(response.url), sent))
    mine, theirs = ended
    assert mine == theirs
    assert (mine[-1] is library.TooManyRedirects) == bool(follow)
    assert [one[0] for one in mine[:5]] == [200] * 5 if follow else [301, 302, 303, 307, 308]
    assert any(one[3] is None for one in mine[10][4]) if follow else not mine[10][4]


def failures(server: Server) -> list[tuple[str, float]]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    faults = ("reset", "close", "garbage", "truncate", "reset_body")
    return [
        (nobody, 30.0),
        ("http://no-such-host.invalid", 30.0),
        (server.faulty(stall=True), 0.2),
        (server.faulty(stall_body=True), 0.2),
        *((server.faulty(**{fault: True}), 30.0) for fault in faults),
        ("ftp://127.0.0.1", 30.0),
    ]


def test_same_exceptions(library: Any, server: Server) -> None:
    kinds = []
    urls = failures(server)
    for transport in (transports(library).PerformanceTransport(), library.HTTPTransport()):
        kinds.append([])
        with library.Client(transport=transport) as client:
            for url, timeout in urls:
                with pytest.raises(library.RequestError) as caught:
                    client.post(f"{url}/v1/embeddings", json={"input": ["cat"]}, timeout=timeout)
                kinds[-1].append(type(caught.value))
                assert caught.value.request.method == "POST"
    assert kinds[0] == kinds[1]
    assert set(kinds[0]) >= {library.ConnectError, library.ReadTimeout, library.ReadError, library.RemoteProtocolError}


def test_what_cannot_be_sent(library: Any, server: Server) -> None:
    transport = transports(library).PerformanceTransport()
    with library.Client(transport=transport) as client:
        with pytest.raises(library.UnsupportedProtocol, match="DELETE cannot be sent with a body"):
            client.request("DELETE", server.url, content=b"x")
        with pytest.raises(library.LocalProtocolError, match="Illegal header") as caught:
            client.get(server.url, headers={"x-key": "secret\r\nx: y"})
        assert "secret" not in str(caught.value)
    assert server.statistics().requests == 0
    with pytest.raises(RuntimeError, match="PerformanceTransport is closed"):
        transport.handle_request(library.Request("GET", server.url))
    with pytest.raises(TypeError, match="client_wrapper must be an instance of HttpClientWrapper"):
        transports(library).PerformanceTransport("http://proxy")


def test_closing_and_cancelling_abort(library: Any, server: Server, eventually: Callable[..., None]) -> None:
    pool = HttpClientWrapper()
    transport = transports(library).PerformanceTransport(pool)
    stalled = library.Request("POST", f"{server.faulty(stall=True)}/v1/embeddings", content=b"{}")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(transport.handle_request, stalled)
        eventually(lambda: server.statistics().requests_active == 1)
        transport.close()
        with pytest.raises(library.ReadError, match="cancelled"):
            waiting.result(30)

    async def cancelled() -> None:
        async with library.AsyncClient(transport=transports(library).AsyncPerformanceTransport(pool)) as client:
            task = asyncio.create_task(client.post(str(stalled.url), content=b"{}"))
            while server.statistics().requests_active == 0:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    eventually(lambda: server.statistics().requests_aborted == 1)
    asyncio.run(cancelled())
    eventually(lambda: server.statistics().requests_aborted == 2)
    assert not pool.closed


def openai_transports() -> tuple[Any, Any]:
    openai = pytest.importorskip("openai")
    bases = (base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__)
    return openai, transports(importlib.import_module(next(name for name in bases if name.startswith("httpx"))))


def test_openai(server: Server) -> None:
    openai, ours = openai_transports()
    busy = server.faulty(Faults(status=400, containing="bad"), Faults(status=429, retry_after_ms=1, times=1))
    own = openai.DefaultHttpxClient(transport=ours.PerformanceTransport())
    with (
        openai.OpenAI(base_url=f"{busy}/v1", api_key="sk-own", http_client=own) as client,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-own") as theirs,
    ):
        mine = client.embeddings.create(model="m", input=["cat", "dog"])
        assert server.requests()[-1].header("authorization") == "Bearer sk-own"
        assert server.statistics().requests == 2  # openai has tried again
        assert mine == theirs.embeddings.create(model="m", input=["cat", "dog"])
        with pytest.raises(openai.BadRequestError, match="400"):
            client.with_options(max_retries=0).embeddings.with_raw_response.create(model="m", input="bad")
        slow = client.with_options(base_url=f"{server.faulty(stall=True)}/v1", max_retries=0, timeout=0.2)
        with pytest.raises(openai.APITimeoutError):
            slow.embeddings.create(model="m", input="cat")


@pytest.mark.parametrize("options", [{}, {"follow_redirects": False}])
def test_redirects_are_openai_s(server: Server, options: dict[str, Any]) -> None:
    """It follows them unless it is told not to."""
    openai, ours = openai_transports()
    ended = []
    for transport in ({"transport": ours.PerformanceTransport()}, {}):
        http = openai.DefaultHttpxClient(**transport, **options)
        with openai.OpenAI(base_url=server.faulty(status=307, location="/v1/embeddings"), api_key="k", http_client=http,
                           max_retries=0) as client:  # fmt: skip
            try:
                ended.append(client.embeddings.create(model="m", input=["cat"], dimensions=2))
            except openai.APIStatusError as error:
                ended.append((type(error), error.status_code))
    assert ended[0] == ended[1]
    assert (ended[0] == (openai.APIStatusError, 307)) == bool(options)


def test_openai_in_asyncio(server: Server) -> None:
    openai, ours = openai_transports()

    async def run(**options: Any) -> list[Any]:
        client = openai.AsyncOpenAI(base_url=f"{server.faulty(latency=0.2)}/v1", api_key="sk-own", **options)
        async with client:
            calls = [client.embeddings.create(model="m", input=[f"text {i}"]) for i in range(64)]
            return [response.data[0].embedding for response in await asyncio.gather(*calls)]

    mine = asyncio.run(run(http_client=openai.DefaultAsyncHttpxClient(transport=ours.AsyncPerformanceTransport())))
    assert server.statistics().peak_concurrent_requests > 8  # many at once, however busy the machine is
    assert mine == asyncio.run(run())
