"""verify, cert, uds and connect_timeout_s against real servers."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from baseten_perf import APIConnectionError, HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

PASSWORD = "correct horse"
ONCE = RequestProcessingPreference(max_retries=0)


@pytest.fixture(scope="module")
def tls_server(server_certificate: Path) -> Iterator[Server]:
    with Server(tls=(server_certificate, server_certificate)) as server:
        yield server


def answers(client: PerformanceClient) -> bool:
    return client.batch_post("/x", ["a"], ONCE).data == ["a"]


def test_a_file_to_trust(tls_server: Server, trusted: Path) -> None:
    assert answers(PerformanceClient(tls_server.url, "k", verify=trusted))
    wrapper = HttpClientWrapper(verify=str(trusted))
    assert answers(PerformanceClient(tls_server.url, "k", client_wrapper=wrapper))


def test_a_file_beats_the_environment(
    tls_server: Server, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    assert answers(PerformanceClient(tls_server.url, "k", verify=trusted))
    with pytest.raises(APIConnectionError):
        answers(PerformanceClient(tls_server.url, "k"))


def hashed(trusted: Path, folder: Path) -> Path:
    """A directory in which OpenSSL finds the certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("names of certificates in a directory are made by the openssl program")
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(trusted)]
    name = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    shutil.copy(trusted, folder / f"{name}.0")
    return folder


def test_a_directory_to_trust(tls_server: Server, trusted: Path, tmp_path: Path) -> None:
    assert answers(PerformanceClient(tls_server.url, "k", verify=hashed(trusted, tmp_path)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(APIConnectionError):
        answers(PerformanceClient(tls_server.url, "k", verify=tmp_path / "empty"))


def test_the_environment_may_name_a_directory(
    tls_server: Server, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(hashed(trusted, tmp_path)))
    assert answers(PerformanceClient(tls_server.url, "k"))


@pytest.mark.parametrize(
    ("file", "directories"),
    [
        (None, "{right}"),
        (None, "/nowhere:{right}"),
        (None, "{right}:{other}"),
        (None, "{other}:{right}"),
        ("{other_file}", "{right}"),
        ("{right_file}", "{other}"),
        ("{right_file}", "/nowhere"),
        ("{right}", "{other}"),
        ("", "{right}"),
    ],
)
def test_openssl_s_variables_both_count(
    tls_server: Server, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None,
    directories: str,
) -> None:  # fmt: skip
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    places: dict[str, Path] = {"right_file": trusted, "other_file": other}
    for name, certificate in (("right", trusted), ("other", other)):
        (tmp_path / name).mkdir()
        places[name] = hashed(certificate, tmp_path / name)
    if file is not None:
        monkeypatch.setenv("SSL_CERT_FILE", file.format_map(places))
    monkeypatch.setenv("SSL_CERT_DIR", directories.format_map(places))
    assert answers(PerformanceClient(tls_server.url, "k"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert answers(PerformanceClient(tls_server.url, "k"))


def test_a_directory_of_others_trusts_only_them(
    tls_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(APIConnectionError, match="certificate"):
        answers(PerformanceClient(tls_server.url, "k"))


def test_not_checking_at_all(tls_server: Server) -> None:
    assert answers(PerformanceClient(tls_server.url, "k", verify=False))
    with pytest.raises(APIConnectionError):
        answers(PerformanceClient(tls_server.url, "k", verify=True))


def test_relative_paths_are_those_of_the_construction(
    tls_server: Server, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trusted.parent)
    client = PerformanceClient(tls_server.url, "k", verify=trusted.name)
    monkeypatch.chdir(tmp_path)
    assert answers(client)


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with the subject of the client's certificate, or null."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        body = json.dumps(certificate and certificate["subjectAltName"]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a unix socket has none"

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def serving() -> Iterator[Callable[[http.server.HTTPServer], None]]:
    """Serve in a thread until the test ends."""
    begun: list[tuple[http.server.HTTPServer, threading.Thread]] = []

    def serve(server: http.server.HTTPServer) -> None:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        begun.append((server, thread))

    yield serve
    for server, thread in begun:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # handshakes that the tests want to fail


@pytest.fixture
def strict_server(authority: trustme.CA, serving: Any, tmp_path: Path) -> str:
    """URL of a server that asks for a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = QuietServer(("127.0.0.1", 0), Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serving(server)
    return f"https://127.0.0.1:{server.server_port}"


def own_certificates(authority: trustme.CA, folder: Path) -> dict[str, Any]:
    """The client's certificate in all forms that `cert` takes."""
    from cryptography.hazmat.primitives import serialization

    certificate = authority.issue_cert("client.example")
    both, chain, key, locked = (folder / name for name in ("both.pem", "chain.pem", "key.pem", "locked.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(both))
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    loaded = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    locked.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSWORD.encode()),
        )
    )
    return {"one file": both, "two files": (str(chain), key), "with a password": (chain, locked, PASSWORD)}


@pytest.mark.parametrize("form", ["one file", "two files", "with a password"])
def test_the_client_s_own_certificate(
    strict_server: str, authority: trustme.CA, trusted: Path, tmp_path: Path, form: str
) -> None:
    client = PerformanceClient(strict_server, "k", verify=trusted, cert=own_certificates(authority, tmp_path)[form])
    assert client.batch_post("/x", [1], ONCE).data == [[["DNS", "client.example"]]]


def test_a_server_that_wants_one_and_gets_none(strict_server: str, trusted: Path) -> None:
    with pytest.raises(APIConnectionError):
        answers(PerformanceClient(strict_server, "k", verify=trusted))


def test_a_wrong_password_is_not_repeated(
    strict_server: str, authority: trustme.CA, trusted: Path, tmp_path: Path
) -> None:
    chain, locked, _ = own_certificates(authority, tmp_path)["with a password"]
    client = PerformanceClient(strict_server, "k", verify=trusted, cert=(chain, locked, "SECRET"))
    with pytest.raises(APIConnectionError) as caught:
        answers(client)
    assert "SECRET" not in str(caught.value) + repr(client) + repr(client.get_client_wrapper())


class UnixServer(QuietServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "unix", 0


def test_a_unix_socket(serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Environment proxies do not come in between, and the host of the URL is never looked up.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    place = tmp_path / "s"
    client = PerformanceClient("http://host.invalid", "k", uds=place)
    with pytest.raises(APIConnectionError):
        answers(client)
    serving(UnixServer(str(place), Answering))  # type: ignore[arg-type]
    assert client.batch_post("/x", [1, 2], ONCE).data == [None, None]


def test_the_time_to_connect_is_limited(server: Server) -> None:
    # A listening socket whose backlog is full takes no further connections.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        client = PerformanceClient(f"http://127.0.0.1:{full.getsockname()[1]}", "k", connect_timeout_s=0.2)
        try:
            with pytest.raises(requests.exceptions.Timeout) as caught:
                client.batch_post("/x", [1], ONCE)
        finally:
            for one in waiting:
                one.close()
    assert caught.value.filename == "local" and "connect" in str(caught.value)
