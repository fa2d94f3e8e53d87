"""What a stream costs beside the call of a list: iter_embed / embed and iter_batch_post / batch_post, same inputs."""

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

_BATCH, _DIM = 16, 1024
_ROUTE = f"{_BATCH}x{_DIM}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--server", choices=chosen.CHOICES, default="auto")
    arguments = parser.parse_args()
    server = chosen.start(arguments.server, [_ROUTE, "tiny"])
    try:
        pairs = _pairs(server.base_url, arguments.requests, arguments.concurrency)
        figures: dict[str, list[dict[str, float]]] = {name: [] for pair in pairs for name in pair}
        for run in range(arguments.runs + 1):
            for pair in pairs:
                for name, call in pair.items() if run % 2 else reversed(pair.items()):
                    clocks = Clocks()
                    answered = call()
                    used = clocks.read()
                    if answered != arguments.requests:
                        raise SystemExit(f"{name}: {answered} answers of {arguments.requests}")
                    if run:  # the first opens the connections
                        figures[name].append(used)
    finally:
        server.stop()
    for pair in pairs:
        listed, streamed = (figures[name] for name in pair)
        ratios = {key: _median(streamed, key) / _median(listed, key) for key in ("wall_s", "cpu_s")}
        each = 1e6 * _median(listed, "cpu_s") / arguments.requests
        names = " / ".join(reversed(pair))
        print(f"{names:28} time {ratios['wall_s']:.2f}, CPU {ratios['cpu_s']:.2f} (of {each:.0f} us a request)")


def _median(runs: list[dict[str, float]], key: str) -> float:
    return median(run[key] for run in runs)


def _pairs(base_url: str, requests: int, concurrency: int) -> list[dict[str, Callable[[], int]]]:
    """Calls that return how many requests were answered, the one of a list first."""
    embedding = PerformanceClient(f"{base_url}/{_ROUTE}", "bench")
    posting = PerformanceClient(f"{base_url}/tiny", "bench")
    texts = [f"text {number}" for number in range(requests * _BATCH)]
    payloads = [{"id": number, "text": "hello"} for number in range(requests)]

    def embed() -> int:
        response = embedding.embed(texts, "m", batch_size=_BATCH, max_concurrent_requests=concurrency)
        return len(response.numpy()) // _BATCH

    def iter_embed() -> int:
        batches = embedding.iter_embed(texts, "m", batch_size=_BATCH, max_concurrent_requests=concurrency)
        return sum(len(batch.numpy()) for batch in batches) // _BATCH

    def batch_post() -> int:
        return len(posting.batch_post("/tiny", payloads, max_concurrent_requests=concurrency).data)

    def iter_batch_post() -> int:
        items = posting.iter_batch_post("/tiny", payloads, max_concurrent_requests=concurrency)
        return sum(len(item.data) for item in items)

    return [{"embed": embed, "iter_embed": iter_embed}, {"batch_post": batch_post, "iter_batch_post": iter_batch_post}]


if __name__ == "__main__":
    main()
