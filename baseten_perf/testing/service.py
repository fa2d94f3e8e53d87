"""The process of the test server: one event loop, one listening socket, the state that all connections share."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import os
import resource
import ssl
import sys

import orjson

from . import routes
from .embeddings import DIMENSION
from .faults import Faults, Occurrences
from .reply import Reply, error_reply, json_reply
from .request import Request
from .statistics import Tally

BACKLOG = 4096
RECEIVED_AT_ONCE = 1 << 18
DESCRIPTORS = 1 << 20

parse_faults = functools.lru_cache(maxsize=1024)(Faults.parse)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a server is started."""

    host: str = "127.0.0.1"
    port: int = 0  #: 0 = any free one
    dimension: int = DIMENSION
    record: bool = False
    faults: Faults = dataclasses.field(default_factory=Faults)  #: for requests that no prefix decides upon
    tls: tuple[str, str] | None = None  #: files of the certificate chain and of its key
    owned: bool = False  #: end when standard input ends


class Service:
    """What the connections of a server share."""

    def __init__(self, settings: Settings) -> None:
        self.receiving = memoryview(bytearray(RECEIVED_AT_ONCE))
        self.tally = Tally(record=settings.record)
        self._dimension = settings.dimension
        self._faults_for_all = (settings.faults,) if settings.faults != Faults() else ()
        self._occurrences = Occurrences()

    def faults_for(self, request: Request) -> Faults | None:
        """The faults to play for a request, if any; ValueError when its prefix cannot be read."""
        if not request.ordered and not self._faults_for_all:
            return None
        ordered = tuple(parse_faults(text) for text in request.ordered)
        return self._occurrences.choose(ordered + self._faults_for_all, request)

    def answer(self, request: Request) -> Reply:
        """The reply to a request, faults aside."""
        return routes.answer(request, self._dimension)

    def control(self, request: Request) -> Reply:
        """The reply to a request about the server itself."""
        if request.path == "/_statistics":
            return json_reply(dataclasses.asdict(self.tally.snapshot()))
        if request.path == "/_requests":
            return json_reply([recorded.as_json() for recorded in self.tally.recorded])
        if request.path == "/_reset":
            self.tally.reset()
            self._occurrences = Occurrences()
            return json_reply(None)
        return error_reply(404, "control paths are /_statistics, /_requests and /_reset")


def serve(settings: Settings) -> None:
    """Listen and answer until interrupted, or until standard input ends when the server is owned.

    Writes one line of JSON with `host` and `port` to standard output once it listens.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, wanted), most))
    asyncio.run(listen(settings))


async def listen(settings: Settings) -> None:
    """The server's life inside an event loop."""
    from .protocol import Connection

    loop = asyncio.get_running_loop()
    service = Service(settings)
    context = None
    if settings.tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*settings.tls)
        context.set_alpn_protocols(["http/1.1"])
    server = await loop.create_server(
        lambda: Connection(service), settings.host, settings.port, backlog=BACKLOG, ssl=context
    )
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(orjson.dumps({"host": host, "port": port}).decode() + "\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    if settings.owned:
        owner = sys.stdin.fileno()
        loop.add_reader(owner, lambda: None if os.read(owner, 4096) else ended.set())
    await ended.wait()
