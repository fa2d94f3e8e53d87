"""Addresses are looked up again after a failed connection and when they are old; old ones serve meanwhile."""

from __future__ import annotations

import socket

from shared import names

names.begin()

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402

ONCE = RequestProcessingPreference(max_retries=0)


def call(client: PerformanceClient, path: str = "/x") -> None:
    assert client.batch_post(path, [1, 2, 3], ONCE).data == [1, 2, 3]


def call_after_two_minutes(client: PerformanceClient, times: int) -> None:
    """Call when the addresses are old, which makes so many look-ups; they are not if an answer came in just now."""
    while names.asked("moving.test", names.A) < times:
        names.clock_forward(121)
        call(client)
    names.expect_asked("moving.test", times)


names.deny("moving.test", names.AAAA)
names.answer("moving.test", names.A, "127.0.0.2")
with Server(host="127.0.0.2") as server:
    port = server.port
    client = PerformanceClient(f"http://moving.test:{port}", "key")
    call(client)
    call(client, "/other")
    names.expect_asked("moving.test", 1)
with Server(host="127.0.0.3", port=port):
    # The next call finds nobody at the old address, and the one after it asks for the new one, which it waits for.
    names.answer("moving.test", names.A, "127.0.0.3")
    try:
        call(client)
    except APIConnectionError:
        call(client)
    names.expect_asked("moving.test", 2)

    # After a minute they are looked up in passing, and nobody waits for it.
    names.silence("moving.test", names.A)
    names.clock_forward(61)
    call(client)
    names.expect_asked("moving.test", 3)
    call(client)
    names.answer("moving.test", names.A, "127.0.0.3")
    call(client)

    # After two, calls wait, and go on with the old ones when they hear nothing.
    names.silence("moving.test", names.A)
    call_after_two_minutes(client, 4)
    call(client)
    names.answer("moving.test", names.A, "127.0.0.3")

    # A server that does not answer is no denial.
    names.deny("moving.test", names.A, socket.EAI_AGAIN)
    call_after_two_minutes(client, 5)
print("done")
