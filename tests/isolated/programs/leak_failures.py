"""Thousands of calls that fail, each in its way: memory and descriptors stay flat."""

from __future__ import annotations

from collections.abc import Callable

import requests
from shared.usage import expect_flat

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(16)]
ONCE = RequestProcessingPreference(batch_size=4, max_retries=0)
TWICE = RequestProcessingPreference(batch_size=4, max_retries=1, initial_backoff_ms=50)
SHORT = RequestProcessingPreference(batch_size=4, max_retries=0, timeout_s=0.1)


def main() -> None:
    with Server() as server:
        pool = PerformanceClient(server.url, "key").get_client_wrapper()

        def client(url: str) -> PerformanceClient:
            return PerformanceClient(url, "key", client_wrapper=pool)

        faults = [
            {"status": 500}, {"status": 404}, {"truncate": True}, {"reset": True}, {"reset_body": True},
            {"garbage": True}, {"invalid_json": True}, {"not_json": True}, {"empty": True}, {"null_embedding": True},
            {"nan": True}, {"extra_item": True}, {"drop_item": True}, {"missing": "data"},
            {"overstate": True}, {"ragged": True, "missing": "index+embedding"},
        ]  # fmt: skip
        failing = [client(server.faulty(**fault)) for fault in faults]
        stalled = [client(server.faulty(stall=True)), client(server.faulty(stall_body=True))]
        nowhere = client("http://127.0.0.1:9")
        flaky = client(server.faulty(status=503, every=2, retry_after_ms=1))

        def expect_failure(call: Callable[[], object]) -> None:
            try:
                call()
            except (requests.exceptions.RequestException, ValueError) as failure:
                assert failure.partial is not None
                return
            raise AssertionError("no failure")

        def calls() -> None:
            for _ in range(3):
                for one in failing:
                    expect_failure(lambda one=one: one.embed(TEXTS, "m", dimensions=64, preference=ONCE))
                expect_failure(lambda: nowhere.batch_post("/same", TEXTS, ONCE))
            expect_failure(lambda: failing[0].classify(TEXTS, preference=TWICE))
            flaky.batch_post("/same", [1], TWICE)
            for one in stalled:
                expect_failure(lambda one=one: one.embed(TEXTS, "m", preference=SHORT))

        expect_flat(calls, *failing, *stalled, nowhere, flaky, warm_up=6, rounds=6)
    print("done")


main()
