"""HTTP/1.1, HTTP/2 and the wish for HTTP/3, against a third-party server (hypercorn)."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from baseten_perf import HttpClientWrapper, PerformanceClient

pytest.importorskip("hypercorn")

SERVER = Path(__file__).resolve().parents[1] / "servers" / "versions.py"
Start = Callable[..., str]


@pytest.fixture(scope="module")
def start(server_certificate: Path) -> Iterator[Start]:
    running: dict[tuple[str, bool], str] = {}
    processes = []

    def started(protocols: str, *, tls: bool) -> str:
        if (protocols, tls) not in running:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            pair = [str(server_certificate)] * 2 if tls else []
            process = subprocess.Popen(
                [sys.executable, str(SERVER), str(port), protocols, *pair],
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            processes.append(process)
            _until_listening(port, process)
            running[protocols, tls] = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return running[protocols, tls]

    yield started
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def _until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server has ended"
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def answers(client: PerformanceClient, count: int, **payload: Any) -> list[Any]:
    payloads = [{"number": number, **payload} for number in range(count)]
    data: list[Any] = client.batch_post("/x", payloads, max_concurrent_requests=50, timeout_s=20).data
    assert [answer["body"] for answer in data] == payloads
    return data


@pytest.mark.parametrize(
    ("protocols", "tls", "wish", "version", "shared"),
    [
        ("h2,http/1.1", True, 1, "1.1", False),
        ("h2,http/1.1", True, 2, "2", True),
        ("http/1.1", True, 2, "1.1", False),
        ("h2", False, 2, "2", True),
        ("h2", False, 1, "1.1", False),
        ("h2,http/1.1", True, 3, "2", True),
        ("http/1.1", True, 3, "1.1", False),
        ("h2", False, 7, "1.1", False),
    ],
)
def test_version(start: Start, trusted: Path, protocols: str, tls: bool, wish: int, version: str, shared: bool) -> None:
    verify = str(trusted)
    client = PerformanceClient(start(protocols, tls=tls), "key", http_version=wish, verify=verify)
    data = answers(client, 200, sleep=0.01)
    assert {answer["version"] for answer in data} == {version}
    connections = len({answer["connection"] for answer in data})
    # Two loops, each with connections of its own: what matters is that streams share them.
    assert connections <= 4 if shared else connections > 4


def test_a_time_out_ends_a_stream_and_not_its_connection(start: Start, trusted: Path) -> None:
    url = start("h2,http/1.1", tls=True)
    client = PerformanceClient(url, "key", http_version=2, verify=str(trusted))
    before = answers(client, 1)[0]["connection"]
    with pytest.raises(requests.exceptions.Timeout):
        client.batch_post("/x", [{"sleep": 10}], timeout_s=0.3, hedge_delay=None)
    assert answers(client, 1)[0]["connection"] == before


def test_large_bodies_over_one_connection(start: Start, trusted: Path) -> None:
    url = start("h2,http/1.1", tls=True)
    client = PerformanceClient(url, "key", http_version=2, verify=str(trusted))
    assert {answer["version"] for answer in answers(client, 20, text="x" * 300_000)} == {"2"}


def test_no_credentials_follow_a_redirect_to_another_origin(start: Start, trusted: Path) -> None:
    one, other = start("h2,http/1.1", tls=True), start("http/1.1", tls=True)
    client = PerformanceClient(one, "KEY", http_version=2, verify=str(trusted))
    secrets = {"x-api-key": "SECRET", "cookie": "SECRET", "api-key": "SECRET"}
    for to, kept in ((f"{other}/x", False), (f"{one}/x", True), ("/x", True), (f"{other}/redirect?{one}/x", False)):
        (answer,) = client.batch_post(f"/redirect?{to}", [{"a": 1}], custom_headers=secrets, timeout_s=20).data
        assert answer["body"] == {"a": 1}
        assert answer["version"] == ("1.1" if to == f"{other}/x" else "2")
        assert ("SECRET" in str(answer["headers"])) == kept
        assert ("authorization" in answer["headers"]) == kept


def test_timings_and_statistics_of_streams(start: Start, trusted: Path) -> None:
    """One request makes the connection; the others wait for it, and then share it."""
    url = start("h2,http/1.1", tls=True)
    wrapper = HttpClientWrapper(2, verify=str(trusted))
    client = PerformanceClient(url, "key", client_wrapper=wrapper)
    timings = client.batch_post("/x", list(range(20)), timings=True, timeout_s=20).timings
    made = timings[timings["tls"] > 0]
    shared = timings[timings["tls"] == 0]
    assert len(made) >= 1 and len(shared) >= 10 and not shared["connect"].any() and not shared["dns"].any()
    phases = sum(timings[name] for name in ("queued", "dns", "connect", "tls", "sent", "first_byte"))
    assert (timings["first_byte"] > 0).all() and (phases <= timings["total"] + 0.001).all()
    (counted,) = client.statistics()
    assert (counted.requests, counted.answered, counted.connections_open) == (20, 20, len(made))
    assert counted.bytes_sent == sum(len(str(number)) for number in range(20)) == timings["bytes_sent"].sum()
    assert counted.bytes_received == timings["bytes_received"].sum()
