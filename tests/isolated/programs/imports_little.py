"""Importing baseten_perf loads what a first call needs and little else, and starts no thread.

Modules are counted, since time cannot be: each costs a look into every folder of sys.path, a file, and its execution.
"""

from __future__ import annotations

import os
import sys

# They take long to load, and are for those who need them.
HEAVY = {
    "asyncio", "certifi", "dataclasses", "inspect", "ipaddress", "json", "logging", "numpy", "orjson", "pycurl",
    "requests", "threading", "tqdm", "urllib.parse", "urllib3",
}  # fmt: skip
if sys.version_info >= (3, 12):
    HEAVY.remove("inspect")  # it alone can mark coroutine functions
BODY = b'{"data":[{"embedding":[1.0,2.0]}]}'


def modules() -> set[str]:
    return {name for name in sys.modules if name.partition(".")[0] == "baseten_perf"}


def served() -> int:
    """The port of a server in a child: with one here, its modules would be loaded."""
    port, told = os.pipe()
    if os.fork():
        return int(os.read(port, 16))
    from socketserver import StreamRequestHandler, TCPServer

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            for line in iter(self.rfile.readline, b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
                if line == b"\r\n":
                    self.rfile.read(length)
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY))

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        os.write(told, str(server.server_address[1]).encode())
        server.timeout = 20.0  # should the parent fail before
        server.handle_request()
    os._exit(0)


before = set(sys.modules)
port = served()

import baseten_perf  # noqa: E402

assert HEAVY & (set(sys.modules) - before) == set()
assert len(modules()) <= 58, sorted(modules())
assert len(set(sys.modules) - before) <= 120, sorted(set(sys.modules) - before)
try:
    raise baseten_perf.InvalidResponse("one")
except baseten_perf.RequestFailed as error:
    assert error.partial == [] and error.batch_index is None
assert issubclass(baseten_perf.OperationCancelled, baseten_perf.RequestFailed)

client = baseten_perf.PerformanceClient(f"http://127.0.0.1:{port}", "key")
assert len(os.listdir("/proc/self/task")) == 1
with client:
    assert client.batch_post("/v1/embeddings", ["a"]).data[0]["data"]
    of_a_post = modules()
    assert len(of_a_post) <= 70, sorted(of_a_post)
    assert HEAVY & (set(sys.modules) - before) == {"json"}
    assert client.embed(["a"], "m").usage.total_tokens == 0
    of_an_embed = modules() - of_a_post
    assert len(of_an_embed) <= 16, sorted(of_an_embed)
    assert HEAVY & (set(sys.modules) - before) == {"json"}
    client.batch_post("/v1/embeddings", ["a"] * 8, max_concurrent_requests=1)
    assert "orjson" in sys.modules  # now there is more to read than a few answers
for name in ("asyncio", "logging", "numpy", "pycurl", "requests", "urllib.parse"):
    assert name not in sys.modules, name

assert sorted(name for name in baseten_perf.__all__ if name not in dir(baseten_perf)) == []
assert sorted(name for name in baseten_perf.__all__ if not hasattr(baseten_perf, name)) == []
assert "requests" in sys.modules  # now: the error classes have been asked for
assert "numpy" not in sys.modules
assert baseten_perf.Stream is baseten_perf.execution.stream.Stream  # type: ignore[attr-defined]
try:
    baseten_perf.nothing_of_this_name  # type: ignore[attr-defined]  # noqa: B018
except AttributeError as error:
    assert str(error) == "module 'baseten_perf' has no attribute 'nothing_of_this_name'"
print("done")
