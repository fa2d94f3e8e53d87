"""A child cancels the token of its parent's calls: these go on, and the child's own calls with it are cancelled."""

from __future__ import annotations

import threading

from shared.children import expect_success, fork
from shared.patience import eventually

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.faulty(latency=1.0), "key")
        token = CancellationToken()
        preference = RequestProcessingPreference(cancel_token=token)
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(client.batch_post("/same", [1] * 20, preference).data))
        thread.start()
        eventually(lambda: server.statistics().requests_active == 20)

        def child() -> None:
            quick = PerformanceClient(server.url, "key")
            assert quick.batch_post("/same", [2], preference).data == [2]
            token.cancel()
            try:
                quick.batch_post("/same", [3], preference)
            except OperationCancelled:
                return
            raise AssertionError("a cancelled token was ignored")

        for pid in [fork(child) for _ in range(3)]:
            expect_success(pid)
        thread.join()
        assert answers == [[1] * 20] and not token.is_cancelled()
        assert server.statistics().requests_aborted == 0
    print("done")


main()
