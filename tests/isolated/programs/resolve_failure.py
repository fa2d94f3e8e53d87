"""Look-ups that fail: the error says so, retries ask again, and the next call is served when the name is known."""

from __future__ import annotations

import socket

from shared import names

names.begin()

from baseten_perf import APIConnectionError, PerformanceClient, RequestProcessingPreference  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402


def refused(client: PerformanceClient, **options: int) -> str:
    try:
        client.batch_post("/x", [1], RequestProcessingPreference(**options))
    except APIConnectionError as error:
        return str(error)
    raise AssertionError("no error")


with Server() as server:
    client = PerformanceClient(f"http://unknown.test:{server.port}", "key")
    for name in ("unknown.test", "retried.test"):
        names.deny(name, names.A)
        names.deny(name, names.AAAA)
    message = refused(client, max_retries=0)
    assert "Could not resolve host: unknown.test (Name or service not known)" in message, message
    assert "curl error 6" in message, message
    names.expect_asked("unknown.test", 1)

    # What may pass is told rather than that one family has no address.
    names.deny("unknown.test", names.AAAA, socket.EAI_AGAIN)
    assert "(Temporary failure in name resolution)" in refused(client, max_retries=0)
    names.expect_asked("unknown.test", 2)

    # An attempt and two more, as when nothing listens.
    refused(PerformanceClient(f"http://retried.test:{server.port}", "key"), max_retries=5)
    names.expect_asked("retried.test", 3)

    names.answer("unknown.test", names.A, "127.0.0.1")
    assert client.batch_post("/x", [1, 2, 3]).data == [1, 2, 3]

    proxied = PerformanceClient("http://behind.test", "key", proxy="http://unknown-proxy.test:3128")
    names.deny("unknown-proxy.test", names.A)
    names.deny("unknown-proxy.test", names.AAAA)
    message = refused(proxied, max_retries=0)
    assert "Could not resolve proxy: unknown-proxy.test (Name or service not known)" in message, message
    assert "curl error 5" in message, message
    names.expect_asked("behind.test", 0)
print("done")
