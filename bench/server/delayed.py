"""The canned server with latency: replicas behind one port, each answer leaves some time after its request has come.

The replicas are processes that listen on the same port (SO_REUSEPORT), so the kernel spreads connections over them as a
load balancer would. A replica answers any number of requests at the same time, as a model server with continuous
batching does below its limit; latencies are spread evenly over a range, the same sequence in every run.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.server.pure_python import CannedProtocol, responses
from bench.server.running import RunningServer

REPLICAS = 4
_LOOP = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds between a request and its answer, from `low` to `high`."""

    low: float
    high: float

    def floor_s(self, requests: int, concurrency: int) -> float:
        """Seconds that the requests take with so many in flight and a client and a wire that cost nothing.

        That is the mean latency for each wave, but at least the longest latency that is to be expected of one wave.
        """
        wave = min(requests, concurrency)
        longest = self.low + (self.high - self.low) * wave / (wave + 1)
        return max(longest, requests / concurrency * (self.low + self.high) / 2)


# A batch of 128 short texts takes an embedding model on a current accelerator some tens of milliseconds, a round trip
# to another data centre as long again.
REALISTIC = Latency(0.050, 0.100)


class DelayedProtocol(CannedProtocol):
    """One connection whose answers wait."""

    def __init__(self, answers: dict[bytes, bytes], latency: Latency, chance: random.Random) -> None:
        super().__init__(answers)
        self.latency = latency
        self.chance = chance
        self.loop = asyncio.get_running_loop()

    def respond(self, answer: bytes) -> None:
        self.loop.call_later(self.chance.uniform(self.latency.low, self.latency.high), self._write, answer)

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


def start(routes: Iterable[str], latency: Latency = REALISTIC) -> RunningServer:
    """Starts this file as a program of its own; its replicas end with it."""
    bounds = [str(latency.low), str(latency.high)]
    command = [sys.executable, "-m", "bench.server.delayed", *bounds, *dict.fromkeys(routes)]
    process = subprocess.Popen(
        command, cwd=Path(__file__).resolve().parents[2], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    if not port:
        raise RuntimeError(f"the server with latency ended with code {process.wait()}")
    title = (
        f"{REPLICAS} replicas in Python ({_LOOP}), each answer {latency.low * 1e3:.0f} to {latency.high * 1e3:.0f} ms "
        f"after its request"
    )
    return RunningServer(title, f"http://127.0.0.1:{port}", process, Path(tempfile.mkdtemp(prefix="bench-delayed-")))


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    return listener


async def _serve(listener: socket.socket, answers: dict[bytes, bytes], latency: Latency, seed: int) -> None:
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: DelayedProtocol(answers, latency, chance), sock=listener)
    await server.serve_forever()


def main() -> None:
    """Arguments: lowest and highest latency in seconds, routes. Prints the port when every replica listens."""
    latency = Latency(float(sys.argv[1]), float(sys.argv[2]))
    answers = responses(sys.argv[3:])
    if _LOOP == "uvloop":
        asyncio.set_event_loop_policy(importlib.import_module("uvloop").EventLoopPolicy())
    listeners = [_listening(0)]
    port = listeners[0].getsockname()[1]
    listeners += [_listening(port) for _ in range(REPLICAS - 1)]
    replicas = []
    for seed, listener in enumerate(listeners):
        replica = os.fork()
        if not replica:
            asyncio.run(_serve(listener, answers, latency, seed))
            os._exit(0)
        replicas.append(replica)
    for listener in listeners:
        listener.close()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print(port, flush=True)
    try:
        signal.pause()
    finally:
        for replica in replicas:
            os.kill(replica, signal.SIGTERM)


if __name__ == "__main__":
    main()
