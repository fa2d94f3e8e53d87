"""A large result takes the pages that an earlier one left, so the kernel clears few new ones; also beside a fork."""

from __future__ import annotations

import resource

import numpy
from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(64)]
DIMENSIONS = 65536  # 16 MiB of rows
EXPECTED = embeddings(TEXTS, DIMENSIONS)


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")

        def embed(texts: list[str] = TEXTS) -> numpy.ndarray:
            return client.embed(texts, "m", "base64", DIMENSIONS, batch_size=2, max_concurrent_requests=4).numpy()

        def new_pages() -> int:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            found = embed()
            after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            assert numpy.array_equal(found, EXPECTED)
            return after - before

        def child() -> None:
            assert numpy.array_equal(embed(), EXPECTED)

        first = new_pages()
        assert first > 4096, first
        for _ in range(5):
            assert new_pages() < first / 2
        # Others come and go, up to more than is kept; some while their predecessors are still held.
        held = []
        for count in (10, 64, 33, 1, 48, 64, 20, 7, 64, 64, 64):
            held.append(embed(TEXTS[:count]))
            assert numpy.array_equal(held[-1], EXPECTED[:count])
            del held[:-2]
        expect_success(fork(child))
        for text, array in zip(("still", "right"), held, strict=True):
            assert numpy.array_equal(array, EXPECTED), text
        assert numpy.array_equal(embed(), EXPECTED)
    print("done")


main()
