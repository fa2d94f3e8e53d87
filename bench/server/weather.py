"""Servers under pressure, as a program of its own: each behaves in its way on its port, and counts what it does.

It answers `{"id": n}` with `{"id": n}`, so a client can check that each answer belongs to its request.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.server.behaviours import NEVER, Healthy, Outage, behaviour
from bench.server.connection import Connection, Program, listening, run, until_owner_ends

# A refusal is known to its connection at once, and to the whole client so many seconds later.
_KNOWN_AFTER_S = 0.02


class Port:
    """One server: its listener, its connections, its counts."""

    def __init__(self, how: Healthy, clock: Clock) -> None:
        self.how, self.clock = how, clock
        self.listener = listening(0)
        self.number: int = self.listener.getsockname()[1]
        self.connections: set[Visit] = set()
        self.attempts: Counter[int] = Counter()
        self.answered: set[int] = set()
        self.accepted = self.refused = self.refused_late = self.failed = self.probes = self.flying = self.peak = 0
        self.first_refusal = NEVER
        self.refused_connects = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Visit(self), sock=self.listener)

    def close(self, outage: Outage) -> None:
        """The listener first, so that nobody comes in; the connections as the mode says."""
        self.refused_connects = -_failed_connects()
        self.server.close()
        for connection in list(self.connections):
            connection.leave(at_once=outage.mode == "restart")

    def reopen(self) -> None:
        self.refused_connects += _failed_connects()
        self.probes += self.refused_connects
        self.listener = listening(self.number)
        self.clock.keep(self.open())

    def counts(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted, "refused": self.refused, "refused_late": self.refused_late,
            "failed": self.failed, "probes": self.probes, "peak": self.peak, "answered": sorted(self.answered),
        }


class Clock:
    """Starts with the first request, and closes and opens the ports when their outages say so."""

    def __init__(self) -> None:
        self.ports: list[Port] = []
        self.start: float | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        loop = asyncio.get_running_loop()
        if self.start is None:
            self.start = loop.time()
            for port in self.ports:
                if isinstance(port.how, Outage) and port.how.closes:
                    loop.call_later(port.how.start, port.close, port.how)
                    loop.call_later(port.how.start + port.how.length, port.reopen)
        return loop.time() - self.start

    def keep(self, coroutine: Any) -> None:
        """A task is only weakly known to its loop."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Visit(Connection):
    """One connection to a port."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        self.port = port
        self.flying = 0
        self.refused = self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.port.connections.add(self)

    def connection_lost(self, exception: Exception | None) -> None:
        self.port.connections.discard(self)
        self.port.flying -= self.flying
        self.flying = 0

    def leave(self, *, at_once: bool) -> None:
        if at_once:
            self.transport.abort()
        elif self.flying:
            self.leaving = True
        else:
            self.transport.close()

    def arrived(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET "):  # a health probe is no request of the condition
            self.write(200, b"", b"{}")
            return
        request = int(json.loads(body)["id"])
        port = self.port
        now = port.clock.now()
        attempt = port.attempts[request]
        port.attempts[request] += 1
        port.flying += 1
        self.flying += 1
        port.peak = max(port.peak, port.flying)
        port.probes += isinstance(port.how, Outage) and port.how.on(now)
        reply = port.how.arrive(now, request, attempt)
        if reply.status == 200:
            port.accepted += 1
        elif reply.status in (429, 503):
            port.refused += 1
            port.refused_late += self.refused or now > port.first_refusal + _KNOWN_AFTER_S
            port.first_refusal = min(port.first_refusal, now)
            self.refused = True
        else:
            port.failed += 1
        if reply.delay == 0:
            self._answer(request, reply.status, reply.header)
        elif reply.delay < NEVER:
            asyncio.get_running_loop().call_later(reply.delay, self._answer, request, reply.status, reply.header)

    def _answer(self, request: int, status: int, header: bytes) -> None:
        if self.transport.is_closing():
            return
        self.port.flying -= 1
        self.flying -= 1
        if status == 200:
            self.port.answered.add(request)
        leaving = b"connection: close\r\n" if self.leaving else b""
        self.write(status, header + leaving, b'{"id":%d}' % request)
        if self.leaving and not self.flying:
            self.transport.close()


class Weather(Program):
    """These servers, until end()."""

    def __init__(self, descriptions: Sequence[dict[str, Any]]) -> None:
        super().__init__("bench.server.weather", descriptions)

    def end(self) -> list[dict[str, Any]]:
        """Ends the servers; what each of them counted."""
        counts: list[dict[str, Any]] = super().end()
        return counts


def _failed_connects() -> int:
    """Connects that failed so far on this machine, which nobody else can count for a closed port (Linux; else 0)."""
    table = Path("/proc/net/snmp")
    if not table.exists():
        return 0
    names, values = (line.split() for line in table.read_text().splitlines() if line.startswith("Tcp:"))
    return int(dict(zip(names, values, strict=True))["AttemptFails"])


async def _serve(descriptions: list[dict[str, Any]]) -> None:
    clock = Clock()
    clock.ports = [Port(behaviour(description), clock) for description in descriptions]
    for port in clock.ports:
        await port.open()
    print(json.dumps([port.number for port in clock.ports]), flush=True)
    await until_owner_ends()
    print(json.dumps([port.counts() for port in clock.ports]), flush=True)


if __name__ == "__main__":
    run(_serve(json.loads(sys.argv[1])))
