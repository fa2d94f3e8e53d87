"""One of the two answers is late: IPv4 is used without it, IPv6 too where there is a way; a late answer is taken in."""

from __future__ import annotations

import socket

from shared import names

names.begin()

from baseten_perf import PerformanceClient  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


with Server() as server:
    client = PerformanceClient(f"http://late.test:{server.port}", "key")
    names.answer("late.test", names.A, "127.0.0.1")
    assert client.batch_post("/x", [1, 2, 3]).data == [1, 2, 3]
    names.expect_asked("late.test", 1)
    # It is out still, and nobody asks again meanwhile.
    assert client.batch_post("/x", list(range(100))).data == list(range(100))
    names.answer("late.test", names.AAAA, "::1")
    assert client.batch_post("/x", list(range(100))).data == list(range(100))
    names.expect_asked("late.test", 1)

if has_ipv6():
    with Server(host="::1") as server:
        client = PerformanceClient(f"http://six.test:{server.port}", "key")
        names.answer("six.test", names.AAAA, "::1")
        assert client.batch_post("/x", [1, 2, 3]).data == [1, 2, 3]
        names.deny("six.test", names.A)
        names.expect_asked("six.test", 1)
print("done")
