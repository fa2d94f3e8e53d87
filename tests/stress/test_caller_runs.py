"""Small blocking calls, which the caller's own thread carries while its loop has nothing else to do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

Eventually = Callable[..., None]


def switches() -> dict[str, int]:
    """How often each thread of this process gave up its core of its own will, by the number of the thread."""
    counts = {}
    for task in Path("/proc/self/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                counts[task.name] = int(line.split()[1])
    return counts


@pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux tells of threads")
def test_no_other_thread_takes_part(server: Server) -> None:
    others = set(switches())
    client = PerformanceClient(server.url, "key")
    client.batch_post("/any", [0])
    before = switches()
    (loop,) = set(before) - others
    for number in range(1000):
        assert client.batch_post("/any", [number]).data
    # The loop's thread looks up ten times a second; with a change of thread for each call there were a thousand.
    assert switches()[loop] - before[loop] < 500


# Answers at once, which a caller waits for without sleeping when it has seen some; every 300th comes late.
PROMPT_SERVER = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
number = 0
while request := connection.recv(65536):
    body = request.partition(b"\\r\\n\\r\\n")[2]
    number += 1
    if number % 300 == 0:
        time.sleep(0.005)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
"""


def test_answers_that_come_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", PROMPT_SERVER], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        client = PerformanceClient(f"http://127.0.0.1:{running.stdout.readline().strip()}", "key")
        try:
            for number in range(2000):
                assert client.batch_post("/any", [[number]]).data == [[number]]
        finally:
            running.kill()


def test_a_long_call_goes_over_to_the_loops_thread(server: Server, eventually: Eventually, poller: str) -> None:
    # Longer than the caller carries it in one go; meanwhile others use the same connections.
    client = PerformanceClient(server.url, "key")
    pool = client.get_client_wrapper()
    slow = PerformanceClient(server.faulty(latency=0.5), "key", client_wrapper=pool)
    with ThreadPoolExecutor(1) as threads:
        long = threads.submit(slow.batch_post, "/any", ["slow"])
        eventually(lambda: server.statistics().requests_active == 1)
        for number in range(50):
            assert client.batch_post("/any", [number]).data

        async def several() -> None:
            await asyncio.gather(*(client.async_batch_post("/any", [number]) for number in range(50)))

        asyncio.run(several())
        assert long.result().data


def test_the_caller_serves_other_calls_as_long_as_it_carries_its_own(
    server: Server, eventually: Eventually, poller: str
) -> None:
    client = PerformanceClient(server.url, "key")
    stalled = PerformanceClient(server.faulty(stall=True), "key", client_wrapper=client.get_client_wrapper())

    preference = RequestProcessingPreference(timeout_s=1.0, max_retries=0)

    def stall() -> None:
        with pytest.raises(requests.exceptions.Timeout):
            stalled.batch_post("/any", ["stalled"], preference=preference)

    threads = [threading.Thread(target=stall) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: server.statistics().requests_active == 8)
    for number in range(200):
        assert client.batch_post("/any", [number]).data
    for thread in threads:
        thread.join()


def test_calls_of_many_threads_share_one_pool(server: Server, poller: str) -> None:
    client = PerformanceClient(server.url, "key")
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: client.batch_post("/any", [number]).data, range(2000)))
    assert all(answers) and server.statistics().requests == 2000
    assert server.statistics().connections_opened <= 16


def test_blocking_and_asynchronous_calls_take_turns(server: Server, poller: str) -> None:
    client = PerformanceClient(server.url, "key")

    async def alternate() -> None:
        for number in range(100):
            assert client.batch_post("/any", [number]).data
            assert (await client.async_batch_post("/any", [number])).data

    asyncio.run(alternate())
    assert server.statistics().connections_opened == 1
