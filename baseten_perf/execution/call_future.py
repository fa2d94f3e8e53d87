"""CallFuture: what an asynchronous call returns, a future of asyncio that tasks can be made of."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from ..partial import Partial, attach
from .call import Call

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
