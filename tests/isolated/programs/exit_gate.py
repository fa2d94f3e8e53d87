"""Programs that end while calls wait at a closed gate or at a limit: normally, by an exception, with daemon threads,
with calls that nobody awaits; each is prompt, and says nothing but its own exception."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

SECONDS = 60.0  # a hang; the gate stays closed for longer


def closed(url: str, **limits: float) -> PerformanceClient:
    """A client whose calls wait at a gate, or at its limits, from now on."""
    client = PerformanceClient(url, "key", **limits)
    try:
        client.batch_post("/same", [0], max_retries=0)
    except Exception as refusal:
        assert "429" in str(refusal)
        return client
    raise AssertionError("not refused")


def daemon_threads(url: str) -> None:
    client = closed(url)
    for _ in range(4):
        threading.Thread(target=lambda: client.batch_post("/same", [1] * 40), daemon=True).start()
        threading.Thread(target=lambda: client.embed(["a"] * 40, "m", batch_size=1), daemon=True).start()
    eventually(lambda: threading.active_count() == 9)


async def pending(client: PerformanceClient) -> None:
    kept = [client.async_batch_post("/same", [number] * 3) for number in range(100)]
    vectors = asyncio.ensure_future(client.async_embed(["a"] * 40, "m", batch_size=1))
    await asyncio.sleep(0.05)
    assert not any(future.done() for future in (vectors, *kept))


def asyncio_pending(url: str) -> None:
    asyncio.run(pending(closed(url)))


def asyncio_pending_at_a_limit(url: str) -> None:
    asyncio.run(pending(closed(url, max_requests_per_minute=1)))


def exception(url: str) -> None:
    asyncio.run(pending(closed(url)))
    raise SystemExit(3)


def loop_left_open(url: str) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(pending(closed(url)))
    loop.close()


CASES: list[tuple[Callable[[str], None], int]] = [
    (daemon_threads, 0), (asyncio_pending, 0), (asyncio_pending_at_a_limit, 0), (exception, 3), (loop_left_open, 0),
]  # fmt: skip


def main() -> None:
    with Server() as server:
        url = server.faulty(status=429, retry_after=100)
        running = [
            subprocess.Popen(
                [sys.executable, __file__, case.__name__, url],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for case, _ in CASES
        ]  # fmt: skip
        for (case, code), process in zip(CASES, running, strict=True):
            said, _ = process.communicate(timeout=SECONDS)
            assert (process.returncode, said) == (code, ""), (case.__name__, process.returncode, said)
        eventually(lambda: server.statistics().requests_active == 0)
    print("done")


if len(sys.argv) == 3:
    globals()[sys.argv[1]](sys.argv[2])
else:
    main()
