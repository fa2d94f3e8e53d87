"""What a signal handler raises in a blocking call goes up as it is, with the answers that had arrived as `partial`."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from shared.patience import eventually

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding

TEXTS = [f"stalled {i}" if i % 5 == 4 else f"text {i}" for i in range(40)]
STALLED = 8


class Ring(Exception):
    pass


class Closed(BaseException):
    """Takes no attributes."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def interrupt(client: PerformanceClient, server: Server, number: int) -> threading.Thread:
    """Send a signal when all but the stalled requests have been answered, and the answers have been read."""

    def watch() -> None:
        eventually(lambda: server.statistics().requests == 40 and server.statistics().requests_active == STALLED)
        # The client has one loop. When it begins the second call, it has read what was there before the first ended.
        for _ in range(2):
            client.batch_post("/same", ["after that"])
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def ended(call: Callable[[], object]) -> Any:
    try:
        call()
    except BaseException as raised:
        return raised.with_traceback(None)
    raise AssertionError("not ended")


def main() -> None:
    os.environ["BASETEN_PERF_LOOPS"] = "1"
    raised: list[BaseException] = []

    def ring(number: int, frame: object) -> None:
        raise raised[-1]

    signal.signal(signal.SIGUSR1, ring)
    with Server() as server:
        client = PerformanceClient(server.faulty(stall=True, containing="stalled"), "key")
        calls: list[tuple[Callable[[], object], Callable[[int, Any], bool]]] = [
            (lambda: client.batch_post("/same", TEXTS), lambda i, answer: answer == TEXTS[i]),
            (
                lambda: client.embed(TEXTS, "m", batch_size=1),
                lambda i, item: (item.index, item.embedding) == (i, embedding(TEXTS[i]).tolist()),
            ),
            (lambda: client.rerank("q", TEXTS, return_text=True, batch_size=1), lambda i, one: one.text == TEXTS[i]),
            (lambda: client.classify(TEXTS, batch_size=1), lambda i, labels: bool(labels)),
        ]
        for call, right in calls:
            for number in (signal.SIGINT, signal.SIGUSR1):
                server.reset()
                raised.append(Ring("mine"))
                watcher = interrupt(client, server, number)
                error = ended(call)
                watcher.join()
                assert type(error) is KeyboardInterrupt if number == signal.SIGINT else error is raised[-1], error
                assert error.__context__ is None and error.__cause__ is None
                assert len(error.partial) == 40
                for i, answer in enumerate(error.partial):
                    assert (answer is None) == TEXTS[i].startswith("stalled"), i
                    assert answer is None or right(i, answer), (i, answer)
                assert error.partial.listed() is error.partial.listed()
        raised.append(Closed())
        server.reset()
        watcher = interrupt(client, server, signal.SIGUSR1)
        assert ended(calls[0][0]) is raised[-1]
        watcher.join()

        def dropped() -> tuple[BaseException, weakref.ref[PerformanceClient]]:
            brief = PerformanceClient(server.faulty(stall=True, containing="stalled"), "key")
            raised.append(Ring())
            watcher = interrupt(brief, server, signal.SIGUSR1)
            error = ended(lambda: brief.batch_post("/same", TEXTS))
            watcher.join()
            return error, weakref.ref(brief)

        server.reset()
        gc.disable()
        error, gone = dropped()
        assert gone() is None, "an exception keeps the client"
        assert sum(answer is not None for answer in error.partial) == 32  # type: ignore[attr-defined]
        gc.enable()

        # asyncio.run cancels the task that it runs, and raises KeyboardInterrupt instead of what comes of that.
        async def awaiting() -> None:
            await client.async_batch_post("/same", TEXTS)

        if sys.version_info >= (3, 11):
            server.reset()
            watcher = interrupt(client, server, signal.SIGINT)
            error = ended(lambda: asyncio.run(awaiting()))
            watcher.join()
            assert type(error) is KeyboardInterrupt, error
            assert [answer is None for answer in error.__context__.partial].count(True) == STALLED  # type: ignore

        # At any moment, of quick answers: what is there is right, and is there once.
        quick = PerformanceClient(server.url, "key")
        chance = random.Random(3)
        rung = 0
        for turn in range(40):
            raised.append(Ring())
            previous = signal.signal(signal.SIGALRM, ring)
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.001, 0.02))
            try:
                if turn % 2:
                    quick.batch_post("/same", list(range(2000)))
                else:
                    quick.embed(["a"] * 200, "m", dimensions=2, batch_size=2)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Ring as error:
                partial = getattr(error, "partial", None)
                if partial is None:
                    continue  # before the call had begun
                rung += 1
                if turn % 2:
                    assert all(answer in (None, i) for i, answer in enumerate(partial))
                else:
                    assert all(item is None or item.index == i for i, item in enumerate(partial))
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, previous or signal.SIG_DFL)
        assert rung > 5, rung
    print("done")


main()
