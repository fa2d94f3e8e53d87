"""An operation of the engine that is cancelled, or dropped, before any loop was told of it."""

from __future__ import annotations

from shared.patience import eventually
from shared.usage import allocated

from baseten_perf import HttpClientWrapper, engine


def operation(pool: engine.Engine) -> engine.OperationHandle:
    plan = engine.RequestPlan(
        pool, routes=[(b"http://127.0.0.1:9/none", b"", engine.EndpointState(), 1.0)], pinned=False, method="POST",
        bodyless=False, lines=[b"a: b"], request_id_prefix=b"prefix", deadline_header=True, concurrency=32,
        timeout_s=1.0, connect_timeout_s=1.0, total_timeout_s=10.0, max_retries=0, initial_backoff_ms=50,
        retry_share=0.0, hedge_delay_s=None, hedge_share=0.0, final_statuses=[],
    )  # fmt: skip
    return engine.OperationHandle(plan, 64, 64, 0, None, 0)


def main() -> None:
    pool = HttpClientWrapper().engine
    before = 0
    for number in range(4000):
        unused = operation(pool)
        for _ in range(number % 3):
            unused.push(b"x" * 100, 1)
        if number % 2:
            unused.cancel()
            nothing: list[object] = []
            unused.drain(nothing)
            assert unused.over and nothing == []
        if number % 4 == 3:
            unused.flush(0)
        del unused
        if number == 1000:
            before = allocated()
    # The loops may be behind; what they let go of last is swept by the next operation.
    eventually(lambda: operation(pool).over is False and allocated() - before < 512 * 1024)
    print("done")


main()
