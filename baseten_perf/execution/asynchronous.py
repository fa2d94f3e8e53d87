"""Awaiting a call in an asyncio event loop: one descriptor per event loop tells which calls want attention."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ..engine import EventMailbox
from ..partial import attach
from .call import Call
from .call_future import CallFuture, TaskableCallFuture

# One turn of the event loop serialises or takes in no more than this, then lets others run.
TURN_S = 0.004
TURN_BYTES = 1024 * 1024


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
        call = None if future is None else future.call
        if future is None or call is None or future.done():
            return
        try:
            more = call.feed(TURN_BYTES)
        except BaseException as failure:
            self._fail(token, future, call, failure)
            del future, call  # which refer to the failure, whose traceback refers to this frame
            if not isinstance(failure, Exception):
                raise  # as from a Task: it is the event loop's, too
            return
        if more:
            self._loop.call_soon(self._feed, token)

    def _advance(self, token: int) -> None:
        future = self._futures.get(token)
        call = None if future is None else future.call
        if future is None or call is None:
            listener = self._listeners.get(token)
            if listener is not None:
                listener.announced()
            return
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
