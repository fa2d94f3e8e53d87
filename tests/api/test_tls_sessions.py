"""What of TLS is kept for further connections: sessions that they resume, and trusted certificates, parsed once."""

from __future__ import annotations

import ctypes
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from baseten_perf import APIConnectionError, HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.engine import close_idle_connections, libcurl_version

ONCE = RequestProcessingPreference(max_retries=0, max_concurrent_requests=8)
AT_ONCE = 8


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with whether the connection resumed a session and who the client is, and closes the connection."""

    server: ClosingServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.all_there.wait(30)
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert()
        name = certificate["subjectAltName"][0][1] if certificate else ""  # type: ignore[index]
        body = json.dumps([self.connection.session_reused, name]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


class ClosingServer(http.server.ThreadingHTTPServer):
    """Answers as soon as `all_there` lets it: by default at once."""

    daemon_threads = True
    request_queue_size = 128
    all_there = threading.Barrier(1)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Here, in the connection's own thread.
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # handshakes that the tests want to fail

    def server_bind(self) -> None:
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = "closing", self.socket.getsockname()[1]

    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"


@pytest.fixture
def closing_server(authority: trustme.CA) -> Iterator[ClosingServer]:
    """A TLS server that closes each connection behind its answer; clients may show a certificate of the authority."""
    server = ClosingServer(("127.0.0.1", 0), Answering)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(server.context)
    authority.issue_cert("127.0.0.1").configure_cert(server.context)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ca_file(trusted: Path, tmp_path: Path) -> Path:
    """A file of the test's own with the authority's certificate."""
    return Path(shutil.copy(trusted, tmp_path / "trusted.pem"))


def resumed(client: PerformanceClient, count: int = 1) -> list[bool]:
    """For each of so many connections whether it has resumed a session."""
    return [answer[0] for answer in client.batch_post("/x", [0] * count, ONCE).data]


def replace(file: Path, authority: trustme.CA) -> None:
    """Have the file hold this authority's certificate, as a program that renews it would."""
    authority.cert_pem.write_to_path(str(file.with_suffix(".new")))
    os.replace(file.with_suffix(".new"), file)


def test_connections_that_are_opened_at_once_resume(closing_server: ClosingServer, ca_file: Path, poller: str) -> None:
    client = PerformanceClient(closing_server.url, "k", verify=ca_file)
    closing_server.all_there = threading.Barrier(AT_ONCE)
    assert resumed(client, AT_ONCE) == [False] * AT_ONCE
    assert resumed(client, AT_ONCE) == [True] * AT_ONCE
    assert resumed(client, 3 * AT_ONCE) == [True] * 3 * AT_ONCE


def test_sessions_outlive_idle_connections(closing_server: ClosingServer, ca_file: Path) -> None:
    """Whatever a loop closes while it has nothing to do."""
    # libcurl tells connections with certificates that it has parsed for them from those that took what was parsed.
    wrapper = HttpClientWrapper(verify=ca_file)
    assert resumed(PerformanceClient(closing_server.url, "k", client_wrapper=wrapper)) == [False]
    client = PerformanceClient(closing_server.url, "k", verify=ca_file)
    closing_server.all_there = threading.Barrier(AT_ONCE)
    assert resumed(client, AT_ONCE) == [False] * AT_ONCE
    close_idle_connections(30)
    assert resumed(client, AT_ONCE) == [True] * AT_ONCE


def test_sessions_of_other_settings_are_not_resumed(
    closing_server: ClosingServer, authority: trustme.CA, ca_file: Path, tmp_path: Path, poller: str
) -> None:
    """Nor do they let in who is not trusted, or as somebody else."""
    own = {}
    for name in ("one.example", "other.example"):
        own[name] = tmp_path / f"{name}.pem"
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(own[name]))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
    unchecked = PerformanceClient(closing_server.url, "k", verify=False)
    assert [*resumed(unchecked), *resumed(unchecked)] == [False, True]
    with pytest.raises(APIConnectionError, match="certificate"):
        resumed(PerformanceClient(closing_server.url, "k", verify=tmp_path / "stranger.pem"))
    for cert, name in ((None, ""), *((own[name], name) for name in own)):
        client = PerformanceClient(closing_server.url, "k", verify=ca_file, cert=cert)
        answers = [client.batch_post("/x", [0], ONCE).data[0] for _ in range(2)]
        assert answers == [[False, name], [True, name]]
    wrapper = HttpClientWrapper(verify=ca_file)
    assert resumed(PerformanceClient(closing_server.url, "k", client_wrapper=wrapper)) == [False]


