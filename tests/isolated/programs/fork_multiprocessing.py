"""multiprocessing with each start method: its processes build clients of their own, or use inherited ones."""

from __future__ import annotations

import multiprocessing
import os

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

inherited: PerformanceClient | None = None


def embed(job: tuple[str, int]) -> list[float]:
    url, number = job
    client = inherited or PerformanceClient(url, "key")
    response = client.embed([f"text {number}", "another"], "m", dimensions=4)
    return response.data[0].embedding


def main() -> None:
    global inherited
    with Server() as server:
        mine = PerformanceClient(server.url, "key")
        expected = [item.embedding for item in mine.embed([f"text {i}" for i in range(12)], "m", dimensions=4).data]
        jobs = [(server.url, i) for i in range(12)]
        for method in ("fork", "forkserver", "spawn"):
            inherited = mine if method == "fork" else None
            context = multiprocessing.get_context(method)
            with context.Pool(2) as pool:
                assert pool.map_async(embed, jobs, chunksize=2).get(40) == expected, method
            assert mine.embed(["text 0"], "m", dimensions=4).data[0].embedding == expected[0]
    print("done")


if __name__ == "__main__":
    os.environ["BASETEN_API_KEY"] = "key"
    main()
