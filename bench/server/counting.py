"""A server of embeddings that takes any number of requests at a time and counts them, as a program of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bench.server.connection import Connection, Program, listening, run, until_owner_ends
from bench.server.numbered import embeddings

DIM = 384
LATENCY_S = 0.05


class Counts:
    """Requests that have come; how many were in flight at most, and for how many seconds in all."""

    def __init__(self) -> None:
        self.requests = self.in_flight = self.most = 0
        self.flight_s = 0.0

    def arrived(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)

    def answered(self, seconds: float) -> None:
        self.in_flight -= 1
        self.flight_s += seconds


class Visit(Connection):
    """One connection."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self.counts = counts

    def arrived(self, head: bytes, body: bytes) -> None:
        self.counts.arrived()
        loop = asyncio.get_running_loop()
        loop.call_later(LATENCY_S, self._answer, loop.time(), body)

    def _answer(self, since: float, body: bytes) -> None:
        if not self.transport.is_closing():
            self.write(200, b"", embeddings(json.loads(body), DIM))
        self.counts.answered(asyncio.get_running_loop().time() - since)


class Counting(Program):
    """Such a server, until end()."""

    def __init__(self) -> None:
        super().__init__("bench.server.counting", None)

    def end(self) -> dict[str, Any]:
        """Ends the server; the "requests", "most" in flight, and their "flight_s" in all."""
        counts: dict[str, Any] = super().end()
        return counts


async def _serve() -> None:
    counts, listener = Counts(), listening(0)
    await asyncio.get_running_loop().create_server(lambda: Visit(counts), sock=listener)
    print(json.dumps([listener.getsockname()[1]]), flush=True)
    await until_owner_ends()
    print(json.dumps({"requests": counts.requests, "most": counts.most, "flight_s": counts.flight_s}), flush=True)


if __name__ == "__main__":
    run(_serve())
