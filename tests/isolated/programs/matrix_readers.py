"""A very large matrix, whose rows rest in a file in memory between two copies, is read and copied by many threads."""

from __future__ import annotations

import threading

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i % 64}" for i in range(4160)]
DIMENSIONS = 16384  # 260 MiB of rows
EXPECTED = embeddings(TEXTS[:64], DIMENSIONS)
TURNS = 100


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        response = client.embed(TEXTS, "m", "base64", DIMENSIONS, batch_size=64, max_concurrent_requests=4)
        del client
    matrix = response._rows._matrix
    wrong: list[str] = []

    def read(kind: int) -> None:
        for turn in range(TURNS):
            row = (turn * 613 + kind) % len(TEXTS)
            if kind == 0:
                seen = numpy.asarray(matrix.copy())[row]
            elif kind == 1:
                seen = numpy.asarray(matrix)[row].copy()
            elif kind == 2:
                seen = numpy.array(matrix.row(row), dtype=numpy.float32)
            else:
                seen = response.numpy()[row]
            if not numpy.array_equal(seen, EXPECTED[row % 64]):
                wrong.append(f"reader {kind}, turn {turn}")

    readers = [threading.Thread(target=read, args=(kind % 4,)) for kind in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert wrong == []


main()
print("done")
