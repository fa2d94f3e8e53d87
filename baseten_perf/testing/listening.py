"""The process of the test server: one event loop and one listening socket."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
import sys

import orjson

from .protocol import Connection
from .service import Service, Settings

BACKLOG = 4096
DESCRIPTORS = 1 << 20


def serve(settings: Settings) -> None:
    """Listen and answer until interrupted, or until standard input ends when the server is owned.

    Writes one line of JSON with `host` and `port` to standard output once it listens; later, for the owner, one for
    each question about vectors.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, wanted), most))
    asyncio.run(listen(settings))


async def listen(settings: Settings) -> None:
    """The server's life inside an event loop."""
    loop = asyncio.get_running_loop()
    service = Service(settings, say)
    context = None
    if settings.tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*settings.tls)
        context.set_alpn_protocols(["http/1.1"])
    server = await loop.create_server(
        lambda: Connection(service), settings.host, settings.port, backlog=BACKLOG, ssl=context
    )
    host, port = server.sockets[0].getsockname()[:2]
    say({"host": host, "port": port})
    ended = asyncio.Event()
    if settings.owned:
        owner = sys.stdin.fileno()
        loop.add_reader(owner, lambda: None if os.read(owner, 4096) else ended.set())
    await ended.wait()


def say(message: dict[str, object]) -> None:
    """Write one line of JSON to standard output."""
    sys.stdout.write(orjson.dumps(message).decode() + "\n")
    sys.stdout.flush()
