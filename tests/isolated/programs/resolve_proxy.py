"""Which names are looked up on the way through a proxy: the proxy's, and the server's only where its client must."""

from __future__ import annotations

import contextlib
import os
import socketserver
import threading
from collections.abc import Iterator

from shared import names

names.begin()

from baseten_perf import PerformanceClient, RequestProcessingPreference  # noqa: E402

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\ntrue"
MANY = RequestProcessingPreference(max_concurrent_requests=64, max_retries=0)


class Proxy(socketserver.StreamRequestHandler):
    """An HTTP, SOCKS4(a) and SOCKS5(h) proxy that answers for every server."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            first = self.rfile.peek(1)[:1]
            if first == b"\x04":
                self.socks4()
            elif first == b"\x05":
                self.socks5()
            while self.rfile.readline(65536):
                self.serve()

    def serve(self) -> None:
        size = 0
        while (line := self.rfile.readline(65536)) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        self.rfile.read(size)
        self.wfile.write(RESPONSE)

    def socks4(self) -> None:
        head = self.rfile.read(8)
        self.until_zero()
        if head[4:7] == b"\0\0\0":
            self.until_zero()
        self.wfile.write(b"\0\x5a" + head[2:8])

    def until_zero(self) -> None:
        while self.rfile.read(1) != b"\0":
            pass

    def socks5(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(b"\x05\0")
        kind = self.rfile.read(4)[3]
        self.rfile.read({1: 4, 4: 16}.get(kind) or self.rfile.read(1)[0])
        self.rfile.read(2)
        self.wfile.write(b"\x05\0\0\x01\x7f\0\0\x01\0\x50")


@contextlib.contextmanager
def proxy() -> Iterator[int]:
    class Listening(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 256

    with Listening(("127.0.0.1", 0), Proxy) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


def known(name: str) -> None:
    names.answer(name, names.A, "127.0.0.1")
    names.deny(name, names.AAAA)


with proxy() as port:
    for scheme, looks_up in [
        ("http", False), ("socks4", True), ("socks4a", False), ("socks5", True), ("socks5h", False),
    ]:  # fmt: skip
        known(f"{scheme}-proxy.test")
        known(f"{scheme}-server.test")
        user = "user:pass@" if scheme == "http" else ""
        proxied = f"{scheme}://{user}{scheme}-proxy.test:{port}"
        client = PerformanceClient(f"http://{scheme}-server.test:8080", "key", proxy=proxied)
        for _ in range(2):
            assert client.batch_post("/x", [1] * 100, MANY).data == [True] * 100
        names.expect_asked(f"{scheme}-proxy.test", 1)
        names.expect_asked(f"{scheme}-server.test", 1 if looks_up else 0)

    # The proxy's address alone is known already.
    known("numbered.test")
    client = PerformanceClient("http://numbered.test:8080", "key", proxy=f"socks5://127.0.0.1:{port}")
    assert client.batch_post("/x", [1] * 100, MANY).data == [True] * 100
    names.expect_asked("numbered.test", 1)

    # What no_proxy names is asked directly; and the server here takes that as well.
    os.environ.update({"http_proxy": f"http://unused.test:{port}", "no_proxy": "elsewhere, .exempt.test"})
    known("a.exempt.test")
    client = PerformanceClient(f"http://a.exempt.test:{port}", "key")
    assert client.batch_post("/x", [1] * 100, MANY).data == [True] * 100
    names.expect_asked("a.exempt.test", 1)
    names.expect_asked("unused.test", 0)
print("done")
