"""Closing on one side of a fork leaves the other side alone; each side has one engine for clients of equal settings."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import OperationCancelled, PerformanceClient
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        stalled = PerformanceClient(server.faulty(stall=True), "key")
        client.batch_post("/same", [1])

        def closes() -> None:
            """What the parent has in flight goes on."""
            stalled.close()
            client.close()
            try:
                client.batch_post("/same", [1])
            except RuntimeError as error:
                assert str(error) == "PerformanceClient is closed"
            else:
                raise AssertionError("a closed client has called")
            assert PerformanceClient(server.url, "key").batch_post("/same", [2]).data == [2]

        def shares() -> None:
            before = server.statistics().connections_opened
            twins = [client, PerformanceClient(server.url, "key"), pickle.loads(pickle.dumps(client))]
            assert [twin.batch_post("/same", [3]).data for twin in twins] == [[3]] * 3
            assert server.statistics().connections_opened == before + 1

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(stalled.batch_post, "/same", list(range(20)))
            eventually(lambda: server.statistics().requests_active == 20)
            for _ in range(5):
                expect_success(fork(closes))
                expect_success(fork(shares))
            assert server.statistics().requests_aborted == 0 and not running.done()
            assert client.batch_post("/same", [4]).data == [4]
            pid = fork(shares)
            stalled.close()
            expect_success(pid)
            assert type(running.exception(20)) is OperationCancelled
        # A thread may be making clients while another one forks.
        enough = threading.Event()

        def makes_clients() -> None:
            while not enough.is_set():
                PerformanceClient(server.url, "key", connect_timeout_s=7)

        makers = [threading.Thread(target=makes_clients) for _ in range(2)]
        for maker in makers:
            maker.start()
        try:
            for _ in range(20):
                expect_success(fork(shares))
        finally:
            enough.set()
            for maker in makers:
                maker.join()
    print("done")


main()
