"""Secrets appear in no error, no repr, no pickle of an error, no traceback and no log, whatever the failure."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from baseten_perf import (
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Server

# One for each place; all begin alike, so that also a part of one is found.
MARK = "s3cr3t"
KEY = f"{MARK}-key"
OVERRIDE = f"{MARK}-override"
USER = f"{MARK}-user"
PASSWORD = f"{MARK}-password"
QUERY = f"{MARK}-query"
PROXY = f"{MARK}-proxy"
HEADER = f"{MARK}-header"
CERT = f"{MARK}-cert"
PROBE = f"{MARK}-probe"

pytestmark = [pytest.mark.usefixtures("no_probes_left"), pytest.mark.timeout(120)]
Call = Callable[[], Any]


def everything(value: Any, seen: set[int] | None = None) -> str:
    """All text that can be reached from a value through args, attributes, properties and containers."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return ""
    seen.add(id(value))
    found = [repr(value), str(value)]
    if isinstance(value, (str, bytes, int, float, type(None), type)):
        return found[0]
    parts: list[Any] = []
    if isinstance(value, dict):
        parts += [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts += value
    elif isinstance(value, BaseException):
        parts += [value.__dict__, value.args, value.__cause__, value.__context__]
        parts += [getattr(value, name, None) for name in ("request", "response", "filename", "strerror", "__notes__")]
    elif isinstance(value, requests.Response):
        parts += [value.__dict__, value.url, value.headers, value.request, value.text]
    elif isinstance(value, requests.PreparedRequest):
        parts += [value.__dict__, value.url, value.path_url]
    elif isinstance(value, requests.structures.CaseInsensitiveDict):
        parts += [dict(value)]
    return "\n".join(found + [everything(part, seen) for part in parts])


def told(error: BaseException) -> str:
    """What an exception says to whoever gets it, pickles it or prints it with the local variables of its frames."""
    text = everything(error) + repr(pickle.dumps(error)) + "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        # What is ours; texts are there as the caller gave them.
        text += repr([value for value in frame.f_locals.values() if type(value).__module__.startswith("baseten_perf")])
    return text


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that has been logged, at any level."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="baseten_perf")
    return lambda: "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """A client's certificate, its locked key, and the key's password."""
    from cryptography.hazmat.primitives import serialization

    folder = tmp_path_factory.mktemp("identity")
    issued = trustme.CA().issue_cert("client.example")
    chain, locked = folder / "chain.pem", folder / "locked.pem"
    issued.cert_chain_pems[0].write_to_path(str(chain))
    plain = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(CERT.encode()),
        )
    )
    return str(chain), str(locked), CERT


@pytest.fixture(scope="module")
def secure(server_certificate: Path) -> Iterator[Server]:
    with Server(tls=(server_certificate, server_certificate)) as server:
        yield server


@pytest.fixture(scope="module")
def closed() -> Iterator[int]:
    """A port that refuses connections: it is bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def with_secrets(url: str) -> str:
    return url.replace("://", f"://{USER}:{PASSWORD}@") + f"?api-key={QUERY}"


def preference(**fields: Any) -> RequestProcessingPreference:
    given = {"timeout_s": 0.5, "max_retries": 1, "initial_backoff_ms": 50, **fields}
    return RequestProcessingPreference(
        extra_headers={"cookie": HEADER, "x-api-key": HEADER}, primary_api_key_override=OVERRIDE, **given
    )


FAULTS: dict[str, dict[str, Any]] = {
    "status": {"status": 401},
    "status after retries": {"status": 503},
    "reset": {"reset": True},
    "closed": {"close": True},
    "cut": {"truncate": True},
    "timeout": {"stall": True},
    "timeout in the body": {"stall_body": True},
    "not json": {"not_json": True},
    "invalid json": {"invalid_json": True},
    "empty": {"empty": True},
    "garbage": {"garbage": True},
    "redirect to nowhere": {"status": 302},
}


def checked(call: Call, records: Callable[[], str]) -> BaseException:
    with pytest.raises((OSError, ValueError)) as caught:
        call()
    assert MARK not in told(caught.value)
    assert MARK not in records()
    return caught.value


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_faults_of_a_server(
    server: Server, faults: dict[str, Any], certificate: tuple[str, str, str], records: Callable[[], str]
) -> None:
    client = PerformanceClient(with_secrets(server.faulty(**faults)), KEY, cert=certificate)
    calls: list[Call] = [
        lambda: client.embed(["a"], "m", preference=preference()),
        lambda: client.rerank("q", ["a"], preference=preference()),
        lambda: client.classify(["a"], preference=preference()),
    ]
    if not {"empty"} & faults.keys():
        calls.append(lambda: client.batch_post("/x", [1], preference(), custom_headers={"authorization": HEADER}))
    for call in calls:
        error = checked(call, records)
        endpoint = getattr(error, "endpoint", None)
        assert endpoint is not None and endpoint.startswith(f"{server.url}/-/")


@pytest.mark.parametrize(
    "location",
    [
        f"/x?key={QUERY}",  # endless
        f"http://{USER}:{PASSWORD}@127.0.0.1:1/?key={QUERY}",
        f"ftp://{USER}:{PASSWORD}@127.0.0.1/?key={QUERY}",
        f"http://{USER}:{PASSWORD}@h:{PASSWORD}/?key={QUERY}",
        f"http://{USER}:{PASSWORD}@no-such-host.invalid/?key={QUERY}",
    ],
)
def test_redirects(playing: Callable[[bytes], Any], location: str, records: Callable[[], str]) -> None:
    answer = f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    client = PerformanceClient(with_secrets(playing(answer.encode()).url), KEY)
    checked(lambda: client.batch_post("/x", [1], preference(max_retries=0, timeout_s=5)), records)


def test_no_connection(closed: int, records: Callable[[], str]) -> None:
    for place in (f"http://127.0.0.1:{closed}/p", "http://no-such-host.invalid/p", f"https://127.0.0.1:{closed}"):
        client = PerformanceClient(with_secrets(place), KEY)
        checked(lambda client=client: client.batch_post("/x", [1], preference(max_retries=0, timeout_s=5)), records)


def test_tls(
    secure: Server, server: Server, certificate: tuple[str, str, str], trusted: Path, records: Callable[[], str]
) -> None:
    chain, locked, _ = certificate
    for keywords in (
        {},  # the server's certificate is not trusted
        {"verify": trusted, "cert": (chain, locked, f"{CERT}-wrong")},
    ):
        client = PerformanceClient(with_secrets(secure.url), KEY, **keywords)  # type: ignore[arg-type]
        checked(lambda client=client: client.batch_post("/x", [1], preference()), records)
    client = PerformanceClient(with_secrets(server.url.replace("http:", "https:")), KEY)
    checked(lambda: client.batch_post("/x", [1], preference()), records)
    client = PerformanceClient(with_secrets(secure.url), KEY, verify=trusted)
    to = f"http://{USER}:{PASSWORD}@127.0.0.1:{server.port}/x%3Fkey={QUERY}"
    error = checked(lambda: client.batch_post(f"/redirect/307?to={to}", [1], preference()), records)
    assert "https to http" in str(error)


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://{PROXY}:{PROXY}@127.0.0.1:CLOSED",
        f"socks5://{PROXY}:{PROXY}@127.0.0.1:CLOSED",
        f"http://{PROXY}:{PROXY}@no-such-proxy.invalid:1",
        # libcurl refuses these and repeats them whole.
        f"http://{PROXY}:{PROXY}@ho{{st:3128",
        f"http://{PROXY}:{PROXY}%00@127.0.0.1:3128",
    ],
)
def test_proxies(proxy: str, closed: int, records: Callable[[], str]) -> None:
    proxy = proxy.replace("CLOSED", str(closed))
    for target in ("http://example.invalid/p", "https://example.invalid/p"):
        client = PerformanceClient(with_secrets(target), KEY, proxy=proxy)
        checked(lambda client=client: client.batch_post("/x", [1], preference(timeout_s=5, max_retries=0)), records)
        assert MARK not in repr(client) + repr(client.get_client_wrapper())


