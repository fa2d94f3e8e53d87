"""Parts of an answer outlive the answer, the client and each other, in any order of dropping."""

from __future__ import annotations

import gc
import itertools

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(10)]


def parts(client: PerformanceClient) -> dict[str, object]:
    response = client.embed(TEXTS, "m", dimensions=32, batch_size=3)
    matrix = response._rows._matrix
    return {
        "client": client,
        "response": response,
        "array": response.numpy(),
        "matrix": matrix,
        "view": numpy.asarray(matrix),
        "item": response.data[4],
        "memory": memoryview(matrix),
    }


def check(kept: dict[str, object], expected: numpy.ndarray) -> None:
    for name in ("array", "view"):
        if name in kept:
            assert numpy.array_equal(kept[name], expected)
    if "item" in kept:
        assert kept["item"].embedding == expected[4].tolist()
    if "matrix" in kept:
        assert kept["matrix"].row(9) == expected[9].tolist()
    if "memory" in kept:
        assert kept["memory"].tobytes() == expected.tobytes()
    if "response" in kept:
        assert numpy.array_equal(kept["response"].numpy(), expected)


def main() -> None:
    expected = embeddings(TEXTS, 32)
    with Server() as server:
        names = ["client", "response", "array", "matrix", "view", "item", "memory"]
        for order in itertools.islice(itertools.permutations(names), 0, 5040, 23):
            kept = parts(PerformanceClient(server.url, "key") if order[0] != "client" else shared(server.url))
            for name in order:
                del kept[name]
                check(kept, expected)
        gc.collect()
    print("done")


clients: dict[str, PerformanceClient] = {}


def shared(url: str) -> PerformanceClient:
    return clients.setdefault(url, PerformanceClient(url, "key"))


main()
