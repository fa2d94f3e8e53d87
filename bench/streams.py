"""What a stream costs beside the call of a list: iter_embed / embed and iter_batch_post / batch_post, same inputs.

Vectors are read where they lie, in both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).resolve().parent.parent))

from baseten_perf import PerformanceClient
from bench.server import chosen
from bench.usage import Clocks

_DIM = 1024
_BATCHES = (16, 128)  # the second is the default of both methods


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--server", choices=chosen.CHOICES, default="auto")
    arguments = parser.parse_args()
    server = chosen.start(arguments.server, [*map(_route, _BATCHES), "tiny"])
    try:
        pairs = _pairs(server.base_url, arguments.requests, arguments.concurrency)
        figures: dict[str, list[dict[str, float]]] = {name: [] for pair in pairs for name in pair}
        for run in range(arguments.runs + 1):
            for pair in pairs:
                for name, call in pair.items() if run % 2 else reversed(pair.items()):
                    clocks = Clocks()
                    answered = call()
                    used = clocks.read()
                    if run:  # the first opens the connections
                        figures[name].append({**used, "answered": answered})
    finally:
        server.stop()
    for pair in pairs:
        listed, streamed = (figures[name] for name in pair)
        ratios = {key: _median(streamed, key) / _median(listed, key) for key in ("wall_s", "cpu_s")}
        (answered,) = {run["answered"] for run in (*listed, *streamed)}  # both have answered alike, each time
        each = 1e6 * _median(listed, "cpu_s") / answered
        names = " / ".join(reversed(pair))
        print(f"{names:34} time {ratios['wall_s']:.2f}, CPU {ratios['cpu_s']:.2f} (of {each:.0f} us a request)")


def _median(runs: list[dict[str, float]], key: str) -> float:
    return median(run[key] for run in runs)


def _route(batch: int) -> str:
    return f"{batch}x{_DIM}"


def _pairs(base_url: str, requests: int, concurrency: int) -> list[dict[str, Callable[[], int]]]:
    """Calls that return how many requests were answered, the one of a list first."""
    pairs = [_embedding(f"{base_url}/{_route(batch)}", batch, requests, concurrency) for batch in _BATCHES]
    return [*pairs, _posting(f"{base_url}/tiny", requests, concurrency)]


def _embedding(url: str, batch: int, requests: int, concurrency: int) -> dict[str, Callable[[], int]]:
    client = PerformanceClient(url, "bench")
    requests = requests * _BATCHES[0] // batch
    texts = [f"text {number}" for number in range(requests * batch)]

    def embed() -> int:
        response = client.embed(texts, "m", batch_size=batch, max_concurrent_requests=concurrency)
        return len(response.numpy(copy=False)) // batch

    def iter_embed() -> int:
        batches = client.iter_embed(texts, "m", batch_size=batch, max_concurrent_requests=concurrency)
        return sum(len(each.numpy(copy=False)) for each in batches) // batch

    return {f"embed of {batch}": embed, f"iter_embed of {batch}": iter_embed}


def _posting(url: str, requests: int, concurrency: int) -> dict[str, Callable[[], int]]:
    client = PerformanceClient(url, "bench")
    payloads = [{"id": number, "text": "hello"} for number in range(requests)]

    def batch_post() -> int:
        return len(client.batch_post("/tiny", payloads, max_concurrent_requests=concurrency).data)

    def iter_batch_post() -> int:
        items = client.iter_batch_post("/tiny", payloads, max_concurrent_requests=concurrency)
        return sum(len(item.data) for item in items)

    return {"batch_post": batch_post, "iter_batch_post": iter_batch_post}


if __name__ == "__main__":
    main()