def test_deadline_and_cancellation(server: Server, records: Callable[[], str]) -> None:
    client = PerformanceClient(with_secrets(server.faulty(stall=True)), KEY)
    checked(lambda: client.batch_post("/x", [1], preference(total_timeout_s=0.5)), records)
    token = CancellationToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    checked(lambda: client.batch_post("/x", [1], preference(timeout_s=60, cancel_token=token)), records)
    checked(lambda: client.batch_post("/x", [1], preference(cancel_token=token)), records)
    timer.join()


def test_asyncio(server: Server, records: Callable[[], str]) -> None:
    client = PerformanceClient(with_secrets(server.faulty(status=500)), KEY)

    async def run() -> None:
        await client.async_batch_post("/x", [1], preference())

    checked(lambda: asyncio.run(run()), records)

    async def shown() -> str:
        future = client.async_embed(["a"], "m", preference=preference())
        text = repr(future)
        future.cancel()
        return text

    assert MARK not in asyncio.run(shown())


def test_endpoints(server: Server, closed: int, records: Callable[[], str], eventually: Callable[..., None]) -> None:
    wrapper = HttpClientWrapper()
    fields: dict[str, Any] = {
        "deep_health_url": with_secrets(f"http://127.0.0.1:{closed}/deep"),
        "health_check_interval_s": 0.1,
        "health_check_retries": 0,
    }
    places = (server.faulty(status=500), f"http://127.0.0.1:{closed}/p")
    endpoints = [Endpoint(with_secrets(place), PROBE, wrapper, **fields) for place in places]
    pool = EndpointPool(endpoints)
    client = PerformanceClient("", KEY, endpoint_pool=pool)
    eventually(lambda: not any(health.healthy for health in pool.health()))
    error = checked(lambda: client.batch_post("/x", [1], preference()), records)
    assert getattr(error, "endpoint", None) in [health.base_url for health in pool.health()]
    eventually(lambda: records().count("is unhealthy") >= 2)
    assert MARK not in repr(endpoints) + repr(pool) + repr(pool.health()) + str(pool) + records()
    assert MARK not in repr(pickle.dumps(pool.health()))


