"""First contact by name: however many requests start at once, and later, it is looked up once per family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shared import names

names.begin()

from baseten_perf import PerformanceClient, RequestProcessingPreference  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402

with Server() as server:
    client = PerformanceClient(f"http://Server.Test:{server.port}", "key")
    pool = client.get_client_wrapper()
    other = PerformanceClient(f"http://server.test:{server.port}/base", "key", client_wrapper=pool)
    many = RequestProcessingPreference(max_concurrent_requests=256, batch_size=16)
    payloads = list(range(512))
    with ThreadPoolExecutor(9) as threads:
        calls = [threads.submit(client.batch_post, "/same", payloads, many)]
        calls += [threads.submit(other.batch_post, "/small", [number]) for number in range(8)]
        names.expect_asked("server.test", 1)
        names.answer("server.test", names.A, "127.0.0.1")
        names.deny("server.test", names.AAAA)
        assert calls[0].result().data == payloads
        assert [call.result().data for call in calls[1:]] == [[number] for number in range(8)]
    assert client.batch_post("/other", payloads, many).data == payloads
    names.expect_asked("server.test", 1)
print("done")
