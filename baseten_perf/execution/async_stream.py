"""How a stream waits in an asyncio event loop: for results, and for an asynchronous source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from .asynchronous import dispatcher_of

if TYPE_CHECKING:
    from ..engine import EventMailbox
    from ..operations.source import Gathering
    from .stream_call import StreamCall


class Waiting:
    """Of one stream, in the event loop that runs when it is made."""

    __slots__ = ("__weakref__", "_announced", "_future", "_loop", "_pulling", "_source", "_token")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] | None = None
        self._announced = False
        self._source: AsyncIterator[Any] | None = None
        self._pulling: asyncio.Task[list[Any]] | None = None

    def address(self) -> tuple[EventMailbox, int]:
        """Where the engine is to announce results."""
        dispatcher = dispatcher_of(self._loop)
        return dispatcher.mailbox, dispatcher.listen(self)

    def announced(self) -> None:
        """There are results, or the source has given a batch."""
        self._announced = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, briefly: bool) -> None:
        """Until something is announced; or until the other tasks have had a turn."""
        if briefly:
            await asyncio.sleep(0)
            return
        if not self._announced:
            self._future = self._loop.create_future()
            try:
                await self._future
            finally:
                self._future = None
        self._announced = False

    def pull(self, call: StreamCall[Any], source: Any, gathering: Gathering) -> None:
        """Push the batch that the source has given meanwhile, and have it asked for the next one."""
        if self._source is None:
            self._source = aiter(source)
        pulling = self._pulling
        if pulling is not None and pulling.done():
            self._pulling = None
            call.pull(pulling.result)
        if self._pulling is None and call.wants:
            # Neither the task nor what it calls back keeps the stream, which may be dropped meanwhile.
            self._pulling = self._loop.create_task(_next_batch(self._source, gathering))
            alive = ref(self)
            self._pulling.add_done_callback(lambda _: _announce(alive))

    def close(self) -> None:
        """Stop asking the source; in any thread, since the garbage collector may call this."""
        if self._pulling is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pulling.cancel)
        self._pulling = None


def _announce(alive: ref[Waiting]) -> None:
    waiting = alive()
    if waiting is not None:
        waiting.announced()


async def _next_batch(source: AsyncIterator[Any], gathering: Gathering) -> list[Any]:
    async for item in source:
        batch = gathering.add(item)
        if batch is not None:
            return batch
    return gathering.rest()