def test_a_file_that_is_replaced_is_respected(
    closing_server: ClosingServer, authority: trustme.CA, ca_file: Path, poller: str
) -> None:
    """By new clients at once, by others once they have had nothing to do; and no session gets around it."""
    there = [PerformanceClient(closing_server.url, "k", client_wrapper=HttpClientWrapper(verify=ca_file)) for _ in "ab"]
    for client in there:
        assert [*resumed(client), *resumed(client)] == [False, True]
    replace(ca_file, trustme.CA())
    with pytest.raises(APIConnectionError, match="certificate"):
        resumed(PerformanceClient(closing_server.url, "k", verify=ca_file))
    close_idle_connections(30)
    for client in there:
        with pytest.raises(APIConnectionError, match="certificate"):
            resumed(client)
    replace(ca_file, authority)
    assert resumed(PerformanceClient(closing_server.url, "k", verify=ca_file)) == [False]


class Openings:
    """Whether files are opened, as Linux tells it (inotify)."""

    IN_OPEN = 0x20

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.descriptor >= 0

    def watch(self, file: Path) -> None:
        assert self.libc.inotify_add_watch(self.descriptor, os.fsencode(file), self.IN_OPEN) >= 0

    def since_the_last_time(self) -> bool:
        try:
            return bool(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return False


@pytest.fixture
def openings() -> Iterator[Openings]:
    if sys.platform != "linux" or "OpenSSL/" not in libcurl_version():
        pytest.skip("what OpenSSL has parsed is kept, and Linux tells who opens a file")
    counted = Openings()
    yield counted
    os.close(counted.descriptor)


def test_trusted_certificates_are_parsed_once(
    closing_server: ClosingServer, authority: trustme.CA, ca_file: Path, openings: Openings, poller: str
) -> None:
    """For all clients of a file, and again when it is another one."""

    def fresh() -> PerformanceClient:
        return PerformanceClient(closing_server.url, "k", client_wrapper=HttpClientWrapper(verify=ca_file))

    for _ in range(2):
        openings.watch(ca_file)
        assert resumed(fresh()) == [False]
        assert openings.since_the_last_time()
        client = fresh()
        assert [*resumed(client), *resumed(client, AT_ONCE)][:2] == [False, True]
        close_idle_connections(30)
        assert resumed(client) == [True]
        assert not openings.since_the_last_time()
        replace(ca_file, authority)


def test_clients_notice_a_replaced_file_while_they_are_busy(
    closing_server: ClosingServer, ca_file: Path, poller: str
) -> None:
    """One connection may be made before they do."""
    assert resumed(PerformanceClient(closing_server.url, "k", verify=ca_file)) == [False]
    wrapper = HttpClientWrapper(verify=ca_file)
    client = PerformanceClient(closing_server.url, "k", client_wrapper=wrapper)
    assert resumed(client) == [False]
    replace(ca_file, trustme.CA())
    with pytest.raises(APIConnectionError, match="certificate"):
        for _ in range(2):
            resumed(client)


def test_directories_count_too(
    closing_server: ClosingServer, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that has been read from one is not trusted any more once it is taken out."""
    if shutil.which("openssl") is None:
        pytest.skip("names of certificates in a directory are made by the openssl program")
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(trusted)]
    name = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    there = Path(shutil.copy(trusted, tmp_path / f"{name}.0"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    for _ in range(2):
        client = PerformanceClient(closing_server.url, "k", client_wrapper=HttpClientWrapper())
        assert resumed(client) == [False]
    there.unlink()
    with pytest.raises(APIConnectionError, match="certificate"):
        resumed(PerformanceClient(closing_server.url, "k", client_wrapper=HttpClientWrapper()))
