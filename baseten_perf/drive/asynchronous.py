"""Awaiting a call in an asyncio event loop: one descriptor per event loop tells which calls want attention."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from ..engine import EventMailbox
from .call import Call

# One turn of the event loop serialises or takes in no more than this, then lets others run.
TURN_S = 0.004
TURN_BYTES = 1024 * 1024

Response = TypeVar("Response")

if TYPE_CHECKING:

    class Future(asyncio.Future[Response], Coroutine[Any, Any, Response]):
        """A future that type checkers let `create_task` have."""
else:
    Future = asyncio.Future


class CallFuture(Future[Response]):
    """The future of a call. Cancelling it aborts the call on the wire.

    Also good for `create_task`, which wants a coroutine: so it has a coroutine's methods.
    """

    call: Call | None = None
    _steps: Generator[Any, None, Any] | None = None

    def cancel(self, msg: Any = None) -> bool:
        if not super().cancel(msg):
            return False
        if self.call is not None:
            self.call.cancel()
        return True

    def send(self, value: None) -> Any:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        # A task that is cancelled before its first step throws this instead of cancelling what it waits for.
        kind = error[0] if isinstance(error[0], type) else type(error[0])
        if issubclass(kind, asyncio.CancelledError):
            self.cancel()
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*error)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


Coroutine.register(CallFuture)


class Dispatcher:
    """Serves the calls of one event loop, in its thread.

    Attributes:
        mailbox: tells of them; stale in a forked child, whose calls need a dispatcher of their own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.mailbox = EventMailbox()
        self._futures: dict[int, CallFuture[Any]] = {}
        self._tokens = itertools.count(1)
        try:
            loop.add_reader(self.mailbox.fileno(), self._ready)
        except NotImplementedError:
            threading.Thread(target=_relay, args=(self.mailbox, loop, self._ready), daemon=True).start()

    def start(self, make_call: Callable[..., Call], *details: Any) -> CallFuture[Any]:
        """Start a call at once; its future, which also brings why a call could not be made (ValueError).

        Parameters:
            make_call: makes the call of `details`, the mailbox that tells of it, and its token there.
        """
        token = next(self._tokens)
        future: CallFuture[Any] = CallFuture(loop=self._loop)
        try:
            future.call = make_call(*details, self.mailbox, token)
        except ValueError as refused:
            # Without the frames here: they refer to the future, which would keep itself and the client.
            future.set_exception(refused.with_traceback(None))
            return future
        self._futures[token] = future
        self._feed(token)
        return future

    def abandon(self) -> None:
        """Abort every call, silently: their event loop is closed and nobody can be told."""
        for future in self._futures.values():
            if future.call is not None:
                future.call.cancel()
        self._futures.clear()

    def _ready(self) -> None:
        if self.mailbox.stale:
            # A child goes on with its parent's event loop: what is announced here is for the parent to hear.
            self._loop.remove_reader(self.mailbox.fileno())
            return
        for token in self.mailbox.take():
            self._advance(token)

    def _feed(self, token: int) -> None:
        future = self._futures.get(token)
        if future is None or future.call is None or future.done():
            return
        try:
            more = future.call.feed(TURN_BYTES)
        except Exception as failure:
            future.call.cancel()
            self._finish(token, future, failure, None)
            del future  # which refers to the failure, whose traceback refers to this frame
            return
        if more:
            self._loop.call_soon(self._feed, token)

    def _advance(self, token: int) -> None:
        future = self._futures.get(token)
        if future is None or future.call is None:
            return
        call = future.call
        if future.done():
            # Cancelled: nobody waits, but the bodies are let go.
            del self._futures[token]
            future.call = None
            return
        try:
            if not call.advance(perf_counter() + TURN_S):
                if call.has_arrivals:
                    self._loop.call_soon(self._advance, token)
                if call.handle.hungry:
                    self._feed(token)
                return
            successor = call.successor()
            if successor is not None:
                future.call = successor
                self._feed(token)
                return
            response = call.result()
        except Exception as failure:
            call.cancel()
            self._finish(token, future, failure, None)
            del future, call  # as above
        else:
            self._finish(token, future, None, response)

    def _finish(self, token: int, future: CallFuture[Any], failure: Exception | None, response: Any) -> None:
        del self._futures[token]
        future.call = None
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(response)


def _relay(mailbox: EventMailbox, loop: asyncio.AbstractEventLoop, ready: Callable[[], None]) -> None:
    # For event loops that cannot watch a descriptor (asyncio's proactor).
    while not loop.is_closed():
        if mailbox.wait(1.0):
            try:
                loop.call_soon_threadsafe(ready)
            except RuntimeError:
                return  # closed meanwhile: nobody is left to be told


# Of closed event loops they are forgotten when the next one makes its first call.
_dispatchers: dict[asyncio.AbstractEventLoop, Dispatcher] = {}


def start(make_call: Callable[..., Call], *details: Any) -> CallFuture[Any]:
    """Start a call in the running event loop, at once; its future. For the parameters see Dispatcher.start.

    Raises RuntimeError when no event loop runs in this thread.
    """
    loop = asyncio.get_running_loop()
    dispatcher = _dispatchers.get(loop)
    if dispatcher is None or dispatcher.mailbox.stale:
        for other, left in list(_dispatchers.items()):
            if other.is_closed():
                left.abandon()
                _dispatchers.pop(other, None)
        dispatcher = _dispatchers[loop] = Dispatcher(loop)
    return dispatcher.start(make_call, *details)
