# python: -X dev -W error
"""An ordinary program under Python's development mode, where every warning is an error: no output but its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

import requests

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server


async def use(client: PerformanceClient) -> None:
    asyncio.get_running_loop().slow_callback_duration = 60.0  # a busy machine is no mistake of the program
    texts = [f"text {i}" for i in range(40)]
    embedded, posted, ranked, classified = await asyncio.gather(
        client.async_embed(texts, "m", batch_size=4),
        client.async_batch_post("/same", texts),
        client.async_rerank("query", texts),
        client.async_classify(texts),
    )
    assert embedded.numpy().shape == (40, 384) and posted.data == texts
    assert len(ranked.data) == len(classified.data) == 40
    task = asyncio.create_task(client.async_batch_post("/same", texts))
    assert (await task).data == texts
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client.async_batch_post("/-/stall/same", [1]), 0.05)


def main() -> None:
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        asyncio.run(use(client))
        thread = threading.Thread(target=lambda: asyncio.run(use(client)))
        thread.start()
        thread.join()
        preference = RequestProcessingPreference(max_retries=0)
        for fault in ("status=500", "truncate", "reset", "invalid_json"):
            try:
                client.batch_post(f"/-/{fault}/same", [1], preference)
                raise AssertionError(f"{fault} was not noticed")
            except (requests.exceptions.RequestException, ValueError) as failure:
                assert str(failure)
        gc.collect()
    print("done")


main()
