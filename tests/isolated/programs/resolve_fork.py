"""A fork while a look-up is out: the child makes its own, the parent's goes on."""

from __future__ import annotations

import threading

from shared import names
from shared.children import expect_success, fork

names.begin()

from baseten_perf import PerformanceClient  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402


def main() -> None:
    with Server() as server:
        client = PerformanceClient(f"http://forked.test:{server.port}", "key")
        results: list[object] = []
        calling = threading.Thread(target=lambda: results.append(client.batch_post("/x", list(range(50))).data))
        calling.start()
        names.expect_asked("forked.test", 1)

        def child() -> None:
            names.answer("forked.test", names.A, "127.0.0.1")
            names.deny("forked.test", names.AAAA)
            for _ in range(2):
                assert client.batch_post("/x", [1, 2]).data == [1, 2]
            names.expect_asked("forked.test", 2)  # of which the parent made the first

        children = [fork(child) for _ in range(3)]
        for pid in children:
            expect_success(pid)
        assert not results
        names.answer("forked.test", names.A, "127.0.0.1")
        names.deny("forked.test", names.AAAA)
        calling.join()
        assert results == [list(range(50))]
        expect_success(fork(child))
    print("done")


main()