def test_bad_arguments_do_not_repeat_the_secret(server: Server) -> None:
    calls: list[Call] = [
        lambda: PerformanceClient(server.url, KEY + "\n").batch_post("/x", [1]),
        lambda: PerformanceClient(server.url, KEY + "\ud800").batch_post("/x", [1]),
        lambda: PerformanceClient(server.url, "k").batch_post("/x", [1], custom_headers={"x": HEADER + "\r\n"}),
        lambda: PerformanceClient(server.url, "k").batch_post("/x", [1], custom_headers={f"key: {HEADER}": ""}),
        lambda: PerformanceClient(server.url, "k").batch_post("/x", [1], custom_headers={"content-length": HEADER}),
        lambda: PerformanceClient(with_secrets("ftp://127.0.0.1"), "k").batch_post("/x", [1]),
        lambda: PerformanceClient(with_secrets("http://127.0.0.1:port"), "k").batch_post("/x", [1]),
        lambda: PerformanceClient(with_secrets("127.0.0.1"), "k").batch_post("/x", [1]),
        lambda: PerformanceClient(server.url, "k", proxy=f"nonsense://user:{PROXY}@127.0.0.1"),
        lambda: PerformanceClient(server.url, "k", proxy=f"http://user:{PROXY}@"),
        lambda: PerformanceClient(server.url, "k", proxy=f"http://user:{PROXY}@127.0.0.1:port"),
        lambda: PerformanceClient(server.url, "k", proxy=f"http://user:{PROXY}/{PROXY}@127.0.0.1:1"),
        lambda: Endpoint(with_secrets("ftp://127.0.0.1"), PROBE, HttpClientWrapper()),
        lambda: Endpoint(server.url, PROBE + "\n", HttpClientWrapper()),
        lambda: Endpoint(server.url, PROBE, HttpClientWrapper(), deep_health_url=with_secrets("ftp://127.0.0.1")),
    ]
    for call in calls:
        with pytest.raises(ValueError) as caught:
            call()
        assert MARK not in everything(caught.value)
        assert MARK not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"http://{USER}:{PASSWORD}@h/p?api-key={QUERY}",
        f"http://{USER}:{PASSWORD}/{PASSWORD}@h/p",
        f"http://{USER}:{PASSWORD}?{PASSWORD}@h",
        f"{USER}:{PASSWORD}@h/p#{QUERY}",
        f"h/p?{QUERY}",
    ],
)
def test_reprs(url: str, certificate: tuple[str, str, str]) -> None:
    client = PerformanceClient(url, KEY, proxy=f"http://{PROXY}:{PROXY}@127.0.0.1:1", cert=certificate)
    given = preference()
    text = repr(client) + str(client) + repr(client.get_client_wrapper()) + repr(given) + str(given)
    assert MARK not in text
