"""Awaiting a call in an asyncio event loop: one descriptor per event loop tells which calls want attention."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from ..engine import EventMailbox
from ..partial import Partial, attach
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

    It has the methods of a coroutine that tasks use; see TaskableCallFuture.
    """

    call: Call | None = None
    _steps: Generator[Any, None, Any] | None = None

    def cancel(self, msg: Any = None) -> bool:
        if not super().cancel(msg):
            return False
        if self.call is not None:
            self.call.cancel()
            cancelled: Any = self
            cancelled.partial = self.call.partial()
            cancelled.__class__ = CancelledCallFuture
        return True

    def send(self, value: None) -> Any:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        # A task that is cancelled before its first step throws this instead of cancelling what it waits for.
        kind = error[0] if isinstance(error[0], type) else type(error[0])
        if issubclass(kind, asyncio.CancelledError) and self.cancel() and isinstance(self, CancelledCallFuture):
            attach(error[0], self.partial)
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*error)


class TaskableCallFuture(CallFuture[Response]):
    """What a CallFuture is when it is made: one that `create_task` takes, which wants a coroutine.

    It has all methods of a coroutine, and by them it is one. Once it has been hashed, it is none any more, but a future
    as before: asyncio.wait puts futures into a set, and then refuses coroutines.
    """

    def __hash__(self) -> int:
        hashed: Any = self
        hashed.__class__ = CallFuture
        return object.__hash__(self)

    def close(self) -> None:
        if self._steps is not None:
            self._steps.close()


class CancelledCallFuture(CallFuture[Any]):
    """What a CallFuture becomes when it is cancelled: each CancelledError that it raises carries `partial`.

    They are of asyncio's own class, since some versions of asyncio.timeout and TaskGroup tell by identity. A class of
    its own costs calls nothing that are never cancelled: a Future in C raises its errors without asking a subclass.
    """

    partial: Partial

    def _make_cancelled_error(self) -> asyncio.CancelledError:
        made: Any = super()
        error: asyncio.CancelledError = made._make_cancelled_error()
        attach(error, self.partial)
        return error

    def result(self) -> Any:
        raise self._make_cancelled_error()

    def exception(self) -> Any:
        raise self._make_cancelled_error()

    def __await__(self) -> Generator[Any, None, Any]:
        raise self._make_cancelled_error()
        yield


class Listener(Protocol):
    """What waits for itself, and only has to be told that there is something to do."""

    def announced(self) -> None: ...


class Dispatcher:
    """Serves the calls of one event loop, in its thread.

    Attributes:
        mailbox: tells of them; stale in a forked child, whose calls need a dispatcher of their own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.mailbox = EventMailbox()
        self._futures: dict[int, CallFuture[Any]] = {}
        self._listeners: WeakValueDictionary[int, Listener] = WeakValueDictionary()
        self._tokens = itertools.count(1)
        if not self._watch():
            threading.Thread(target=_relay, args=(self.mailbox, loop, self._ready), daemon=True).start()

    def _watch(self) -> bool:
        """Have the event loop watch the mailbox's descriptor; False when it has none, or the loop watches none."""
        if self.mailbox.fileno() < 0:
            return False
        try:
            self._loop.add_reader(self.mailbox.fileno(), self._ready)
        except NotImplementedError:
            return False
        self.mailbox.watched()
        return True

    def start(self, make_call: Callable[..., Call], *details: Any) -> CallFuture[Any]:
        """Start a call at once; its future, which also brings why a call could not be made (ValueError).

        Parameters:
            make_call: makes the call of `details`, the mailbox that tells of it, and its token there.
        """
        token = next(self._tokens)
        future: CallFuture[Any] = TaskableCallFuture(loop=self._loop)
        try:
            future.call = make_call(*details, self.mailbox, token)
        except ValueError as refused:
            # Without the frames here: they refer to the future, which would keep itself and the client.
            future.set_exception(refused.with_traceback(None))
            return future
        self._futures[token] = future
        self._feed(token)
        return future

    def listen(self, listener: Listener) -> int:
        """A token for the mailbox: what is announced by it is told to `listener`, which is not kept alive."""
        token = next(self._tokens)
        self._listeners[token] = listener
        return token

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
        self._serve(deque(self.mailbox.take()))

    def _serve(self, tokens: deque[int]) -> None:
        try:
            while tokens:
                self._advance(tokens.popleft())
        except BaseException:
            # A signal handler has raised. Should the event loop be run again, the other calls must not be forgotten.
            if not self._loop.is_closed():
                self._loop.call_soon(self._serve, tokens)
            raise

    def _feed(self, token: int) -> None:
        future = self._futures.get(token)
        if future is None or future.call is None or future.done():
            return
        try:
            more = future.call.feed(TURN_BYTES)
        except BaseException as failure:
            self._fail(token, future, future.call, failure)
            del future  # which refers to the failure, whose traceback refers to this frame
            if not isinstance(failure, Exception):
                raise  # as from a Task: it is the event loop's, too
            return
        if more:
            self._loop.call_soon(self._feed, token)

    def _advance(self, token: int) -> None:
        future = self._futures.get(token)
        if future is None or future.call is None:
            listener = self._listeners.get(token)
            if listener is not None:
                listener.announced()
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
            if call.instead is not None:
                future.call = call.fallback()
                self._feed(token)
                return
            response = call.result()
        except BaseException as failure:
            self._fail(token, future, call, failure)
            del future, call
            if not isinstance(failure, Exception):
                raise
        else:
            del self._futures[token]
            future.call = None
            future.set_result(response)

    def _fail(self, token: int, future: CallFuture[Any], call: Call, failure: BaseException) -> None:
        call.cancel()
        attach(failure, call.partial())
        del self._futures[token]
        future.call = None
        future.set_exception(failure)


def _relay(mailbox: EventMailbox, loop: asyncio.AbstractEventLoop, ready: Callable[[], None]) -> None:
    # For event loops that cannot watch a descriptor (asyncio's proactor), and for processes that had none left.
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
    return dispatcher_of(asyncio.get_running_loop()).start(make_call, *details)


def dispatcher_of(loop: asyncio.AbstractEventLoop) -> Dispatcher:
    """The dispatcher of an event loop, which runs in this thread."""
    dispatcher = _dispatchers.get(loop)
    if dispatcher is None or dispatcher.mailbox.stale:
        for other, left in list(_dispatchers.items()):
            if other.is_closed():
                left.abandon()
                _dispatchers.pop(other, None)
        dispatcher = _dispatchers[loop] = Dispatcher(loop)
    return dispatcher
