"""A signal handler raises while the event loop takes in answers: no other call is forgotten by a loop that goes on."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import orjson
import pytest

from baseten_perf import PerformanceClient
from baseten_perf.operations import quick_json
from baseten_perf.testing import Server


class Interrupt(KeyboardInterrupt):
    """One that an event loop lets through."""


def interrupt(number: int, frame: object) -> None:
    raise Interrupt


@pytest.mark.usefixtures("poller")
def test_the_other_calls_come_to_their_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = orjson.loads
    left = [1]

    def loads_and_interrupts(body: Any) -> Any:
        answer = loads(body)
        if left and answer == "interrupting":
            left.pop()
            signal.raise_signal(signal.SIGUSR1)
        return answer

    monkeypatch.setattr(quick_json.orjson, "loads", loads_and_interrupts)
    before = signal.signal(signal.SIGUSR1, interrupt)
    loop = asyncio.new_event_loop()
    client = PerformanceClient(server.url, "k")
    calls: list[Any] = []

    async def main() -> None:
        calls.append(client.async_batch_post("/x", ["interrupting", 2]))
        calls.extend(client.async_batch_post("/x", [i, i, i]) for i in range(5))
        # Blocking: when the second ends, the others have ended too, and the event loop hears of all of them at once.
        for _ in range(2):
            client.batch_post("/x", [0, 0, 0, 0])
        await asyncio.gather(*calls[1:])

    try:
        with pytest.raises(Interrupt) as caught:
            loop.run_until_complete(main())
        assert calls[0].exception() is caught.value
        assert caught.value.partial in (["interrupting", 2], ["interrupting", None])  # type: ignore[attr-defined]
        loop.run_until_complete(*asyncio.all_tasks(loop))
        responses = [call.result() for call in calls[1:]]
        assert [response.data for response in responses] == [[i, i, i] for i in range(5)]
    finally:
        signal.signal(signal.SIGUSR1, before)
        loop.close()
