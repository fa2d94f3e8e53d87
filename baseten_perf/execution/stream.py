"""Stream: results as they come, of inputs as they come, in a thread or in an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..closing import Closable
from ..late import load
from ..partial import inform
from .blocking import SLICE_S
from .stream_call import StreamCall
from .stream_window import GIVEN_TOGETHER

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..operations.source import Gathering

Item = TypeVar("Item")
# While results are ready, the source is asked for so many batches before the next one is given.
PULLED_TOGETHER = 2 * GIVEN_TOGETHER


class Stream(Closable, Generic[Item]):
    """Results as they come: an iterator, to be used once, with `for` in a thread or with `async for` in an event loop.

    The source is pulled in the consumer's thread, as far ahead as keeps the requests busy, and no further while results
    are not taken; so memory stays flat however many inputs there are. An asynchronous source takes `async for`; a
    blocking source under `async for` blocks the event loop while it is pulled.

    When the source raises, what was sent is settled and given, and then its exception goes up. `close()`, leaving a
    `with` block, and dropping the stream abort on the wire what is in flight.

    What was given stays valid, however the stream ends. An exception that ends it, Ctrl-C too, has `next_start`, the
    number of the first input that was not given, and `partial`, the items that had arrived and were not given. To go
    on, make a stream of the inputs from there on, and add that number to those of its items::

        first = load_position()  # 0 at first
        stream = client.iter_embed(islice(texts(), first, None), "my_model")
        try:
            for batch in stream:
                store(first + batch.start, batch.numpy())
        finally:
            save_position(first + stream.next_start)

    An item counts as given when the loop has it. With ordered=False later ones may have been given, too: `start` and
    `stop` of each tell which.

    An asyncio.CancelledError has `next_start`, and leaves the stream open.

    Parameters:
        source: iterable or asynchronous iterable of inputs.
        gathering: makes batches of them.
        begin: makes the call, of a mailbox and a token there for event loops.
    """

    def __init__(
        self,
        source: Iterable[Any] | AsyncIterable[Any],
        gathering: Gathering,
        begin: Callable[..., StreamCall[Item]],
    ) -> None:
        if isinstance(source, (str, bytes, bytearray, Mapping)) or not isinstance(source, (Iterable, AsyncIterable)):
            kind = type(source).__name__
            raise TypeError(f"inputs must be an iterable or asynchronous iterable of inputs, not {kind}")
        self._source = source
        self._gathering = gathering
        self._begin = begin
        self._call: StreamCall[Item] | None = None
        self._inputs: Iterator[Any] | None = None  # of a source that blocks
        self._waiting: Any = None  # asyncio's part of it
        self._closed = False

    def __iter__(self) -> Self:
        if isinstance(self._source, AsyncIterable):
            raise TypeError("an asynchronous source needs `async for`")
        return self

    def __next__(self) -> Item:
        if self._closed:
            raise StopIteration
        call = self._call or self._begun(iter(self)._begin())
        inputs = self._inputs or iter(())
        try:
            while not call.leads:
                call.advance()
                self._pull(call, inputs)
                if call.ready:
                    return call.take()
                if call.over:
                    break
                if not call.has_arrivals:
                    call.wait(SLICE_S)
            else:
                return call.take()
        except BaseException as raised:
            call.interrupt(raised)
            self.close()
            raise
        self._finish(call)
        raise StopIteration

    def _begun(self, call: StreamCall[Item]) -> StreamCall[Item]:
        self._call = call
        if not isinstance(self._source, AsyncIterable):
            self._inputs = iter(self._source)
        return call

    def _pull(self, call: StreamCall[Item], inputs: Iterator[Any]) -> None:
        """Pull batches from a source that blocks, as long as the call wants them and nothing waits to be given."""
        next_batch = partial(self._gathering.pull, inputs)
        pulled = 0
        while call.wants and (pulled < PULLED_TOGETHER or not call.ready):
            call.pull(next_batch)
            pulled += 1
            if call.flushed and not call.ready:
                call.advance()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        if self._closed:
            raise StopAsyncIteration
        if self._waiting is None:
            self._waiting = load("baseten_perf.execution.async_stream").Waiting()
        waiting = self._waiting
        call = self._call or self._begun(self._begin(*waiting.address()))
        try:
            while not call.leads:
                call.advance()
                if self._inputs is not None:
                    self._pull(call, self._inputs)
                else:
                    waiting.pull(call, self._source, self._gathering)
                if call.ready:
                    return call.take()
                if call.over:
                    break
                if not call.has_arrivals:
                    call.flush()
                await waiting.wait(call.has_arrivals)
            else:
                return call.take()
        except (Exception, KeyboardInterrupt) as raised:
            call.interrupt(raised)
            self.close()
            raise
        except BaseException as cancelled:
            inform(cancelled, next_start=call.next_start)  # which is not for the stream to end with
            raise
        self._finish(call)
        raise StopAsyncIteration

    def _finish(self, call: StreamCall[Item]) -> None:
        """All is given; raises what has ended the stream, if it failed."""
        self.close()
        if call.failed:
            raise call.end()  # in no variable, which would keep it and this frame by each other

    def close(self) -> None:
        """End the stream: abort on the wire whatever is in flight. May be called again; nothing is given afterwards."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.close()
        if self._call is not None:
            self._call.close()

    @property
    def next_start(self) -> int:
        """Number of the first input that was not given; at any time, also after the end."""
        return 0 if self._call is None else self._call.next_start

    @property
    def closed(self) -> bool:
        """Whether nothing is given any more: all has been, it was closed, or it has failed."""
        return self._closed

    def __del__(self) -> None:
        # The client knows the call as long as it is under way, and would keep it.
        if hasattr(self, "_closed"):
            self.close()
