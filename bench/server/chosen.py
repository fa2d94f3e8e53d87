"""The server of a benchmark that asks for speed: nginx when it is there or demanded, else the asyncio program."""

from __future__ import annotations

from collections.abc import Iterable

from bench.server import nginx, pure_python
from bench.server.running import RunningServer

CHOICES = ("auto", "nginx", "python")


def start(choice: str, routes: Iterable[str], *, tls: bool = False) -> RunningServer:
    """Starts the server of this choice with the answers of these routes; over TLS too, if it can."""
    distinct = dict.fromkeys(routes)
    if choice == "nginx" or (choice == "auto" and nginx.available()):
        return nginx.start(distinct, tls=tls)
    return pure_python.start(distinct)
