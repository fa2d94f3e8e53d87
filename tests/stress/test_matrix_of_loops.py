"""One matrix for several loops: whichever needs it first makes it, all rows are in it, losers are given back."""

from __future__ import annotations

import resource
import sys
import threading
from pathlib import Path

import numpy
import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {i}" for i in range(64)]
WIDE = 16384  # 4 MiB of rows: pages, and not malloc's
CALLS = 150


@pytest.fixture(params=["2", "4"])
def client(request: pytest.FixtureRequest, server: Server, monkeypatch: pytest.MonkeyPatch) -> PerformanceClient:
    """A client whose large calls are shared out among that many loops."""
    monkeypatch.setenv("BASETEN_PERF_LOOPS", request.param)
    return PerformanceClient(server.url, "k")


def mapped() -> int:
    """Bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@pytest.mark.usefixtures("poller")
def test_first_rows_arrive_everywhere_at_once(client: PerformanceClient) -> None:
    """All requests of a call are in flight together, so that in each call the loops race for its matrix."""
    expected = embeddings(TEXTS, 8)
    for _ in range(CALLS):
        found = client.embed(TEXTS, "m", "base64", 8, batch_size=1, max_concurrent_requests=64).numpy()
        assert numpy.array_equal(found, expected)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_what_loses_the_race_is_given_back(client: PerformanceClient) -> None:
    expected = embeddings(TEXTS, WIDE)
    before = 0
    for call in range(40):
        found = client.embed(TEXTS, "m", "base64", WIDE, batch_size=2, max_concurrent_requests=32).numpy()
        assert numpy.array_equal(found, expected)
        del found
        before = before or (call >= 4) * mapped()
    assert mapped() - before < 64 * 1024 * 1024


def test_a_matrix_is_read_while_it_is_copied(client: PerformanceClient) -> None:
    """Copies of large matrices leave the GIL to others, who may read, copy and export the same one meanwhile."""
    response = client.embed(TEXTS, "m", "base64", WIDE, batch_size=8)
    matrix, expected = response._rows._matrix, embeddings(TEXTS, WIDE)
    wrong: list[str] = []

    def read(kind: int) -> None:
        for turn in range(30):
            row = (turn * 7 + kind) % len(TEXTS)
            if kind == 0:
                seen = numpy.asarray(matrix.copy())[row]
            elif kind == 1:
                seen = numpy.asarray(matrix)[row].copy()
            else:
                seen = numpy.array(matrix.row(row), dtype=numpy.float32)
            if not numpy.array_equal(seen, expected[row]):
                wrong.append(f"reader {kind}, turn {turn}")

    readers = [threading.Thread(target=read, args=(kind % 3,)) for kind in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert wrong == []
