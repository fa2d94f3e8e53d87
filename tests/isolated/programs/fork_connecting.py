"""Forks while connections are being opened all the time: no child holds a socket of its parent's."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading

from shared.children import expect_success, fork

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


def expect_no_connection() -> None:
    for number in map(int, os.listdir("/dev/fd")):
        with contextlib.suppress(OSError):  # the one of this very listing
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as inherited:
                    assert inherited.family != socket.AF_INET, f"descriptor {number} is a connection"


def main() -> None:
    over = threading.Event()

    with Server() as server:
        client = PerformanceClient(server.faulty(close_after=True), "key")

        def connect() -> None:
            while not over.is_set():
                client.batch_post("/same", [1] * 64, max_concurrent_requests=32)

        connecting = threading.Thread(target=connect)
        connecting.start()
        try:
            for _ in range(300):
                expect_success(fork(expect_no_connection))
        finally:
            over.set()
            connecting.join()
    print("done")


main()
