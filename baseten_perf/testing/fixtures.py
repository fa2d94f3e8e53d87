"""The pytest fixture `performance_server`: a local server for the tests of programs that use baseten_perf.

Loaded at the start of every pytest run in an environment that has baseten_perf; `-p no:baseten_perf` leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import Server


@pytest.fixture(scope="session")
def _performance_servers() -> Iterator[list[Server]]:
    """The server of this run, once a test has asked for it."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def performance_server(_performance_servers: list[Server]) -> Server:
    """A server of embeddings, reranking, classification and echoes on 127.0.0.1; see baseten_perf.testing.Server.

    Its process serves all tests of a run; its counts, recorded requests and chosen vectors are the test's own.
    """
    if not _performance_servers or not _performance_servers[-1].running:
        _performance_servers.append(Server(record=True))
    server = _performance_servers[-1]
    server.reset()
    return server
