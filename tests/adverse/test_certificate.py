"""TLS: certificates are checked by default, against the file that the environment names."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import requests
import trustme

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

Hasty = Callable[..., RequestProcessingPreference]
pytestmark = [pytest.mark.usefixtures("poller"), pytest.mark.timeout(60)]


def served(authority: trustme.CA, folder: Path, name: str) -> Server:
    certificate = authority.issue_cert(name)
    chain, key = folder / "chain.pem", folder / "key.pem"
    for position, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(str(chain), append=position > 0)
    certificate.private_key_pem.write_to_path(str(key))
    return Server(tls=(chain, key), record=True)


@pytest.fixture(scope="module")
def tls_server(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(authority, tmp_path_factory.mktemp("server"), "127.0.0.1") as server:
        yield server


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_trusted_certificate(
    tls_server: Server, trusted: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(trusted))
    tls_server.reset()
    texts = [f"text {i}" for i in range(200)]
    client = PerformanceClient(tls_server.url, "k")
    response = client.embed(texts, "m", batch_size=10, max_concurrent_requests=4)
    assert numpy.array_equal(response.numpy(), embeddings(texts))
    assert client.batch_post("/x", ["a" * 500_000]).data == ["a" * 500_000]
    assert tls_server.statistics().connections_opened <= 5


def test_an_untrusted_certificate_is_refused_and_not_retried(tls_server: Server) -> None:
    tls_server.reset()
    with pytest.raises(APIConnectionError) as caught:
        PerformanceClient(tls_server.url, "k").batch_post("/x", [1])
    assert caught.value.attempts == 1  # type: ignore[attr-defined]
    assert "certificate" in str(caught.value).lower()
    assert tls_server.statistics().requests == 0


def test_a_certificate_of_another_name(
    authority: trustme.CA, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with served(authority, tmp_path, "elsewhere.example") as server:
        with pytest.raises(APIConnectionError) as caught:
            PerformanceClient(server.url, "k").batch_post("/x", [1])
        assert caught.value.attempts == 1  # type: ignore[attr-defined]
        assert server.statistics().requests == 0


def test_a_certificate_file_that_does_not_exist(tls_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/authority.pem")
    with pytest.raises(ValueError):
        PerformanceClient(tls_server.url, "k").batch_post("/x", [1])


def test_https_to_a_port_of_clear_text(listener: Any, hasty: Hasty) -> None:
    def script(connection: Any) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    url = listener(script).url.replace("http:", "https:")
    with pytest.raises(APIConnectionError):
        PerformanceClient(url, "k").batch_post("/x", [1], hasty(max_retries=0))


def test_a_handshake_that_never_ends(server: Server, hasty: Hasty) -> None:
    # The server waits for the end of what it takes for a request's head.
    url = server.url.replace("http:", "https:")
    with pytest.raises(requests.exceptions.Timeout) as caught:
        PerformanceClient(url, "k").batch_post("/x", [1], hasty(max_retries=0, timeout_s=0.3))
    assert caught.value.filename == "local"


def test_clear_text_to_a_port_of_https(tls_server: Server, hasty: Hasty) -> None:
    url = tls_server.url.replace("https:", "http:")
    with pytest.raises(APIConnectionError):
        PerformanceClient(url, "k").batch_post("/x", [1], hasty(max_retries=0))


def test_a_handshake_that_is_cut(listener: Any, hasty: Hasty) -> None:
    def script(connection: Any) -> None:
        connection.recv(100)

    url = listener(script).url.replace("http:", "https:")
    with pytest.raises(APIConnectionError):
        PerformanceClient(url, "k").batch_post("/x", [1], hasty(max_retries=0))


def test_an_old_protocol_is_refused(listener: Any, authority: trustme.CA, trusted: Path, hasty: Hasty,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    def script(connection: Any) -> None:
        context.wrap_socket(connection, server_side=True)

    url = listener(script).url.replace("http:", "https:")
    with pytest.raises(APIConnectionError):
        PerformanceClient(url, "k").batch_post("/x", [1], hasty(max_retries=0))
