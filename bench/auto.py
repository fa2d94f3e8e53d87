"""max_concurrent_requests="auto" beside fixed numbers, at local servers that work on 4, 32 and 200 requests at a time.

For each server: answers a second and mean latency with every fixed number from 4 to 1024, the first call with "auto" at
an endpoint that nothing is known of, and the second. Ratios: throughput over the best fixed number's; latency over that
of the knee, the smallest fixed number within 10 % of the best. The rounds are interleaved, and medians are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import uuid
from collections import deque
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from baseten_perf import PerformanceClient
from bench.child import raise_descriptor_limit
from bench.server.pure_python import CannedProtocol, responses

# Workers of a server, and the seconds that one of them spends on a request: 2 000 answers a second at most.
SERVERS = {4: 0.010, 32: 0.040, 200: 0.100}
FIXED = [4, 8, 16, 32, 64, 128, 256, 512, 1024]
FIRST, SECOND = "auto, first call", "auto, second call"
_PATH = "/tiny/tiny"


class Workers:
    """So many at work at a time; the others wait in the order in which they came."""

    def __init__(self, workers: int, service_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.free = workers
        self.service_s = service_s
        self.waiting: deque[tuple[WorkedProtocol, bytes]] = deque()

    def take(self, protocol: WorkedProtocol, answer: bytes) -> None:
        self.waiting.append((protocol, answer))
        self._begin()

    def _begin(self) -> None:
        while self.free and self.waiting:
            self.free -= 1
            self.loop.call_later(self.service_s, self._end, *self.waiting.popleft())

    def _end(self, protocol: WorkedProtocol, answer: bytes) -> None:
        self.free += 1
        if not protocol.transport.is_closing():
            protocol.transport.write(answer)
        self._begin()


class WorkedProtocol(CannedProtocol):
    """One connection whose requests wait for a worker."""

    def __init__(self, answers: dict[bytes, bytes], workers: Workers) -> None:
        super().__init__(answers)
        self.workers = workers

    def respond(self, answer: bytes) -> None:
        self.workers.take(self, answer)


def serve(workers: int, service_s: float, tell: Any) -> None:
    """The server's process: tells its port, and runs until it is terminated."""

    async def main() -> None:
        answers, of_all = responses([]), Workers(workers, service_s)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: WorkedProtocol(answers, of_all), "127.0.0.1", 0, backlog=2048)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def measured(url: str, key: str, requests: int, concurrency: Any) -> tuple[float, float]:
    """Answers a second, and mean seconds of a request."""
    with PerformanceClient(url, key) as client:
        response = client.batch_post(_PATH, [0] * requests, max_concurrent_requests=concurrency)
    return requests / response.total_time, statistics.fmean(response.individual_request_times)


def round_of(url: str, requests: int) -> dict[Any, tuple[float, float]]:
    found: dict[Any, tuple[float, float]] = {each: measured(url, "fixed", requests, each) for each in FIXED}
    key = uuid.uuid4().hex
    found[FIRST] = measured(url, key, requests, "auto")
    found[SECOND] = measured(url, key, requests, "auto")
    return found


def table(workers: int, rounds: list[dict[Any, tuple[float, float]]]) -> str:
    medians = {name: [statistics.median(each[name][i] for each in rounds) for i in (0, 1)] for name in rounds[0]}
    best = max(medians[each][0] for each in FIXED)
    knee = next(each for each in FIXED if medians[each][0] >= 0.9 * best)
    lines = [
        f"{workers} workers: knee at {knee}",
        "|at once|answers/s|of the best|ms|of the knee's|",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (throughput, latency) in medians.items():
        lines.append(
            f"|{name}|{throughput:.0f}|{throughput / best:.2f}|{1000 * latency:.1f}|{latency / medians[knee][1]:.2f}|"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="over everything (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of work for the server in each call (3)")
    arguments = parser.parse_args()
    raise_descriptor_limit()
    spawning = multiprocessing.get_context("spawn")
    for workers, service_s in SERVERS.items():
        hear, tell = spawning.Pipe()
        process = spawning.Process(target=serve, args=(workers, service_s, tell), daemon=True)
        process.start()
        tell.close()
        url = f"http://127.0.0.1:{hear.recv()}"
        requests = int(arguments.seconds * workers / service_s)
        print(table(workers, [round_of(url, requests) for _ in range(arguments.rounds)]), flush=True)
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
