"""Calls that only the garbage collector lets go of, while their bodies are being sent."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.engine._engine import OperationHandle
from baseten_perf.testing import Server


@pytest.fixture
def running(server: Server) -> Iterator[OperationHandle]:
    """The handle of a call whose requests are in flight."""
    client = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=HttpClientWrapper())
    before = {id(each) for each in gc.get_objects() if isinstance(each, OperationHandle)}

    def call() -> None:
        with pytest.raises(Exception, match="cancelled"):
            client.batch_post("/echo", [{"a": "b" * 1000}] * 8)

    thread = threading.Thread(target=call)
    thread.start()
    handles: list[OperationHandle] = []
    while not handles:
        handles = [
            each for each in gc.get_objects()
            if isinstance(each, OperationHandle) and id(each) not in before and each.started == 8
        ]  # fmt: skip
    yield handles[0]
    client.close()
    thread.join()


def test_the_collector_clears_no_body_that_is_being_sent(running: OperationHandle) -> None:
    """It clears the lists that it tracks, wherever they lie; those that it does not track die with their owner."""
    bodies = [each for each in gc.get_referents(running) if type(each) is list]
    assert len(bodies) == 1 and len(bodies[0]) == 8
    assert not gc.is_tracked(bodies[0])
